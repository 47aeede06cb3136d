/* tests/model/lm_fixture.h - small language models for tests. */
#ifndef TESTS_MODEL_LM_FIXTURE_H
#define TESTS_MODEL_LM_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "stoa/model.h"

enum { VOCAB = 11, CONTEXT = 12, BATCH = 3 };

/* 4 layers, width 16, 2 heads; pattern and the rest to be changed by the caller. */
stoa_lm_options small_options(int pattern);
stoa_lm *make_lm(const stoa_lm_options *options, uint64_t seed);
/* The same model with every parameter in double precision, for the reference backend. Owned by the
 * test: free with free_reference. */
stoa_lm *make_reference(const stoa_lm_options *options, uint64_t seed);
void free_reference(stoa_lm *lm);
stoa_ctx *make_ctx(const char *backend);
void random_ids(int32_t *ids, int64_t n, uint64_t seed);
stoa_tensor *ids_tensor(stoa_ctx *ctx, int64_t rows, int64_t length, const int32_t *ids);

#endif /* TESTS_MODEL_LM_FIXTURE_H */
