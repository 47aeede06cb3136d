/*
 * bench/overlay_agent.c - some updates of an agent, and of the last one all that another program
 * needs to compute its losses again: the weights before it, the unroll, the losses.
 * bench/pytorch_room.py runs it and compares.
 *
 *   overlay_agent SETTINGS.yaml UPDATES FOLDER [KEY=VALUE...]
 */
#include <stdlib.h>
#include <string.h>

#include "train/agent_trainer.h"

/* Arrays are saved as bytes, (rows, instances, bytes of one): their types are the reader's affair.
 */
static void add_unroll(stoa_entry *entries, size_t *count, const stoa_agent_trainer *t) {
    const stoa_unroll *u = &t->unrolls[0];
    for (int i = 0; i < t->layout.count; i++) {
        const stoa_unroll_array *a = &t->layout.items[i];
        entries[(*count)++] = (stoa_entry){.name = a->name,
                                           .dtype = STOA_U8,
                                           .ndim = 3,
                                           .shape = {a->rows, u->batch, (int64_t)a->bytes},
                                           .data = stoa_unroll_row(u, a, 0),
                                           .bytes = (size_t)(a->rows * u->batch) * a->bytes};
    }
    entries[(*count)++] =
        (stoa_entry){.name = "state",
                     .dtype = STOA_F32,
                     .ndim = 2,
                     .shape = {u->state.batch, u->state.width},
                     .data = u->state.data,
                     .bytes = (size_t)(u->state.batch * u->state.width) * sizeof(float)};
}

static stoa_status save(const stoa_agent_trainer *t, const float *weights, const char *path,
                        stoa_error *err) {
    stoa_params *params = t->net.params;
    size_t total = (size_t)stoa_params_count(params), count = 0;
    stoa_entry *entries = stoa_alloc((total + (size_t)t->layout.count + 1) * sizeof *entries);
    if (!entries)
        return stoa_fail(err, STOA_ERR_MEMORY, "out of memory");
    const float *now = stoa_params_values(params, &(size_t){0});
    for (size_t i = 0; i < total; i++) {
        const stoa_param *p = stoa_params_at(params, (int64_t)i);
        entries[count] = (stoa_entry){.name = p->name,
                                      .dtype = STOA_F32,
                                      .ndim = p->tensor.ndim,
                                      .data = weights + ((const float *)p->tensor.data - now),
                                      .bytes = stoa_nbytes(&p->tensor)};
        memcpy(entries[count++].shape, p->tensor.shape, sizeof p->tensor.shape);
    }
    add_unroll(entries, &count, t);
    stoa_status status = stoa_safetensors_save(path, entries, count, NULL, err);
    stoa_free(entries);
    return status;
}

static stoa_status update(stoa_agent_trainer *t, int updates, const char *folder, float *weights,
                          size_t n, stoa_error *err) {
    stoa_agent_step r = {0};
    char path[4096];
    for (int i = 0; i < updates; i++) {
        memcpy(weights, stoa_params_values(t->net.params, &n), n * sizeof *weights);
        STOA_TRY(stoa_agent_trainer_step(t, &r, err));
    }
    STOA_TRY(stoa_mkdirs(folder, err));
    stoa_path_join(path, sizeof path, folder, "update.safetensors");
    STOA_TRY(save(t, weights, path, err));
    printf("{\"policy_loss\": %.9g, \"value_loss\": %.9g, \"entropy\": %.9g, \"grad_norm\": %.9g",
           r.policy_loss, r.value_loss, r.entropy, r.grad_norm);
    for (int i = 0; i < r.objective_count; i++)
        printf(", \"%s\": %.9g", r.objectives[i].name, r.objectives[i].value);
    printf("}\n");
    return STOA_OK;
}

static stoa_status run(int argc, char **argv, stoa_error *err) {
    stoa_agent_settings s;
    stoa_agent_trainer *t;
    size_t n;
    STOA_TRY(stoa_agent_settings_load(&s, argv[1], (const char *const *)argv + 4, argc - 4, err));
    STOA_TRY(stoa_agent_settings_check(&s, err));
    STOA_TRY(stoa_agent_trainer_new(&t, &s, err));
    stoa_params_values(t->net.params, &n);
    float *weights = stoa_alloc(n * sizeof *weights);
    stoa_status status = weights ? update(t, atoi(argv[2]), argv[3], weights, n, err)
                                 : stoa_fail(err, STOA_ERR_MEMORY, "out of memory");
    stoa_free(weights);
    stoa_agent_trainer_free(t);
    return status;
}

int main(int argc, char **argv) {
    stoa_error err = {0};
    if (argc < 4 || atoi(argv[2]) < 1) {
        fprintf(stderr, "usage: overlay_agent SETTINGS.yaml UPDATES FOLDER [KEY=VALUE...]\n");
        return 2;
    }
    if (run(argc, argv, &err) != STOA_OK) {
        fprintf(stderr, "overlay_agent: %s\n", err.message);
        return 1;
    }
    return 0;
}
