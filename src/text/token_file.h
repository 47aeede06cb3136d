/*
 * text/token_file.h - the header of token files, shared by the writer and the reader.
 */
#ifndef STOA_TEXT_TOKEN_FILE_H
#define STOA_TEXT_TOKEN_FILE_H

#include "stoa/text.h"

/* Byte for byte what text.h documents. */
typedef struct stoa_token_header {
    char magic[8];
    uint32_t version;
    uint32_t id_bytes;
    uint32_t vocab;
    int32_t end_of_text;
    uint64_t count;
    uint64_t tokenizer_hash;
    uint64_t data_hash;
    uint64_t zero;
    uint64_t header_hash;
} stoa_token_header;

_Static_assert(sizeof(stoa_token_header) == STOA_TOKEN_FILE_HEADER, "the header has no padding");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "ids are mapped as they are in the file");

#define STOA_TOKEN_MAGIC "STOATOK\n"

uint64_t stoa_token_header_hash(const stoa_token_header *h);

#endif /* STOA_TEXT_TOKEN_FILE_H */
