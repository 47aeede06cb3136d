/* tensor/backends.c - the list of backends. A new one is a folder and a row here. */
#include <string.h>

#include "tensor/node.h"

static const stoa_backend *(*const backends[])(void) = {
    stoa_backend_cpu,
    stoa_backend_meta,
    stoa_backend_ref,
};

const stoa_backend *stoa_backend_find(const char *name) {
    for (size_t i = 0; i < sizeof backends / sizeof backends[0]; i++)
        if (strcmp(backends[i]()->name, name) == 0)
            return backends[i]();
    return NULL;
}

const char *stoa_backend_name(const stoa_backend *backend) {
    return backend->name;
}

bool stoa_backend_supports(const stoa_backend *backend, stoa_op op, bool backward) {
    if (!backend->computes)
        return true;
    const stoa_kernel_pair *pair = &backend->kernels[op];
    if (backward && !stoa_op_table[op].differentiable)
        return false;
    return backward ? pair->backward != NULL : pair->forward != NULL;
}
