/* train/unroll.c - the memory of an unroll, as a list of arrays with one row a step. */
#include <string.h>

#include "train/agent.h"

static stoa_unroll_array *add(stoa_unroll_layout *layout, const char *name, size_t slot,
                              size_t bytes, int64_t rows) {
    stoa_unroll_array *array = &layout->items[layout->count++];
    *array = (stoa_unroll_array){.slot = slot, .bytes = bytes, .rows = rows};
    snprintf(array->name, sizeof array->name, "%s", name);
    return array;
}

static void add_spaces(stoa_unroll_layout *layout, const char *kind, size_t slot,
                       const stoa_space *spaces, int count, int64_t rows) {
    char name[STOA_ENV_NAME + 16];
    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof name, "%s.%s", kind, spaces[i].name);
        add(layout, name, slot + (size_t)i * sizeof(void *), stoa_space_bytes(&spaces[i]), rows);
    }
}

#define AT(field) offsetof(stoa_unroll, field)

void stoa_unroll_describe(stoa_unroll_layout *layout, const stoa_env_spec *spec, int64_t steps) {
    const size_t metrics = (size_t)spec->metric_count * sizeof(float);
    layout->count = 0;
    add_spaces(layout, "observations", AT(observations), spec->observations,
               spec->observation_count, steps + 1);
    add_spaces(layout, "actions", AT(actions), spec->actions, spec->action_count, steps + 1);
    add(layout, "rewards", AT(rewards), sizeof(float), steps + 1);
    add(layout, "terminated", AT(terminated), 1, steps + 1);
    add(layout, "truncated", AT(truncated), 1, steps + 1);
    add(layout, "reset", AT(reset), 1, steps + 1);
    add(layout, "log_probs", AT(log_probs), sizeof(float), steps);
    add(layout, "values", AT(values), sizeof(float), steps + 1);
    add(layout, "final_values", AT(final_values), sizeof(float), steps + 1);
    add(layout, "metrics", AT(metrics), metrics, steps + 1);
    add(layout, "events", AT(events), 1, steps + 1);
}

/* Pointers of any type are kept and read as their bytes. */
static void set_pointer(stoa_unroll *u, size_t slot, const void *pointer) {
    memcpy((char *)u + slot, &pointer, sizeof pointer);
}

static char *pointer_at(const stoa_unroll *u, size_t slot) {
    char *pointer;
    memcpy(&pointer, (const char *)u + slot, sizeof pointer);
    return pointer;
}

void *stoa_unroll_row(const stoa_unroll *u, const stoa_unroll_array *array, int64_t t) {
    return pointer_at(u, array->slot) + (size_t)t * (size_t)u->batch * array->bytes;
}

/* Where each array begins in the block; with a NULL block only the sum is of use. */
static bool lay_out(stoa_unroll *u, const stoa_unroll_layout *layout, char *block, size_t *total) {
    size_t used = 0;
    for (int i = 0; i < layout->count; i++) {
        const stoa_unroll_array *array = &layout->items[i];
        size_t bytes;
        set_pointer(u, array->slot, block ? block + used : NULL);
        if (!stoa_size_mul((size_t)(array->rows * u->batch), array->bytes, &bytes) ||
            !stoa_size_add(used, (bytes + 63) / 64 * 64, &used))
            return false;
    }
    *total = used;
    return true;
}

stoa_status stoa_unroll_init(stoa_unroll *u, const stoa_unroll_layout *layout,
                             const stoa_agent *agent, int64_t steps, int64_t batch,
                             stoa_error *err) {
    size_t bytes = 0;
    *u = (stoa_unroll){.steps = steps, .batch = batch};
    if (!lay_out(u, layout, NULL, &bytes) || !(u->block = stoa_alloc(bytes + 1))) {
        char text[32];
        return stoa_fail(err, STOA_ERR_MEMORY,
                         "out of memory: an unroll of %lld steps of %lld instances takes %s; lower "
                         "train.unroll or env.instances",
                         (long long)steps, (long long)batch,
                         stoa_human_bytes((double)bytes, text, sizeof text));
    }
    lay_out(u, layout, u->block, &bytes);
    return stoa_agent_state_init(&u->state, agent, batch, err);
}

void stoa_unroll_deinit(stoa_unroll *u) {
    stoa_agent_state_deinit(&u->state);
    stoa_free(u->block);
    *u = (stoa_unroll){0};
}

