/* tests/tensor/test_simd.c - bfloat16 rounding and the accuracy of the vectorisable functions. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tensor/cpu/lanes_math.h"

enum { LONGEST = 70 }; /* past two blocks of 32 lanes */

/* ---- elementary functions -------------------------------------------------------------------- */

#define VECTOR(name, call)                                                                         \
    static void name(float *restrict y, const float *restrict x, int64_t n) {                      \
        _Pragma("omp simd") for (int64_t i = 0; i < n; i++) y[i] = call(x[i]);                     \
    }
VECTOR(vexp, stoa_vexp)
VECTOR(vtanh, stoa_vtanh)
VECTOR(vsigmoid, stoa_vsigmoid)
VECTOR(vlog, stoa_vlog)
VECTOR(vsoftplus, stoa_vsoftplus)
VECTOR(verf, stoa_verf)

#define LANES(name, call)                                                                          \
    static void name(float *restrict y, const float *restrict x, int64_t n) {                      \
        for (int64_t i = 0; i < n; i += STOA_LANES) {                                              \
            int64_t m = n - i < STOA_LANES ? n - i : STOA_LANES;                                   \
            stoa_lanes_put(y, STOA_F32, i, m, call(stoa_lanes_get(x, STOA_F32, i, m)));            \
        }                                                                                          \
    }
LANES(lanes_exp, stoa_lanes_exp)
LANES(lanes_sigmoid, stoa_lanes_sigmoid)
LANES(lanes_erfcx, stoa_lanes_erfcx)
LANES(lanes_tanh, stoa_lanes_tanh)

static double erfcx(double z) {
    return exp(z * z) * erfc(z);
}

static double sigmoid(double x) {
    return 1 / (1 + exp(-x));
}

static double softplus(double x) {
    return fmax(x, 0) + log1p(exp(-fabs(x)));
}

typedef struct range {
    const char *name;
    void (*fast)(float *restrict y, const float *restrict x, int64_t n);
    double (*exact)(double);
    double least, most;
} range;

static const range ranges[] = {
    {"exp", vexp, exp, -86.9, 88.7},
    {"exp", vexp, exp, -1, 1},
    {"tanh", vtanh, tanh, -12, 12},
    {"tanh", vtanh, tanh, -1e-2, 1e-2},
    {"sigmoid", vsigmoid, sigmoid, -80, 80},
    {"log", vlog, log, 1e-37, 10},
    {"log", vlog, log, 0.9, 1.1},
    {"log", vlog, log, 1, 3e38},
    {"softplus", vsoftplus, softplus, -80, 80},
    {"softplus", vsoftplus, softplus, -3, 3},
    {"erf", verf, erf, -5, 5},
    {"erf", verf, erf, -1e-3, 1e-3},
    {"exp of lanes", lanes_exp, exp, -86.9, 88.7},
    {"exp of lanes", lanes_exp, exp, -1, 1},
    {"sigmoid of lanes", lanes_sigmoid, sigmoid, -86, 86},
    {"erfcx of lanes", lanes_erfcx, erfcx, 0, 10},
    {"tanh of lanes", lanes_tanh, tanh, -12, 12},
    {"tanh of lanes", lanes_tanh, tanh, -1e-2, 1e-2},
};

static void functions_are_within_a_millionth(void **state) {
    (void)state;
    enum { POINTS = 20000 };
    static float x[POINTS], y[POINTS];
    for (size_t k = 0; k < sizeof ranges / sizeof ranges[0]; k++) {
        const range *r = &ranges[k];
        double worst = 0;
        for (int i = 0; i < POINTS; i++)
            x[i] = (float)(r->least + (r->most - r->least) * (i + 0.5) / POINTS);
        r->fast(y, x, POINTS);
        for (int i = 0; i < POINTS; i++) {
            double want = r->exact((double)x[i]), error = fabs((double)y[i] - want) / fabs(want);
            worst = error > worst || isnan(error) ? error : worst;
        }
        if (!(worst < 1e-6))
            fail_msg("%s on [%g, %g]: relative error %g", r->name, r->least, r->most, worst);
    }
}

typedef struct special {
    const char *name;
    void (*fast)(float *restrict y, const float *restrict x, int64_t n);
    float x, y;
} special;

