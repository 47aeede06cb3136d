/*
 * tensor/cpu/amx.h - the processor's matrix tiles (Intel AMX), where the compiler targets them.
 *
 * Eight tile registers of 16 rows x 64 bytes. _tile_dpbf16ps(c, a, b) adds a (16 x 32 bf16) times b
 * to c (16 x 16 f32); b holds 16 pairs of rows interleaved: row p, column j is the pair
 * (b[2p][j], b[2p + 1][j]). All of them are always configured at full size: operands are padded
 * with zeros.
 *
 * The operating system grants the tiles to a process on request. Between stoa_amx_enter and
 * stoa_amx_leave a thread owns the configuration and calls nobody else who uses tiles.
 */
#ifndef STOA_TENSOR_CPU_AMX_H
#define STOA_TENSOR_CPU_AMX_H

#include <stdbool.h>

/* __AMX_BF16__ is gcc's and later clang's spelling, __AMXBF16__ that of clang before 15. */
#if (defined(__AMX_BF16__) || defined(__AMXBF16__)) && defined(__AVX512BF16__) &&                  \
    defined(__AVX512BW__) && defined(__AVX512VL__) && defined(__linux__)
#define STOA_HAVE_AMX 1
#else
#define STOA_HAVE_AMX 0
#endif

/* Asks for the tiles (a system call of about 0.1 us); false where there are none. */
bool stoa_amx_available(void);

#if STOA_HAVE_AMX
#include <immintrin.h>
#include <stdint.h>

enum { STOA_TILE_ROWS = 16, STOA_TILE_BYTES = 1024 };

static inline void stoa_amx_enter(void) {
    _Alignas(64) struct {
        uint8_t palette, start, reserved[14];
        uint16_t bytes[16]; // of a tile's row
        uint8_t rows[16];
    } layout = {.palette = 1};
    for (int i = 0; i < 8; i++)
        layout.bytes[i] = 64, layout.rows[i] = STOA_TILE_ROWS;
    // not _tile_loadconfig: gcc's tells the compiler of the first 8 bytes only
    __asm__ volatile("ldtilecfg %0" ::"m"(layout));
}

static inline void stoa_amx_leave(void) {
    _tile_release();
}
#endif

#endif /* STOA_TENSOR_CPU_AMX_H */
