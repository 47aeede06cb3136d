/* data/zipf.c - the alias table of a Zipf distribution. */
#include "data/zipf.h"

#include <math.h>

/* Cells that hold less than an even share are filled up from one that holds more, until all are
 * even. `cells` is a stack of the small ones from below and of the large ones from above. */
static void fill(stoa_zipf *z, double *share, int32_t *cells) {
    int64_t small = 0, large = z->n;
    for (int64_t i = 0; i < z->n; i++)
        if (share[i] < 1)
            cells[small++] = (int32_t)i;
        else
            cells[--large] = (int32_t)i;
    while (small > 0 && large < z->n) {
        int32_t low = cells[--small], high = cells[large];
        z->keep[low] = (uint32_t)(share[low] * 0xffffffffu);
        z->other[low] = high;
        share[high] -= 1 - share[low];
        if (share[high] < 1) {
            large++;
            cells[small++] = high;
        }
    }
}

stoa_status stoa_zipf_init(stoa_zipf *z, int64_t n, double alpha, stoa_error *err) {
    *z = (stoa_zipf){.n = n};
    z->keep = stoa_alloc((size_t)n * sizeof *z->keep);
    z->other = stoa_alloc((size_t)n * sizeof *z->other);
    double *share = stoa_alloc((size_t)n * sizeof *share), sum = 0;
    int32_t *cells = stoa_alloc((size_t)n * sizeof *cells);
    bool good = z->keep && z->other && share && cells;
    for (int64_t i = n; good && i-- > 0;) // small ones first: the sum is exact for longer
        sum += share[i] = pow((double)(i + 1), -alpha);
    for (int64_t i = 0; good && i < n; i++) {
        share[i] *= (double)n / sum;
        z->keep[i] = UINT32_MAX;
        z->other[i] = (int32_t)i;
    }
    if (good)
        fill(z, share, cells);
    stoa_free(share);
    stoa_free(cells);
    return good ? STOA_OK
                : stoa_fail(err, STOA_ERR_MEMORY, "no memory for the frequencies of %lld classes",
                            (long long)n);
}

void stoa_zipf_deinit(stoa_zipf *z) {
    stoa_free(z->keep);
    stoa_free(z->other);
    *z = (stoa_zipf){0};
}