static const special specials[] = {
    {"exp", vexp, -INFINITY, 0},
    {"exp", vexp, INFINITY, INFINITY},
    {"exp", vexp, 0, 1},
    {"exp", vexp, 89, INFINITY},
    {"exp", vexp, -200, 0},
    {"exp", vexp, NAN, NAN},
    {"tanh", vtanh, INFINITY, 1},
    {"tanh", vtanh, -INFINITY, -1},
    {"tanh", vtanh, 0, 0},
    {"tanh", vtanh, NAN, NAN},
    {"sigmoid", vsigmoid, INFINITY, 1},
    {"sigmoid", vsigmoid, -INFINITY, 0},
    {"sigmoid", vsigmoid, 0, 0.5f},
    {"sigmoid", vsigmoid, NAN, NAN},
    {"log", vlog, 0, -INFINITY},
    {"log", vlog, 1, 0},
    {"log", vlog, INFINITY, INFINITY},
    {"log", vlog, -1, NAN},
    {"log", vlog, NAN, NAN},
    {"softplus", vsoftplus, -INFINITY, 0},
    {"softplus", vsoftplus, 1000, 1000},
    {"softplus", vsoftplus, NAN, NAN},
    {"erf", verf, INFINITY, 1},
    {"erf", verf, -INFINITY, -1},
    {"exp of lanes", lanes_exp, -INFINITY, 0},
    {"exp of lanes", lanes_exp, INFINITY, INFINITY},
    {"exp of lanes", lanes_exp, 0, 1},
    {"exp of lanes", lanes_exp, NAN, NAN},
    {"sigmoid of lanes", lanes_sigmoid, INFINITY, 1},
    {"sigmoid of lanes", lanes_sigmoid, 0, 0.5f},
    {"sigmoid of lanes", lanes_sigmoid, NAN, NAN},
    {"tanh of lanes", lanes_tanh, -INFINITY, -1},
    {"tanh of lanes", lanes_tanh, INFINITY, 1},
    {"tanh of lanes", lanes_tanh, 0, 0},
    {"tanh of lanes", lanes_tanh, NAN, NAN},
    {"erf", verf, 0, 0},
    {"erf", verf, NAN, NAN},
};

static void special_values_are_exact(void **state) {
    (void)state;
    for (size_t k = 0; k < sizeof specials / sizeof specials[0]; k++) {
        const special *s = &specials[k];
        float x[16], y[16];
        for (int i = 0; i < 16; i++)
            x[i] = s->x;
        s->fast(y, x, 16);
        for (int i = 0; i < 16; i++)
            if (isnan(s->y) ? !isnan(y[i]) : y[i] != s->y)
                fail_msg("%s(%g) = %g, not %g", s->name, (double)s->x, (double)y[i], (double)s->y);
    }
}

/* ---- bfloat16 -------------------------------------------------------------------------------- */

static void bf16_rounds_to_nearest_even(void **state) {
    (void)state;
    assert_int_equal(stoa_f32_to_bf16(stoa_from_bits(0x3f808000)), 0x3f80); // tie: down to even
    assert_int_equal(stoa_f32_to_bf16(stoa_from_bits(0x3f818000)), 0x3f82); // tie: up to even
    assert_int_equal(stoa_f32_to_bf16(stoa_from_bits(0x3f808001)), 0x3f81);
    assert_int_equal(stoa_f32_to_bf16(stoa_from_bits(0x3f807fff)), 0x3f80);
    assert_int_equal(stoa_f32_to_bf16(stoa_from_bits(0x7f7fffff)), 0x7f80); // to infinity
    assert_int_equal(stoa_f32_to_bf16(-INFINITY), 0xff80);
    assert_true(isnan(stoa_bf16_to_f32(stoa_f32_to_bf16(NAN))));
    assert_true(isnan(stoa_bf16_to_f32(stoa_f32_to_bf16(stoa_from_bits(0x7f800001)))));
}

