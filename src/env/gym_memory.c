/*
 * env/gym_memory.c - the memory a batch shares with its workers: one array a part, a row an
 * instance, each array on a 64-byte boundary.
 *
 * The size is sealed once it is set, so a worker cannot take mapped pages away from the parent.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "env/gym.h"

/* Hands out consecutive pieces; offsets from NULL while it only counts. */
typedef struct carver {
    char *base;
    size_t used;
    bool overflow;
} carver;

static void *carve(carver *c, int64_t rows, size_t row_bytes) {
    size_t bytes, end;
    if (!stoa_size_mul((size_t)rows, row_bytes, &bytes) || !stoa_size_add(c->used, bytes, &end) ||
        end > SIZE_MAX / 2) {
        c->overflow = true;
        return NULL;
    }
    void *piece = c->base ? c->base + c->used : NULL;
    c->used = (end + 63) / 64 * 64;
    return piece;
}

static void lay_out(stoa_gym_memory *m, const stoa_env_spec *spec, int64_t n, carver *c) {
    for (int o = 0; o < spec->observation_count; o++) {
        size_t bytes = stoa_space_bytes(&spec->observations[o]);
        m->observations[0][o] = carve(c, n, bytes);
        m->observations[1][o] = carve(c, n, bytes);
        m->finals[o] = carve(c, n, bytes);
    }
    for (int a = 0; a < spec->action_count; a++)
        m->actions[a] = carve(c, n, stoa_space_bytes(&spec->actions[a]));
    m->rewards = carve(c, n, sizeof *m->rewards);
    m->scores = carve(c, n, sizeof *m->scores);
    m->terminated = carve(c, n, 1);
    m->truncated = carve(c, n, 1);
    m->seeds = carve(c, n, sizeof *m->seeds);
    m->picture = carve(c, spec->render_height, (size_t)spec->render_width * 3);
}

stoa_status stoa_gym_memory_map(stoa_gym_memory *m, const stoa_env_spec *spec, int64_t count,
                                stoa_error *err) {
    carver c = {0};
    lay_out(m, spec, count, &c);
    if (c.overflow || (double)c.used > stoa_memory_available())
        return stoa_fail(err, STOA_ERR_MEMORY,
                         "environment %s: no memory for %lld instances; ask for fewer", spec->name,
                         (long long)count);
    m->bytes = c.used;
    if (ftruncate(m->fd, (off_t)c.used) != 0 ||
        fcntl(m->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
        return stoa_fail(err, STOA_ERR_IO, "environment %s: cannot size the shared memory: %s",
                         spec->name, strerror(errno));
    void *base = mmap(NULL, c.used, PROT_READ | PROT_WRITE, MAP_SHARED, m->fd, 0);
    if (base == MAP_FAILED)
        return stoa_fail(err, STOA_ERR_MEMORY, "environment %s: cannot map %zu bytes: %s",
                         spec->name, c.used, strerror(errno));
    c = (carver){.base = m->base = base};
    lay_out(m, spec, count, &c);
    return STOA_OK;
}

void stoa_gym_memory_unmap(stoa_gym_memory *m) {
    if (m->base)
        munmap(m->base, m->bytes);
    if (m->fd >= 0)
        close(m->fd);
    *m = (stoa_gym_memory){.fd = -1};
}

/* ---- told to the workers --------------------------------------------------------------------- */

static void list(const stoa_gym_memory *m, const char *name, char *const *arrays, int count,
                 stoa_buffer *out) {
    stoa_buffer_printf(out, ",\"%s\":[", name);
    for (int i = 0; i < count; i++)
        stoa_buffer_printf(out, "%s%td", i ? "," : "", arrays[i] - m->base);
    stoa_buffer_printf(out, "]");
}

static void one(const stoa_gym_memory *m, const char *name, const void *array, stoa_buffer *out) {
    stoa_buffer_printf(out, ",\"%s\":%td", name, (const char *)array - m->base);
}

void stoa_gym_memory_describe(const stoa_gym_memory *m, const stoa_env_spec *spec,
                              stoa_buffer *out) {
    stoa_buffer_printf(out, "L{\"bytes\":%zu", m->bytes);
    list(m, "observations_0", m->observations[0], spec->observation_count, out);
    list(m, "observations_1", m->observations[1], spec->observation_count, out);
    list(m, "finals", m->finals, spec->observation_count, out);
    list(m, "actions", m->actions, spec->action_count, out);
    one(m, "rewards", m->rewards, out);
    one(m, "scores", m->scores, out);
    one(m, "terminated", m->terminated, out);
    one(m, "truncated", m->truncated, out);
    one(m, "seeds", m->seeds, out);
    one(m, "picture", m->picture, out);
    stoa_buffer_printf(out, "}");
}
