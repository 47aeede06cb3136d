/* tensor/cpu/grain.h - how little work is worth another thread. */
#ifndef STOA_TENSOR_CPU_GRAIN_H
#define STOA_TENSOR_CPU_GRAIN_H

#include <stdint.h>

/* The grain for stoa_parallel when all `units` together take about this long on one thread: what is
 * shared out in smaller parts costs more to hand over than it saves. */
static inline int64_t stoa_grain(double microseconds, int64_t units) {
    const double least = 5;
    if (units < 1 || microseconds <= least)
        return units > 1 ? units : 1;
    return (int64_t)(least * (double)units / microseconds) + 1;
}

/* The same for work that streams through memory. */
static inline int64_t stoa_grain_bytes(double bytes, int64_t units) {
    return stoa_grain(bytes / 2e4, units);
}

#endif /* STOA_TENSOR_CPU_GRAIN_H */