/* Every bf16 value survives the way to f32 and back, in rows of every length. */
static void rows_convert_like_single_values(void **state) {
    (void)state;
    uint32_t bits = 1;
    for (int64_t n = 0; n <= LONGEST; n++) {
        float x[LONGEST + 1], back[LONGEST + 1];
        uint16_t narrow[LONGEST + 1];
        for (int64_t i = 0; i < n; i++) {
            bits = bits * 1664525u + 1013904223u;
            uint32_t exponent = 1 + (bits >> 23 & 0xff) % 254; // no subnormals, no NaN
            x[i] = stoa_from_bits((bits & 0x807fffffu) | exponent << 23);
        }
        narrow[n] = 0xabcd;
        back[n] = 1234;
        stoa_f32_to_bf16_row(narrow, x, n);
        stoa_bf16_to_f32_row(back, narrow, n);
        for (int64_t i = 0; i < n; i++) {
            assert_int_equal(narrow[i], stoa_f32_to_bf16(x[i]));
            assert_true(back[i] == stoa_bf16_to_f32(narrow[i]));
            assert_int_equal(stoa_f32_to_bf16(back[i]), narrow[i]);
        }
        assert_int_equal(narrow[n], 0xabcd); // nothing behind the row
        assert_true(back[n] == 1234.0f);
    }
}

/* Lanes of every count come and go, and nothing beside them is touched. */
static void lanes_load_and_store_their_count(void **state) {
    (void)state;
    const stoa_dtype types[] = {STOA_F32, STOA_BF16};
    for (int k = 0; k < 2; k++)
        for (int64_t n = 0; n <= STOA_LANES; n++) {
            float wide[3 * STOA_LANES];
            uint16_t narrow[3 * STOA_LANES];
            void *data = k ? (void *)narrow : (void *)wide;
            for (int64_t i = 0; i < 3 * STOA_LANES; i++)
                stoa_elem_put(data, types[k], i, (float)i);
            stoa_lanes x = stoa_lanes_get(data, types[k], 3, n);
            for (int64_t i = 0; i < STOA_LANES; i++)
                assert_true(x[i] == (i < n ? (float)(i + 3) : 0.0f));
            stoa_lanes_put(data, types[k], 20, n, stoa_lanes_first(x, n, 99.0f) * 2.0f);
            for (int64_t i = 0; i < 3 * STOA_LANES; i++) {
                float want = i >= 20 && i < 20 + n ? (float)(i - 17) * 2 : (float)i;
                assert_true(stoa_elem_get(data, types[k], i) == want);
            }
        }
}

/* ---- rows ------------------------------------------------------------------------------------ */

static void sums_and_maxima_cover_the_whole_row(void **state) {
    (void)state;
    assert_true(stoa_row_max(NULL, 0) == -INFINITY);
    for (int64_t n = 1; n <= 3 * LONGEST; n++)
        for (int64_t place = 0; place < n; place++) {
            float x[3 * LONGEST];
            for (int64_t i = 0; i < n; i++)
                x[i] = i == place ? 3.0f : -1.0f;
            x[(place + 1) % n] = n > 1 ? NAN : 3.0f;
            assert_true(stoa_row_max(x, n) == 3.0f);
            x[(place + 1) % n] = n > 1 ? -1.0f : 3.0f;
            assert_true(stoa_row_sum(x, n) == 3.0f - (float)(n - 1));
        }
}

static void gradients_add_or_overwrite(void **state) {
    (void)state;
    const stoa_dtype types[] = {STOA_F32, STOA_BF16};
    for (int k = 0; k < 2; k++)
        for (int add = 0; add < 2; add++) {
            float wide[LONGEST + 2], from[LONGEST];
            uint16_t narrow[LONGEST + 2];
            void *data = k ? (void *)narrow : (void *)wide;
            for (int64_t i = 0; i < LONGEST + 2; i++)
                stoa_elem_put(data, types[k], i, 8.0f);
            for (int64_t i = 0; i < LONGEST; i++)
                from[i] = (float)i;
            stoa_row_grad(data, types[k], add, 1, from, LONGEST);
            for (int64_t i = 0; i < LONGEST + 2; i++) {
                bool inside = i >= 1 && i <= LONGEST;
                float want = inside ? (float)(i - 1) + (add ? 8.0f : 0.0f) : 8.0f;
                assert_true(stoa_elem_get(data, types[k], i) == want);
            }
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_are_within_a_millionth),
        cmocka_unit_test(special_values_are_exact),
        cmocka_unit_test(bf16_rounds_to_nearest_even),
        cmocka_unit_test(rows_convert_like_single_values),
        cmocka_unit_test(lanes_load_and_store_their_count),
        cmocka_unit_test(sums_and_maxima_cover_the_whole_row),
        cmocka_unit_test(gradients_add_or_overwrite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
