/*
 * nn/checkpoint_load.c - finds a checkpoint that verifies and loads it whole or not at all.
 *
 * A file's bytes are read once, compared in size and hash with the manifest, and then parsed from
 * that same memory. Parameters and optimiser are written only after everything was found good.
 * Damage (a missing, cut or changed file) sends "latest" to the next older checkpoint; a checkpoint
 * of another model is no damage and is reported.
 */
#include "nn/checkpoint.h"

#include <limits.h>
#include <string.h>
#include <sys/stat.h>

/* A checkpoint's file in memory. */
typedef struct loaded {
    char path[PATH_MAX];
    char *bytes;
    stoa_safetensors *file;
    stoa_ck_contents contents;
} loaded;

static void unload(loaded *l) {
    stoa_safetensors_close(l->file);
    stoa_free(l->bytes);
    stoa_ck_contents_deinit(&l->contents);
}

/* Every file of the manifest has its size. */
static stoa_status check_sizes(const char *folder, const stoa_manifest *manifest, stoa_error *err) {
    for (int i = 0; i < manifest->count; i++) {
        char path[PATH_MAX];
        struct stat st;
        if (!stoa_path_join(path, sizeof path, folder, manifest->files[i].name) ||
            stat(path, &st) != 0)
            return stoa_fail(err, STOA_ERR_FORMAT, "%s: %s is missing", folder,
                             manifest->files[i].name);
        if ((uint64_t)st.st_size != manifest->files[i].bytes)
            return stoa_fail(err, STOA_ERR_FORMAT, "%s: %lld bytes, the manifest says %llu", path,
                             (long long)st.st_size, (unsigned long long)manifest->files[i].bytes);
    }
    return STOA_OK;
}

static stoa_status load_file(const char *folder, const stoa_ck_file *row, loaded *out,
                             stoa_error *err) {
    size_t size;
    if (!stoa_path_join(out->path, sizeof out->path, folder, row->name))
        return stoa_fail(err, STOA_ERR_IO, "%.200s...: the path is too long", folder);
    STOA_TRY(stoa_file_read(out->path, row->bytes, &out->bytes, &size, err));
    if (size != row->bytes || XXH3_64bits(out->bytes, size) != row->xxh3)
        return stoa_fail(err, STOA_ERR_FORMAT,
                         "%s: its hash is not the manifest's; the file is damaged", out->path);
    return stoa_safetensors_parse(&out->file, out->path, out->bytes, size, err);
}

/* The optimiser's step count, after checking that the file is of this kind of optimiser. */
static stoa_status read_steps(const loaded *l, const stoa_optimizer *optimizer, int64_t *steps,
                              stoa_error *err) {
    const char *kind = stoa_safetensors_metadata(l->file, "kind");
    const char *text = stoa_safetensors_metadata(l->file, "steps");
    const char *wanted = stoa_optimizer_kind_name(optimizer->options.kind);
    if (!kind || !text || !stoa_parse_int(stoa_view_of(text), steps) || *steps < 0)
        return stoa_fail(err, STOA_ERR_FORMAT, "%s: no \"kind\" and \"steps\" in its metadata",
                         l->path);
    if (strcmp(kind, wanted) != 0)
        return stoa_fail(err, STOA_ERR_USAGE,
                         "%s: saved by %s, but the settings ask for %s; resume with the settings "
                         "of the run",
                         l->path, kind, wanted);
    return STOA_OK;
}

static stoa_status load_model(const char *folder, const stoa_manifest *manifest,
                              const stoa_params *params, loaded *model, stoa_error *err) {
    const stoa_ck_file *row = stoa_manifest_find(manifest, STOA_CK_MODEL);
    if (!row)
        return stoa_fail(err, STOA_ERR_FORMAT, "%s: its manifest lists no %s", folder,
                         STOA_CK_MODEL);
    STOA_TRY(load_file(folder, row, model, err));
    STOA_TRY(stoa_ck_model_contents(&model->contents, params, err));
    return stoa_ck_match(&model->contents, model->file, model->path, err);
}

static stoa_status load_optimizer(const char *folder, const stoa_manifest *manifest,
                                  const stoa_optimizer *optimizer, loaded *moments, int64_t *steps,
                                  stoa_error *err) {
    const stoa_ck_file *row = stoa_manifest_find(manifest, STOA_CK_OPTIMIZER);
    if (!row)
        return stoa_fail(err, STOA_ERR_USAGE,
                         "%s: holds no optimiser state; it can be used, but not trained further",
                         folder);
    STOA_TRY(load_file(folder, row, moments, err));
    STOA_TRY(read_steps(moments, optimizer, steps, err));
    STOA_TRY(stoa_ck_optimizer_contents(&moments->contents, optimizer, err));
    return stoa_ck_match(&moments->contents, moments->file, moments->path, err);
}

static stoa_status load_parts(const char *folder, const stoa_manifest *manifest,
                              stoa_ck_parts parts, loaded *state, stoa_error *err) {
    const stoa_ck_file *row = stoa_manifest_find(manifest, STOA_CK_STATE);
    if (!row)
        return stoa_fail(err, STOA_ERR_USAGE,
                         "%s: holds no state of a run; it can be used, but not trained further",
                         folder);
    STOA_TRY(load_file(folder, row, state, err));
    return stoa_ck_part_match(parts, state->file, state->path, err);
}

