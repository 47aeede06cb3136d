/* nn/safetensors.h - what the reader and the writer of safetensors files share. Private to nn. */
#ifndef STOA_NN_SAFETENSORS_H
#define STOA_NN_SAFETENSORS_H

#include "nn/file_out.h"
#include "stoa/nn.h"

/* Limits of a file; each is checked before memory is spent on what it bounds. */
enum {
    STOA_ST_HEADER = 100000000, /* bytes, the format's own bound */
    STOA_ST_TENSORS = 1000000,
    STOA_ST_DIMS = 8,
    STOA_ST_NAME = 512, /* bytes */
    STOA_ST_ALIGN = 64  /* of the first tensor's byte in files we write */
};

/* How values of a type in the file become values of a stoa_dtype. */
typedef enum stoa_st_reading {
    STOA_ST_AS_IS,
    STOA_ST_F16_TO_F32, /* exact */
    STOA_ST_I64_TO_I32, /* refused when a value does not fit */
    STOA_ST_NO          /* known to the format, but nothing here holds it */
} stoa_st_reading;

typedef struct stoa_st_type {
    const char *name;
    size_t size;
    stoa_dtype dtype;
    stoa_st_reading reading;
} stoa_st_type;

/* NULL when the format has no such type. */
const stoa_st_type *stoa_st_type_find(const char *name);
const char *stoa_st_type_name(stoa_dtype dtype);
/* Converts n values at src (any alignment) to dst; false when one does not fit. */
bool stoa_st_convert(stoa_st_reading reading, void *dst, const void *src, size_t n);

/* Writes header and data to an open file; what fails is kept in out. */
void stoa_safetensors_put(stoa_file_out *out, const stoa_entry *entries, size_t count,
                          const char *const *metadata);

#endif /* STOA_NN_SAFETENSORS_H */
