/*
 * train/sa_loss.c - the state-associative regression (Raposo et al. 2021, equation 2) and its
 * gradients by running sums.
 *
 * With w_t = (p_t - r_t) g_t, the gradient of a row's contribution is the sum of w_t over the steps
 * that the row is remembered at: those after it, in its episode, at most `capacity` of them.
 */
#include <assert.h>

#include "stoa/train.h"

/* Contribution of the row at place p of instance b: memory has places -old_count .. -1. */
static float contribution(const stoa_sa_rows *r, int64_t b, int64_t p) {
    return p < 0 ? r->old_c[b * r->stride + r->old_count[b] + p] : r->c[p * r->batch + b];
}

/* Predictions of one instance, as errors: bias_t = p_t - r_t. */
static double forward(const stoa_sa_rows *r, const stoa_sa_gradients *grad, int64_t b) {
    double sum = 0, loss = 0;
    int64_t first = -r->old_count[b]; /* oldest row in the sum */
    for (int64_t p = first; p < 0; p++)
        sum += (double)contribution(r, b, p);
    for (int64_t t = 0; t < r->steps; t++) {
        int64_t i = t * r->batch + b;
        if (r->reset[i]) {
            sum = 0;
            first = t;
        }
        if (t - first > r->capacity)
            sum -= (double)contribution(r, b, first++);
        double gate = (double)r->gate[i];
        double error = gate * sum + (double)r->bias[i] - (double)r->rewards[i];
        grad->bias[i] = (float)error;
        if (grad->gate_logit)
            grad->gate_logit[i] = (float)(error * sum * gate * (1 - gate));
        loss += error * error / 2;
        sum += (double)r->c[i];
    }
    return loss;
}

/* w_t, from the errors that forward left. */
static double weight(const stoa_sa_rows *r, const stoa_sa_gradients *grad, int64_t b, int64_t t) {
    int64_t i = t * r->batch + b;
    return (double)grad->bias[i] * (double)r->gate[i];
}

static void backward(const stoa_sa_rows *r, const stoa_sa_gradients *grad, int64_t b) {
    double sum = 0;         /* of w over the steps that remember the row at hand */
    int64_t end = r->steps; /* where its episode, or the unroll, ends */
    for (int64_t p = r->steps - 1; p >= -r->old_count[b]; p--) {
        int64_t forgotten = p + r->capacity + 1; /* the first step without it */
        if (p + 1 < end && p + 1 >= 0)
            sum += weight(r, grad, b, p + 1);
        if (forgotten >= 0 && forgotten < end)
            sum -= weight(r, grad, b, forgotten);
        if (p < 0) {
            if (grad->old_c)
                grad->old_c[b * r->stride + r->old_count[b] + p] = (float)sum;
            continue;
        }
        if (grad->c)
            grad->c[p * r->batch + b] = (float)sum;
        if (r->reset[p * r->batch + b]) { /* rows before p belong to another episode */
            sum = 0;
            end = p;
        }
    }
    if (grad->old_c)
        for (int64_t k = r->old_count[b]; k < r->stride; k++)
            grad->old_c[b * r->stride + k] = 0;
}

double stoa_sa_loss(const stoa_sa_rows *rows, const stoa_sa_gradients *gradients) {
    double loss = 0;
    for (int64_t b = 0; b < rows->batch; b++) {
        assert(rows->old_count[b] <= rows->stride && rows->old_count[b] <= rows->capacity);
        loss += forward(rows, gradients, b);
        backward(rows, gradients, b);
    }
    return loss;
}

/* Takes `take` from the value of every row that there is; returns the sum of what they were. */
static double over_rows(const stoa_sa_rows *r, float *old, float *fresh, double take,
                        int64_t *count) {
    double sum = 0;
    *count = r->steps * r->batch;
    for (int64_t b = 0; b < r->batch; b++) {
        *count += r->old_count[b];
        for (int64_t k = 0; k < r->old_count[b]; k++) {
            sum += (double)old[b * r->stride + k];
            old[b * r->stride + k] -= (float)take;
        }
    }
    for (int64_t i = 0; i < r->steps * r->batch; i++) {
        sum += (double)fresh[i];
        fresh[i] -= (float)take;
    }
    return sum;
}

void stoa_sa_center(const stoa_sa_rows *rows, float *old, float *fresh) {
    int64_t count;
    double sum = over_rows(rows, old, fresh, 0, &count);
    over_rows(rows, old, fresh, sum / (double)count, &count);
}
