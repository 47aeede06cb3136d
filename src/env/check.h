/* env/check.h - what the laws of stoa_env_check are made of: specs, values, copies side by side. */
#ifndef STOA_ENV_CHECK_H
#define STOA_ENV_CHECK_H

#include "env/env.h"

/* Names given and different, kinds with their types, shapes, bounds and counts in range. */
stoa_status stoa_spec_check(const stoa_env_spec *spec, stoa_error *err);
/* That n instances' values lie inside the space: numbers between the bounds, categories known,
 * text well-formed UTF-8 followed by zeros only. */
stoa_status stoa_space_check_values(const stoa_space *space, const void *values, int64_t n,
                                    stoa_error *err);

/* ---- sides ----------------------------------------------------------------------------------- */

/* One copy of the environment. Its buffers are filled with the poison before every reset and step,
 * so what is left of it was not written. */
typedef struct stoa_side {
    stoa_env *env;
    stoa_env_memory memory;
    stoa_pool *pool; /* borrowed, nullable */
    uint8_t poison;
} stoa_side;

/* What the laws share. */
typedef struct stoa_checker {
    const stoa_env_class *class_;
    const stoa_env_options *options;
    stoa_env_spec spec;
    int64_t steps, count; /* count: instances of the widest side */
    bool elsewhere;       /* instances live outside this program */
    stoa_side *wide;  /* an open side of `count` instances, for every law to use from a reset on */
    bool chance;      /* whether instances under equal actions ever differed */
    int64_t episodes; /* seen by stoa_law_values */
    double mean, deviation; /* of the first metric: mean over episodes, and of that mean */
    int64_t measured;       /* episodes behind them */
    float *lows, *highs;    /* of every element of a first observation, all spaces in a row */
} stoa_checker;

/* close is fine after a failed open. */
stoa_status stoa_side_open(stoa_side *s, const stoa_checker *c, int64_t count, uint64_t seed,
                           uint8_t poison, stoa_error *err);
void stoa_side_close(stoa_side *s);
stoa_status stoa_side_reset(stoa_side *s, stoa_error *err);
stoa_status stoa_side_step(stoa_side *s, stoa_error *err);
/* Whether the last step ended instance i's episode. */
bool stoa_side_ended(const stoa_side *s, int64_t i);
/* The first rows' actions of one side become another's. */
void stoa_side_copy_actions(stoa_side *to, const stoa_side *from);
/* Every byte that a reset (stepped: a step) writes into the first rows; the error names the array
 * and the instance. Arrays that a side lacks are left out. */
stoa_status stoa_side_compare(const stoa_side *a, const stoa_side *b, int64_t rows, bool stepped,
                              stoa_error *err);

/* Random play under the spec's promises; leaves episodes, mean, deviation and measured. */
stoa_status stoa_law_values(stoa_checker *c, stoa_error *err);

#endif /* STOA_ENV_CHECK_H */
