/*
 * base/tfevents.h - TensorBoard's event records, written without a protobuf library.
 *
 * A file is a sequence of TFRecords: u64 length, u32 masked CRC-32C of the length, the payload, u32
 * masked CRC-32C of the payload, all little-endian. A payload is one serialised `Event`. The field
 * numbers are those of tensorboard/compat/proto/{event,summary}.proto.
 */
#ifndef STOA_BASE_TFEVENTS_H
#define STOA_BASE_TFEVENTS_H

#include "stoa/base.h"

/* CRC-32C (Castagnoli), not masked. */
uint32_t stoa_crc32c(const void *data, size_t n);

enum { STOA_TF_BINS = 31 };

typedef struct stoa_tf_histogram {
    double min, max, count, sum, sum_squares;
    int bins;                    // 1..STOA_TF_BINS
    double limit[STOA_TF_BINS];  // upper edge of each bin, ascending
    double in_bin[STOA_TF_BINS]; // how many values are in it
} stoa_tf_histogram;

/* Each appends one record to out. wall: seconds since the epoch. */
void stoa_tf_version(stoa_buffer *out, double wall); /* must be a file's first record */
/* Tells TensorBoard to forget what earlier files say about steps >= step. */
void stoa_tf_restart(stoa_buffer *out, double wall, int64_t step);
void stoa_tf_scalars(stoa_buffer *out, double wall, int64_t step, const stoa_metric *items,
                     size_t count);
void stoa_tf_histogram_record(stoa_buffer *out, double wall, int64_t step, const char *tag,
                              const stoa_tf_histogram *h);

/* Fills h from the finite ones of count values; false when there are none. */
bool stoa_tf_histogram_of(stoa_tf_histogram *h, const float *values, size_t count);

#endif /* STOA_BASE_TFEVENTS_H */
