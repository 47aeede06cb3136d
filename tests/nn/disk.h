/*
 * tests/nn/disk.h - a disk as a power loss finds it: what was flushed is there, the rest may be
 * there, whole, in part, or not at all.
 *
 * Stricter than the file systems we know: changes of names that were not flushed by an fsync of
 * their folder may be lost one by one, in any order; data that was not flushed may be lost page by
 * page. Kept: a rename or exchange of names in one folder is one change, and an fsync covers what
 * was done before it. Files only grow, as those of a checkpoint do.
 */
#ifndef TESTS_NN_DISK_H
#define TESTS_NN_DISK_H

#include "support.h"

/* What the power loss does to changes that were not flushed. */
typedef enum loss {
    LOSS_NONE,     /* all had reached the disk: as after a kill */
    LOSS_ALL,      /* nothing had */
    LOSS_OF_DATA,  /* names had, data had not: files are there, but empty or short */
    LOSS_OF_NAMES, /* data had, names had not */
    LOSS_SECTORS,  /* names had; the data ends half-way, at a multiple of 512 bytes */
    LOSS_PAGES,    /* names and lengths had; every other page of 4 KiB is zeros */
    LOSS_RANDOM,   /* each name and each page on its own, by a coin */
} loss;

/* Paths are relative to the disk's top folder and may end in "/..". */
typedef enum disk_kind {
    DISK_MKDIR,
    DISK_CREATE,
    DISK_WRITE, /* appends data */
    DISK_FSYNC,
    DISK_RENAME, /* a to b, replacing it */
    DISK_EXCHANGE,
    DISK_REMOVE,
    DISK_MARK, /* no change: the test's own note, `value` */
} disk_kind;

typedef struct disk_op {
    disk_kind kind;
    char a[128], b[128];
    unsigned char *data; /* owned by whoever keeps the list */
    size_t size;
    int64_t value;
} disk_op;

typedef struct disk disk;

disk *disk_new(void);
void disk_free(disk *d);
void disk_apply(disk *d, const disk_op *op);
/* Is there anything that a power loss could take? */
bool disk_has_unflushed(const disk *d);
/* Writes what is left after a power loss into the real folder `path`, which must not exist. seed:
 * of LOSS_RANDOM. */
void disk_write_remains(const disk *d, const char *path, loss kind, uint64_t seed);

#endif /* TESTS_NN_DISK_H */