void stoa_unroll_carry(const stoa_unroll_layout *layout, stoa_unroll *into,
                       const stoa_unroll *before) {
    for (int i = 0; i < layout->count; i++) {
        const stoa_unroll_array *array = &layout->items[i];
        if (array->rows > into->steps)
            memcpy(stoa_unroll_row(into, array, 0), stoa_unroll_row(before, array, into->steps),
                   (size_t)into->batch * array->bytes);
    }
}

void stoa_unroll_gather(const stoa_unroll_layout *layout, stoa_unroll *into,
                        const stoa_unroll *from, const int64_t *index) {
    for (int i = 0; i < layout->count; i++) {
        const stoa_unroll_array *array = &layout->items[i];
        size_t n = array->bytes;
        for (int64_t t = 0; t < array->rows; t++) {
            char *out = stoa_unroll_row(into, array, t);
            const char *in = stoa_unroll_row(from, array, t);
            for (int64_t b = 0; b < into->batch; b++)
                memcpy(out + (size_t)b * n, in + (size_t)index[b] * n, n);
        }
    }
    size_t width = (size_t)from->state.width;
    for (int64_t b = 0; b < into->batch && width > 0; b++)
        memcpy(into->state.data + (size_t)b * width, from->state.data + (size_t)index[b] * width,
               width * sizeof(float));
}

stoa_agent_input stoa_unroll_input(const stoa_unroll_layout *layout, const stoa_env_spec *spec,
                                   const stoa_unroll *u, int64_t first, int64_t steps) {
    stoa_agent_input in = {.steps = steps, .batch = u->batch};
    const stoa_unroll_array *array = layout->items;
    for (int o = 0; o < spec->observation_count; o++)
        in.observations[o] = stoa_unroll_row(u, array++, first);
    for (int a = 0; a < spec->action_count; a++)
        in.last_actions[a] = stoa_unroll_row(u, array++, first);
    in.last_rewards = u->rewards + first * u->batch;
    in.reset = u->reset + first * u->batch;
    return in;
}

/* ---- data from files ------------------------------------------------------------------------- */

/* Whether n integers of type dtype lie in [0, below). */
static bool below(const void *values, stoa_dtype dtype, int64_t n, int64_t limit) {
    for (int64_t i = 0; i < n; i++) {
        int64_t value = dtype == STOA_I32 ? ((const int32_t *)values)[i]
                                          : (int64_t)((const uint8_t *)values)[i];
        if (value < 0 || value >= limit)
            return false;
    }
    return true;
}

static stoa_status check_space(const char *kind, const stoa_space *space, const void *values,
                               int64_t rows, stoa_error *err) {
    if (space->kind != STOA_SPACE_CATEGORIES ||
        below(values, space->dtype, rows * stoa_space_numel(space), space->categories))
        return STOA_OK;
    return stoa_fail(err, STOA_ERR_FORMAT,
                     "the checkpoint's %s \"%s\" are not all from 0 to %lld; it is damaged", kind,
                     space->name, (long long)space->categories - 1);
}

stoa_status stoa_unroll_check(const stoa_unroll *u, const stoa_env_spec *spec, int64_t first,
                              stoa_error *err) {
    const uint8_t *const flags[] = {u->terminated, u->truncated, u->reset};
    int64_t from = first * u->batch, n = (u->steps + 1 - first) * u->batch;
    for (int o = 0; o < spec->observation_count; o++) {
        const stoa_space *space = &spec->observations[o];
        const char *row = (const char *)u->observations[o] + (size_t)from * stoa_space_bytes(space);
        STOA_TRY(check_space("observations", space, row, n, err));
    }
    for (int a = 0; a < spec->action_count; a++) {
        const stoa_space *space = &spec->actions[a];
        const char *row = (const char *)u->actions[a] + (size_t)from * stoa_space_bytes(space);
        STOA_TRY(check_space("actions", space, row, n, err));
    }
    for (int k = 0; k < 3; k++)
        if (!below(flags[k] + from, STOA_U8, n, 2))
            return stoa_fail(err, STOA_ERR_FORMAT,
                             "the checkpoint's flags are not all 0 or 1; it is damaged");
    if (!below(u->events + from, STOA_U8, n, spec->event_count + 1))
        return stoa_fail(err, STOA_ERR_FORMAT,
                         "the checkpoint's events are not all known; it is damaged");
    return STOA_OK;
}
