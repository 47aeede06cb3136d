/*
 * tfevents.c - TensorBoard event records: CRC-32C, the record frame, and the few protobuf messages
 * that scalars and histograms need.
 *
 * A message is written into the record buffer in place: its length is known before it is written,
 * because every field's size is. Nested lengths are computed bottom-up by the *_size functions.
 */
#include "base/tfevents.h"

#include <math.h>
#include <string.h>

/* ---- the record frame ---- */

uint32_t stoa_crc32c(const void *data, size_t n) {
    // reflected polynomial 0x82f63b78, four bits at a time
    static const uint32_t table[16] = {0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1,
                                       0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
                                       0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
                                       0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75};
    const unsigned char *p = data;
    uint32_t crc = ~0u;
    for (size_t i = 0; i < n; i++) {
        crc ^= p[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return ~crc;
}

static uint32_t masked_crc(const void *data, size_t n) {
    uint32_t crc = stoa_crc32c(data, n);
    return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

static void put_le(stoa_buffer *out, uint64_t value, int bytes) {
    unsigned char raw[8];
    for (int i = 0; i < bytes; i++)
        raw[i] = (unsigned char)(value >> 8 * i);
    stoa_buffer_append(out, raw, (size_t)bytes);
}

/* Leaves room for the head of a record; its payload is appended next. Returns where it begins. */
static size_t record_begin(stoa_buffer *out) {
    size_t at = out->len;
    put_le(out, 0, 8);
    put_le(out, 0, 4);
    return at;
}

static void record_end(stoa_buffer *out, size_t at) {
    if (out->failed)
        return;
    char *head = out->data + at;
    uint64_t size = out->len - at - 12;
    for (int i = 0; i < 8; i++)
        head[i] = (char)(size >> 8 * i);
    uint32_t crc = masked_crc(head, 8);
    for (int i = 0; i < 4; i++)
        head[8 + i] = (char)(crc >> 8 * i);
    put_le(out, masked_crc(head + 12, size), 4);
}

/* ---- protobuf ---- */

enum { VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5 }; // wire types

static size_t varint_size(uint64_t v) {
    size_t n = 1;
    while (v >>= 7)
        n++;
    return n;
}

static void put_varint(stoa_buffer *out, uint64_t v) {
    for (; v >= 0x80; v >>= 7)
        put_le(out, (v & 0x7f) | 0x80, 1);
    put_le(out, v, 1);
}

/* Every field number here is below 16, so that a key is one byte. */
static void put_key(stoa_buffer *out, int field, int wire) {
    put_le(out, (uint64_t)(field << 3 | wire), 1);
}

static void put_double(stoa_buffer *out, int field, double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_key(out, field, FIXED64);
    put_le(out, bits, 8);
}

static void put_float(stoa_buffer *out, int field, float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_key(out, field, FIXED32);
    put_le(out, bits, 4);
}

static void put_int(stoa_buffer *out, int field, int64_t value) {
    put_key(out, field, VARINT);
    put_varint(out, (uint64_t)value);
}

/* Opens a nested message or a string of size bytes. */
static void put_open(stoa_buffer *out, int field, size_t size) {
    put_key(out, field, BYTES);
    put_varint(out, size);
}

static void put_string(stoa_buffer *out, int field, const char *text) {
    size_t n = strlen(text);
    put_open(out, field, n);
    stoa_buffer_append(out, text, n);
}

/* Size of a length-delimited field, its key and length included. */
static size_t bytes_field(size_t size) {
    return 1 + varint_size(size) + size;
}

static void put_doubles(stoa_buffer *out, int field, const double *values, int n) {
    put_open(out, field, 8 * (size_t)n);
    for (int i = 0; i < n; i++) {
        uint64_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        put_le(out, bits, 8);
    }
}

/* ---- events ---- */

/* Fields of Event. */
enum { EVENT_WALL = 1, EVENT_STEP = 2, EVENT_VERSION = 3, EVENT_SUMMARY = 5, EVENT_SESSION = 7 };
/* Fields of Summary, Summary.Value, HistogramProto, SessionLog. */
enum { SUMMARY_VALUE = 1, VALUE_TAG = 1, VALUE_SIMPLE = 2, VALUE_HISTOGRAM = 5 };
enum { HISTO_MIN = 1, HISTO_MAX, HISTO_NUM, HISTO_SUM, HISTO_SQUARES, HISTO_LIMIT, HISTO_BUCKET };
enum { SESSION_STATUS = 1, SESSION_START = 1 };

void stoa_tf_version(stoa_buffer *out, double wall) {
    size_t at = record_begin(out);
    put_double(out, EVENT_WALL, wall);
    put_string(out, EVENT_VERSION, "brain.Event:2");
    record_end(out, at);
}

void stoa_tf_restart(stoa_buffer *out, double wall, int64_t step) {
    size_t at = record_begin(out);
    put_double(out, EVENT_WALL, wall);
    put_int(out, EVENT_STEP, step);
    put_open(out, EVENT_SESSION, 2);
    put_int(out, SESSION_STATUS, SESSION_START);
    record_end(out, at);
}

static size_t scalar_size(const stoa_metric *item) {
    return bytes_field(strlen(item->name)) + 5;
}

void stoa_tf_scalars(stoa_buffer *out, double wall, int64_t step, const stoa_metric *items,
                     size_t count) {
    size_t summary = 0, at = record_begin(out);
    for (size_t i = 0; i < count; i++)
        summary += bytes_field(scalar_size(&items[i]));
    put_double(out, EVENT_WALL, wall);
    put_int(out, EVENT_STEP, step);
    put_open(out, EVENT_SUMMARY, summary);
    for (size_t i = 0; i < count; i++) {
        put_open(out, SUMMARY_VALUE, scalar_size(&items[i]));
        put_string(out, VALUE_TAG, items[i].name);
        put_float(out, VALUE_SIMPLE, (float)items[i].value);
    }
    record_end(out, at);
}

void stoa_tf_histogram_record(stoa_buffer *out, double wall, int64_t step, const char *tag,
                              const stoa_tf_histogram *h) {
    size_t at = record_begin(out);
    size_t histogram = 5 * 9 + 2 * bytes_field(8 * (size_t)h->bins);
    size_t value = bytes_field(strlen(tag)) + bytes_field(histogram);
    put_double(out, EVENT_WALL, wall);
    put_int(out, EVENT_STEP, step);
    put_open(out, EVENT_SUMMARY, bytes_field(value));
    put_open(out, SUMMARY_VALUE, value);
    put_string(out, VALUE_TAG, tag);
    put_open(out, VALUE_HISTOGRAM, histogram);
    put_double(out, HISTO_MIN, h->min);
    put_double(out, HISTO_MAX, h->max);
    put_double(out, HISTO_NUM, h->count);
    put_double(out, HISTO_SUM, h->sum);
    put_double(out, HISTO_SQUARES, h->sum_squares);
    put_doubles(out, HISTO_LIMIT, h->limit, h->bins);
    put_doubles(out, HISTO_BUCKET, h->in_bin, h->bins);
    record_end(out, at);
}

bool stoa_tf_histogram_of(stoa_tf_histogram *h, const float *values, size_t count) {
    *h = (stoa_tf_histogram){.min = HUGE_VAL, .max = -HUGE_VAL};
    for (size_t i = 0; i < count; i++) {
        double v = (double)values[i];
        if (!isfinite(v))
            continue;
        h->min = fmin(h->min, v);
        h->max = fmax(h->max, v);
        h->count++;
        h->sum += v;
        h->sum_squares += v * v;
    }
    if (h->count == 0)
        return false;
    double width = (h->max - h->min) / STOA_TF_BINS;
    h->bins = width > 0 ? STOA_TF_BINS : 1; // all values alike: one bin
    for (int i = 0; i < h->bins; i++)
        h->limit[i] = i + 1 < h->bins ? h->min + width * (i + 1) : h->max;
    for (size_t i = 0; i < count; i++) {
        double v = (double)values[i];
        if (!isfinite(v))
            continue;
        int bin = width > 0 ? (int)((v - h->min) / width) : 0;
        h->in_bin[bin < h->bins ? bin : h->bins - 1]++;
    }
    return true;
}
