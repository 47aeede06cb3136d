/* What the tests of this folder share. */
#ifndef TESTS_NN_SUPPORT_H
#define TESTS_NN_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "stoa/nn.h"

/* A new empty folder; its path goes to out (n bytes). */
void make_folder(char *out, size_t n);
void remove_folder(const char *path);
/* Number of names in a folder that contain part; "." and ".." do not count. */
int count_names(const char *folder, const char *part);

/* A safetensors file in memory: length field, header, then `data` bytes counting up. Returns its
 * size; out must hold 8 + strlen(header) + data bytes. */
size_t build_file(unsigned char *out, const char *header, size_t data);

/* A matrix (7, 5), a bias (5), a scalar, an empty tensor and a buffer (3), with gradients. */
stoa_params *small_model(void);
stoa_optimizer *small_optimizer(stoa_params *params, stoa_optimizer_kind kind);
/* One optimiser step with gradients that depend on `step` only. */
void train_step(stoa_params *params, stoa_optimizer *optimizer, int64_t step);
/* Every value becomes a function of step and place; the second tells whether it is that. */
void stamp(stoa_params *params, int64_t step);
bool is_stamped(stoa_params *params, int64_t step);

#endif /* TESTS_NN_SUPPORT_H */
