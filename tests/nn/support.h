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

#endif /* TESTS_NN_SUPPORT_H */
