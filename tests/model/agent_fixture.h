/* tests/model/agent_fixture.h - small agents, made-up worlds and made-up episodes for tests. */
#ifndef TESTS_MODEL_AGENT_FIXTURE_H
#define TESTS_MODEL_AGENT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "stoa/model.h"

enum { AGENT_STEPS = 9, AGENT_BATCH = 5 };

/* A kind of agent in a kind of world. */
typedef struct agent_variant {
    const char *name;
    int core, image;
    bool pixels;     /* an image and a text besides categories and numbers */
    bool continuous; /* actions: a box and a pair besides one of three */
    int64_t head_width, object_width;
    double capacity; /* 0: 1 */
    int64_t memory;  /* 0: 4 */
} agent_variant;
extern const agent_variant agent_variants[];
extern const int agent_variant_count;

stoa_env_spec agent_spec(const agent_variant *v);
stoa_agent_options agent_options(const agent_variant *v);

typedef struct agent_case {
    stoa_params *params;
    stoa_agent *agent;
    stoa_agent_state state, next;
} agent_case;
void agent_case_open(agent_case *c, const stoa_env_spec *spec, const stoa_agent_options *options,
                     int64_t batch, uint64_t seed);
/* The same with every parameter in double precision, for the reference backend. */
void agent_case_open_wide(agent_case *c, const stoa_env_spec *spec,
                          const stoa_agent_options *options, int64_t batch, uint64_t seed);
void agent_case_close(agent_case *c);
void agent_case_close_wide(agent_case *c);

/* Random members of the spaces and resets (about one in five) for `steps` steps. */
typedef struct agent_episode {
    stoa_agent_input input;
    void *memory[2 * STOA_ENV_SPACES + 2];
} agent_episode;
void agent_episode_init(agent_episode *e, const stoa_env_spec *spec, int64_t steps, int64_t batch,
                        uint64_t seed);
void agent_episode_deinit(agent_episode *e);
/* Steps [from, from + steps) of the whole. */
stoa_agent_input agent_part(const agent_episode *e, const stoa_env_spec *spec, int64_t from,
                            int64_t steps);

stoa_ctx *agent_ctx(const char *backend, stoa_dtype compute);
void agent_check_ok(const stoa_ctx *ctx);
/* |a - b| <= tolerance * (1 + |b|) for n elements. */
void agent_assert_close(const stoa_tensor *a, int64_t a_from, const stoa_tensor *b, int64_t b_from,
                        int64_t n, double tolerance, const char *what);
/* |a - b| <= tolerance * |b|, of the whole tensors' norms. */
void agent_assert_near(const stoa_tensor *a, const stoa_tensor *b, double tolerance,
                       const char *what);
/* A scalar that logits and value take part in with fixed random weights; and, with `routers`, the
 * predictors' loss, whose stop-gradient finite differences would not see. */
stoa_tensor *agent_loss(stoa_ctx *ctx, const stoa_env_spec *spec, const stoa_agent_output *out,
                        bool routers);

#endif /* TESTS_MODEL_AGENT_FIXTURE_H */
