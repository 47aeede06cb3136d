/* env/catch.h - Catch's settings. */
#ifndef STOA_ENV_CATCH_H
#define STOA_ENV_CATCH_H

#include "stoa/env.h"

enum { STOA_CATCH_DELAYED, STOA_CATCH_IMMEDIATE }; /* reward */
enum { STOA_CATCH_BOARD, STOA_CATCH_IMAGE };       /* observation */

typedef struct stoa_catch_config {
    int64_t rows, columns, drops;
    int reward, observation;
    int64_t cell; /* pixels of a cell's side in the image */
    bool time;
} stoa_catch_config;

#endif /* STOA_ENV_CATCH_H */
