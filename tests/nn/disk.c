/* A disk as a power loss finds it. */
#include "disk.h"

#include <stdlib.h>
#include <sys/stat.h>

enum { MOST_NODES = 512, MOST_NAMES = 32, MOST_CHANGES = 128, SECTOR = 512, PAGE = 4096 };
enum { TOP = 0, NOTHING = -1 };

typedef struct entry {
    char name[64];
    int node; // NOTHING: the name is gone
} entry;

/* One change of a folder: up to two names at once. */
typedef struct change {
    entry entries[2];
    int count;
} change;

/* A file or a folder. */
typedef struct node {
    bool folder;
    entry names[MOST_NAMES]; // a folder's, flushed
    int names_count;
    change changes[MOST_CHANGES]; // a folder's, not flushed, oldest first
    int changes_count;
    unsigned char *data; // a file's
    size_t size, flushed;
} node;

struct disk {
    node *nodes[MOST_NODES];
    int count;
};

static int add_node(disk *d, bool folder) {
    assert_true(d->count < MOST_NODES);
    node *n = calloc(1, sizeof *n);
    assert_non_null(n);
    n->folder = folder;
    d->nodes[d->count] = n;
    return d->count++;
}

disk *disk_new(void) {
    disk *d = calloc(1, sizeof *d);
    assert_non_null(d);
    add_node(d, true);
    return d;
}

void disk_free(disk *d) {
    for (int i = 0; i < d->count; i++) {
        free(d->nodes[i]->data);
        free(d->nodes[i]);
    }
    free(d);
}

/* ---- names ---- */

static void set_name(entry *names, int *count, const entry *to) {
    int i = 0;
    while (i < *count && strcmp(names[i].name, to->name) != 0)
        i++;
    if (to->node == NOTHING) {
        if (i < *count)
            names[i] = names[--*count];
        return;
    }
    assert_true(i < MOST_NAMES);
    names[i] = *to;
    *count += i == *count;
}

/* A folder's names with those of its changes that `kept` allows (NULL: all). */
static int view(const node *folder, entry *names, const bool *kept) {
    int count = folder->names_count;
    memcpy(names, folder->names, sizeof folder->names);
    for (int i = 0; i < folder->changes_count; i++)
        for (int j = 0; j < folder->changes[i].count && (!kept || kept[i]); j++)
            set_name(names, &count, &folder->changes[i].entries[j]);
    return count;
}

static int find(const disk *d, int folder, const char *name, size_t length) {
    entry names[MOST_NAMES];
    int count = view(d->nodes[folder], names, NULL);
    for (int i = 0; i < count; i++)
        if (strlen(names[i].name) == length && memcmp(names[i].name, name, length) == 0)
            return names[i].node;
    return NOTHING;
}

/* The folder that holds path's last name; *name is that name. */
static int parent(const disk *d, const char *path, const char **name) {
    int folder = TOP;
    for (const char *slash; (slash = strchr(path, '/')); path = slash + 1) {
        folder = find(d, folder, path, (size_t)(slash - path));
        assert_true(folder != NOTHING && d->nodes[folder]->folder);
    }
    *name = path;
    return folder;
}

static int node_at(const disk *d, const char *path) {
    char text[sizeof((disk_op *)0)->a];
    const char *name;
    snprintf(text, sizeof text, "%s", path);
    size_t length = strlen(text);
    if (length > 3 && strcmp(text + length - 3, "/..") == 0) { // of "a/b/..": "a"
        text[length - 3] = '\0';
        char *slash = strrchr(text, '/');
        text[slash ? slash - text : 0] = '\0';
    }
    if (!text[0])
        return TOP;
    int folder = parent(d, text, &name);
    return find(d, folder, name, strlen(name));
}

static entry entry_of(const char *name, int index) {
    entry e = {.node = index};
    assert_true(strlen(name) < sizeof e.name);
    memcpy(e.name, name, strlen(name) + 1);
    return e;
}

static void add_change(disk *d, int folder, int count, entry first, entry second) {
    node *n = d->nodes[folder];
    assert_true(n->changes_count < MOST_CHANGES);
    n->changes[n->changes_count++] = (change){{first, second}, count};
}

/* ---- what programs do ---- */

static void flush(node *n) {
    n->flushed = n->size;
    n->names_count = view(n, n->names, NULL);
    n->changes_count = 0;
}

