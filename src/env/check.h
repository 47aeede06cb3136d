/* env/check.h - laws about one spec and one batch of buffers, which stoa_env_check puts together.
 */
#ifndef STOA_ENV_CHECK_H
#define STOA_ENV_CHECK_H

#include "env/env.h"

/* Names given and different, kinds with their types, shapes, bounds and counts in range. */
stoa_status stoa_spec_check(const stoa_env_spec *spec, stoa_error *err);
/* That n instances' values lie inside the space: numbers between the bounds, categories known,
 * text well-formed UTF-8 followed by zeros only. */
stoa_status stoa_space_check_values(const stoa_space *space, const void *values, int64_t n,
                                    stoa_error *err);

#endif /* STOA_ENV_CHECK_H */
