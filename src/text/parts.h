/*
 * text/parts.h - from the JSON of a part of a tokenizer to its stages.
 */
#ifndef STOA_TEXT_PARTS_H
#define STOA_TEXT_PARTS_H

#include "text/json.h"
#include "text/tokenizer.h"

/* Parses one part and keeps its canonical text; null or no value is an empty part. */
stoa_status stoa_part_parse(stoa_tokenizer *t, stoa_part part, const json_t *value,
                            const stoa_place *file, stoa_error *err);

#endif /* STOA_TEXT_PARTS_H */