static void append(node *n, const disk_op *op) {
    unsigned char *longer = realloc(n->data, n->size + op->size + 1);
    assert_non_null(longer);
    if (op->size > 0)
        memcpy(longer + n->size, op->data, op->size);
    n->data = longer;
    n->size += op->size;
}

/* Both names are in one folder: a checkpoint is never moved between folders. */
static void rename_or_exchange(disk *d, const disk_op *op) {
    const char *from, *to;
    int folder = parent(d, op->a, &from);
    assert_int_equal(parent(d, op->b, &to), folder);
    int moved = node_at(d, op->a), other = node_at(d, op->b);
    assert_int_not_equal(moved, NOTHING);
    add_change(d, folder, 2, entry_of(to, moved),
               entry_of(from, op->kind == DISK_EXCHANGE ? other : NOTHING));
}

void disk_apply(disk *d, const disk_op *op) {
    const char *name;
    switch (op->kind) {
    case DISK_MKDIR:
    case DISK_CREATE: {
        int folder = parent(d, op->a, &name);
        int made = add_node(d, op->kind == DISK_MKDIR);
        add_change(d, folder, 1, entry_of(name, made), (entry){0});
        break;
    }
    case DISK_WRITE:
        append(d->nodes[node_at(d, op->a)], op);
        break;
    case DISK_FSYNC:
        flush(d->nodes[node_at(d, op->a)]);
        break;
    case DISK_RENAME:
    case DISK_EXCHANGE:
        rename_or_exchange(d, op);
        break;
    case DISK_REMOVE: {
        int folder = parent(d, op->a, &name);
        add_change(d, folder, 1, entry_of(name, NOTHING), (entry){0});
        break;
    }
    case DISK_MARK:
        break;
    }
}

bool disk_has_unflushed(const disk *d) {
    for (int i = 0; i < d->count; i++)
        if (d->nodes[i]->changes_count > 0 || d->nodes[i]->flushed < d->nodes[i]->size)
            return true;
    return false;
}

/* ---- the power goes ---- */

static void write_file(const node *n, const char *path, loss kind, stoa_rng *rng) {
    size_t size = n->size, fresh = n->size - n->flushed;
    unsigned char *left = calloc(1, n->size + 1);
    assert_non_null(left);
    if (kind == LOSS_ALL || kind == LOSS_OF_DATA)
        size = n->flushed;
    else if (kind == LOSS_SECTORS)
        size = n->flushed + fresh / 2 / SECTOR * SECTOR;
    else if (kind == LOSS_RANDOM && fresh > 0)
        size = n->flushed + (size_t)stoa_rng_below(rng, (int64_t)fresh + 1);
    if (size > 0)
        memcpy(left, n->data, size);
    for (size_t at = n->flushed / PAGE * PAGE; at < size; at += PAGE) {
        bool lost = kind == LOSS_PAGES ? at / PAGE % 2 == 0
                                       : kind == LOSS_RANDOM && stoa_rng_below(rng, 2) == 0;
        size_t start = at < n->flushed ? n->flushed : at, end = at + PAGE < size ? at + PAGE : size;
        if (lost && end > start)
            memset(left + start, 0, end - start);
    }
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(left, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
    free(left);
}

static void write_node(const disk *d, int index, const char *path, loss kind, stoa_rng *rng) {
    const node *n = d->nodes[index];
    if (!n->folder) {
        write_file(n, path, kind, rng);
        return;
    }
    entry names[MOST_NAMES];
    bool kept[MOST_CHANGES];
    for (int i = 0; i < n->changes_count; i++)
        kept[i] = kind == LOSS_RANDOM ? stoa_rng_below(rng, 2) == 0
                                      : kind != LOSS_ALL && kind != LOSS_OF_NAMES;
    int count = view(n, names, kept);
    assert_int_equal(mkdir(path, 0777), 0);
    for (int i = 0; i < count; i++) {
        char inside[512];
        assert_true(stoa_path_join(inside, sizeof inside, path, names[i].name));
        write_node(d, names[i].node, inside, kind, rng);
    }
}

void disk_write_remains(const disk *d, const char *path, loss kind, uint64_t seed) {
    stoa_rng rng = stoa_rng_stream(seed, "power", 0);
    write_node(d, TOP, path, kind, &rng);
}
