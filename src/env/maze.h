/* env/maze.h - Maze's settings. */
#ifndef STOA_ENV_MAZE_H
#define STOA_ENV_MAZE_H

#include "stoa/env.h"

enum { STOA_MAZE_MAP, STOA_MAZE_TEXT };                                    /* observation */
enum { STOA_MAZE_WALL, STOA_MAZE_FLOOR, STOA_MAZE_GOAL, STOA_MAZE_SELF };  /* squares of the map */
enum { STOA_MAZE_NORTH, STOA_MAZE_EAST, STOA_MAZE_SOUTH, STOA_MAZE_WEST }; /* moves */

typedef struct stoa_maze_config {
    int64_t height, width, loops, layout, steps;
    double step_cost;
    int observation;
} stoa_maze_config;

#endif /* STOA_ENV_MAZE_H */
