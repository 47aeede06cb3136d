/* nn/safetensors_types.c - the format's number types and how they are read. */
#include "nn/safetensors.h"

#include <string.h>

/* The first row of a dtype names it when writing. */
static const stoa_st_type types[] = {
    {"F32", 4, STOA_F32, STOA_ST_AS_IS},      {"BF16", 2, STOA_BF16, STOA_ST_AS_IS},
    {"F64", 8, STOA_F64, STOA_ST_AS_IS},      {"I32", 4, STOA_I32, STOA_ST_AS_IS},
    {"U8", 1, STOA_U8, STOA_ST_AS_IS},        {"BOOL", 1, STOA_U8, STOA_ST_AS_IS},
    {"F16", 2, STOA_F32, STOA_ST_F16_TO_F32}, {"I64", 8, STOA_I32, STOA_ST_I64_TO_I32},
    {"I8", 1, STOA_I32, STOA_ST_NO},          {"I16", 2, STOA_I32, STOA_ST_NO},
    {"U16", 2, STOA_I32, STOA_ST_NO},         {"U32", 4, STOA_I32, STOA_ST_NO},
    {"U64", 8, STOA_I32, STOA_ST_NO},         {"F8_E4M3", 1, STOA_F32, STOA_ST_NO},
    {"F8_E5M2", 1, STOA_F32, STOA_ST_NO},     {"F8_E8M0", 1, STOA_F32, STOA_ST_NO},
};
enum { TYPES = sizeof types / sizeof types[0] };

const stoa_st_type *stoa_st_type_find(const char *name) {
    for (size_t i = 0; i < TYPES; i++)
        if (strcmp(types[i].name, name) == 0)
            return &types[i];
    return NULL;
}

const char *stoa_st_type_name(stoa_dtype dtype) {
    for (size_t i = 0; i < TYPES; i++)
        if (types[i].dtype == dtype)
            return types[i].name;
    return NULL;
}

static float f32_of_f16(uint16_t half) {
    uint32_t bits = (uint32_t)(half & 0x7fff) << 13;
    uint32_t exponent = bits & 0x0f800000;
    bits += (127 - 15) << 23;
    if (exponent == 0x0f800000) // infinite or NaN
        bits += (128 - 16) << 23;
    float value;
    if (exponent == 0) { // zero or subnormal: let the subtraction normalise
        bits += 1 << 23;
        memcpy(&value, &bits, sizeof value);
        value -= 0x1p-14f;
        memcpy(&bits, &value, sizeof bits);
    }
    bits |= (uint32_t)(half & 0x8000) << 16;
    memcpy(&value, &bits, sizeof value);
    return value;
}

bool stoa_st_convert(stoa_st_reading reading, void *dst, const void *src, size_t n) {
    const char *from = src;
    for (size_t i = 0; i < n; i++) {
        if (reading == STOA_ST_F16_TO_F32) {
            uint16_t half;
            memcpy(&half, from + 2 * i, sizeof half);
            ((float *)dst)[i] = f32_of_f16(half);
        } else {
            int64_t wide;
            memcpy(&wide, from + 8 * i, sizeof wide);
            if (wide < INT32_MIN || wide > INT32_MAX)
                return false;
            ((int32_t *)dst)[i] = (int32_t)wide;
        }
    }
    return true;
}
