/* train/value_transport.c - which value goes where; see value_transport.h. */
#include "train/value_transport.h"

int64_t stoa_transport_horizon(double discount) {
    return discount < 1 ? (int64_t)(1 / (1 - discount)) : 25;
}

/* Strength of the read at (t, b) by head h, 0 when it stays within the horizon. */
static float strength_of(const stoa_transport *x, int64_t t, int64_t b, int64_t h) {
    int64_t read = (t * x->batch + b) * x->heads + h, heaviest = read * x->best;
    for (int64_t k = 1; k < x->best; k++)
        if (x->weights[read * x->best + k] > x->weights[heaviest])
            heaviest = read * x->best + k;
    bool far = x->weights[heaviest] > 0 && t - x->read_steps[heaviest] > x->horizon;
    return far ? x->strengths[read] : 0;
}

/* Pays the steps that head h read at (t, b); returns the sum. */
static double carry(const stoa_transport *x, int64_t t, int64_t b, int64_t h, float *rewards) {
    int64_t first = ((t * x->batch + b) * x->heads + h) * x->best;
    double value = (double)x->values[t * x->batch + b], sum = 0;
    for (int64_t i = first; i < first + x->best; i++) {
        int64_t step = x->read_steps[i];
        if (step < 0 || t - step <= x->horizon)
            continue;
        double paid = x->alpha * (double)x->weights[i] * value;
        rewards[step * x->batch + b] += (float)paid;
        sum += paid;
    }
    return sum;
}

int64_t stoa_transport_values(const stoa_transport *x, float *rewards, double *carried) {
    int64_t events = 0;
    double sum = 0;
    for (int64_t b = 0; b < x->batch; b++)
        for (int64_t h = 0; h < x->heads; h++) {
            int64_t peak = -1; /* of the run that is going on */
            float most = 0;
            for (int64_t t = 0; t <= x->steps; t++) {
                bool over = t == x->steps || x->reset[t * x->batch + b];
                float strength = t < x->steps ? strength_of(x, t, b, h) : 0;
                bool strong = (double)strength > x->threshold;
                if (peak >= 0 && (over || !strong)) {
                    sum += carry(x, peak, b, h, rewards);
                    events++;
                    peak = -1;
                    most = 0;
                }
                if (strong && strength > most) {
                    peak = t;
                    most = strength;
                }
            }
        }
    if (carried)
        *carried = sum;
    return events;
}
