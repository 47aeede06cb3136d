/*
 * text/cache.h - the folder of files that can be made again.
 */
#ifndef STOA_TEXT_CACHE_H
#define STOA_TEXT_CACHE_H

#include "stoa/text.h"

/* $XDG_CACHE_HOME/stoa or ~/.cache/stoa, made if need be. */
stoa_status stoa_text_cache_folder(char *out, size_t n, stoa_error *err);

#endif /* STOA_TEXT_CACHE_H */
