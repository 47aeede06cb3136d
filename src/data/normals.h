/* data/normals.h - many normal numbers at once. */
#ifndef STOA_DATA_NORMALS_H
#define STOA_DATA_NORMALS_H

#include <stdint.h>

/* out[0..n-1] ~ N(0, 1), a pure function of (key, stream): the same on every machine. */
void stoa_normals(const uint32_t key[2], uint64_t stream, float *out, int64_t n);

#endif /* STOA_DATA_NORMALS_H */
