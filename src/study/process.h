/*
 * study/process.h - runs another program, gives it a text and collects what it answers.
 */
#ifndef STOA_STUDY_PROCESS_H
#define STOA_STUDY_PROCESS_H

#include "stoa/base.h"

/* Starts argv[0] (looked up in PATH, no shell) with input as its standard input, appends its
 * standard output to out and waits for its end, `seconds` at most. STOA_ERR_UNSUPPORTED when the
 * program is not there, STOA_ERR_IO when it fails, with the end of what it wrote to its standard
 * error. */
stoa_status stoa_process_run(const char *const *argv, stoa_view input, double seconds,
                             stoa_buffer *out, stoa_error *err);

#endif /* STOA_STUDY_PROCESS_H */