/* Where a load goes. */
typedef struct destination {
    stoa_params *params;
    stoa_optimizer *optimizer; /* nullable */
    stoa_ck_parts parts;
    stoa_checkpoint_info *info; /* nullable */
} destination;

static stoa_status load_step(const char *folder, const char *name, const destination *to,
                             stoa_error *err) {
    char path[PATH_MAX], manifest_path[PATH_MAX];
    stoa_manifest manifest;
    int64_t named, steps = 0;
    if (!stoa_path_join(path, sizeof path, folder, name) ||
        !stoa_path_join(manifest_path, sizeof manifest_path, path, STOA_CK_MANIFEST))
        return stoa_fail(err, STOA_ERR_IO, "%.200s...: the path is too long", folder);
    STOA_TRY(stoa_manifest_read(manifest_path, &manifest, err));
    if (!stoa_ck_step_of(name, &named) || named != manifest.step)
        return stoa_fail(err, STOA_ERR_FORMAT, "%s: is of step %lld, not of its folder's",
                         manifest_path, (long long)manifest.step);
    STOA_TRY(check_sizes(path, &manifest, err));

    loaded model = {0}, moments = {0}, state = {0};
    stoa_status status = load_model(path, &manifest, to->params, &model, err);
    if (status == STOA_OK && to->optimizer)
        status = load_optimizer(path, &manifest, to->optimizer, &moments, &steps, err);
    if (status == STOA_OK && to->parts.count > 0)
        status = load_parts(path, &manifest, to->parts, &state, err);
    if (status == STOA_OK) {
        stoa_ck_copy(&model.contents, model.file);
        stoa_params_clear_grads(to->params);
        stoa_params_touch(to->params);
        if (to->optimizer) {
            stoa_ck_copy(&moments.contents, moments.file);
            to->optimizer->steps = steps;
        }
        if (to->parts.count > 0)
            stoa_ck_part_copy(to->parts, state.file);
        if (to->info) {
            to->info->step = manifest.step;
            memcpy(to->info->state, manifest.state, sizeof to->info->state);
        }
    }
    unload(&model);
    unload(&moments);
    unload(&state);
    return status;
}

static bool damaged(stoa_status status) {
    return status == STOA_ERR_FORMAT || status == STOA_ERR_IO;
}

/* The newest checkpoint that verifies, but for `tried`. first: why that one did not. */
static stoa_status fall_back(const char *folder, const char *tried, stoa_error first,
                             const destination *to, stoa_error *err) {
    int64_t *steps;
    size_t count;
    STOA_TRY(stoa_ck_list(folder, &steps, &count, err));
    stoa_status status = first.status;
    for (size_t i = 0; i < count && damaged(status); i++) {
        char name[STOA_CK_NAME];
        stoa_error why;
        stoa_ck_step_name(steps[i], name);
        if (strcmp(name, tried) == 0)
            continue;
        status = load_step(folder, name, to, &why);
        if (status == STOA_OK)
            stoa_log_write(STOA_LOG_WARN, "%s; loaded %s instead", first.message, name);
        else if (damaged(status))
            stoa_log_write(STOA_LOG_WARN, "%s", why.message);
        else
            first = why;
    }
    stoa_free(steps);
    if (status == STOA_OK)
        return STOA_OK;
    return count > 0 ? stoa_fail(err, first.status, "%s", first.message)
                     : stoa_fail(err, STOA_ERR_IO, "%s: holds no checkpoint", folder);
}

stoa_status stoa_checkpoint_load_all(const char *folder, const char *which, stoa_params *params,
                                     stoa_optimizer *optimizer, const stoa_checkpoint_part *parts,
                                     size_t part_count, stoa_checkpoint_info *info,
                                     stoa_error *err) {
    const destination to = {params, optimizer, {parts, part_count}, info};
    char name[STOA_CK_NAME] = "";
    int64_t step;
    stoa_error why = {0};
    if (strcmp(which, "latest") == 0) {
        stoa_status status = stoa_ck_pointer(folder, "latest", name, &why);
        if (status == STOA_OK)
            status = load_step(folder, name, &to, &why);
        if (status == STOA_OK)
            return STOA_OK;
        if (damaged(status))
            return fall_back(folder, name, why, &to, err);
        return stoa_fail(err, status, "%s", why.message);
    }
    if (strcmp(which, "best") == 0)
        STOA_TRY(stoa_ck_pointer(folder, "best", name, err));
    else if (stoa_ck_step_of(which, &step))
        stoa_ck_step_name(step, name);
    else
        return stoa_fail(err, STOA_ERR_USAGE,
                         "unknown checkpoint \"%s\": use latest, best or a name such as "
                         "step_00001200",
                         which);
    return load_step(folder, name, &to, err);
}

stoa_status stoa_checkpoint_load(const char *folder, const char *which, stoa_params *params,
                                 stoa_optimizer *optimizer, stoa_checkpoint_info *info,
                                 stoa_error *err) {
    return stoa_checkpoint_load_all(folder, which, params, optimizer, NULL, 0, info, err);
}

bool stoa_checkpoint_exists(const char *folder) {
    int64_t *steps;
    size_t count;
    if (stoa_ck_list(folder, &steps, &count, NULL) != STOA_OK)
        return false;
    stoa_free(steps);
    return count > 0;
}
