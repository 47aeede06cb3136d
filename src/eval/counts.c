/*
 * Counting: yes/no predictions against the truth, and histograms.
 */
#include <assert.h>

#include "eval/stats.h"

void stoa_confusion_add(stoa_confusion *c, bool predicted, bool actual) {
    c->true_yes += predicted && actual;
    c->false_yes += predicted && !actual;
    c->true_no += !predicted && !actual;
    c->false_no += !predicted && actual;
}

static double ratio(int64_t part, int64_t whole) {
    return whole > 0 ? (double)part / (double)whole : STOA_NAN;
}

stoa_confusion_rates stoa_confusion_rate(const stoa_confusion *c) {
    int64_t yes = c->true_yes + c->false_yes, actual = c->true_yes + c->false_no;
    int64_t all = yes + c->true_no + c->false_no;
    return (stoa_confusion_rates){.accuracy = ratio(c->true_yes + c->true_no, all),
                                  .precision = ratio(c->true_yes, yes),
                                  .recall = ratio(c->true_yes, actual),
                                  .f1 = ratio(2 * c->true_yes, yes + actual),
                                  .predicted = ratio(yes, all)};
}

void stoa_histogram_add(stoa_histogram *h, const double *x, int64_t n) {
    assert(h->bins >= 1 && h->least < h->most);
    double scale = (double)h->bins / (h->most - h->least);
    for (int64_t i = 0; i < n; i++) {
        if (isnan(x[i])) {
            h->invalid++;
        } else if (x[i] < h->least) {
            h->below++;
        } else if (x[i] > h->most) {
            h->above++;
        } else {
            int64_t bin = (int64_t)((x[i] - h->least) * scale);
            h->count[bin < h->bins ? bin : h->bins - 1]++;
        }
    }
}

double stoa_histogram_edge(const stoa_histogram *h, int64_t i) {
    assert(i >= 0 && i <= h->bins);
    if (i == h->bins)
        return h->most;
    return h->least + (h->most - h->least) * (double)i / (double)h->bins;
}
