/*
 * text/reader.h - text files in parts of bounded size that can be encoded one by one.
 *
 * A part ends at the end of a document or between a word and the white space after it: no piece
 * pattern in use joins these two, so the ids of the parts are those of the whole.
 */
#ifndef STOA_TEXT_READER_H
#define STOA_TEXT_READER_H

#include "stoa/base.h"

/* Where text may be cut, at or before `limit`: between an ASCII letter or digit and white space;
 * else before white space; else between characters. Never 0 for n > 0. */
size_t stoa_text_cut(const char *text, size_t n);

typedef struct stoa_text_reader {
    const char *path; /* borrowed */
    int fd;
    const char *separator; /* borrowed, nullable: between documents */
    size_t separator_len;
    char *buffer;
    size_t cap, begin, end; /* unread bytes of buffer */
    bool at_end;            /* of the file */
    bool inside;            /* a part of the current document was given */
    uint64_t consumed;      /* bytes given so far */
} stoa_text_reader;

typedef struct stoa_text_part {
    stoa_view text; /* valid until the next call; may be empty at the end of a document */
    bool continues; /* the document it belongs to began in an earlier part */
    bool ends;      /* it is the last of its document */
} stoa_text_part;

/* part_bytes: size of a part, at least 64; 0 for 1 MiB. */
stoa_status stoa_text_reader_open(stoa_text_reader *r, const char *path, const char *separator,
                                  size_t part_bytes, stoa_error *err);
/* *more is false at the end of the file. */
stoa_status stoa_text_reader_next(stoa_text_reader *r, stoa_text_part *part, bool *more,
                                  stoa_error *err);
void stoa_text_reader_close(stoa_text_reader *r);

/* Size of a file, for progress; 0 when it has none. */
uint64_t stoa_text_file_size(const char *path);

#endif /* STOA_TEXT_READER_H */
