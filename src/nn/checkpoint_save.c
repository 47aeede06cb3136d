/*
 * nn/checkpoint_save.c - saves a checkpoint so that a kill at any moment leaves the previous one.
 *
 * The order is the protocol: every file is flushed before the manifest is written, the manifest
 * before the folder gets its name, the name before `latest` points to it, and only then do old
 * checkpoints go.
 */
#include "nn/checkpoint.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "nn/safetensors.h"

static stoa_status too_long(const char *folder, stoa_error *err) {
    return stoa_fail(err, STOA_ERR_IO, "%.200s...: the path is too long", folder);
}

/* ---- the folder's files ---- */

static stoa_status put_entries(const char *folder, const char *name, const stoa_entry *entries,
                               size_t count, const char *const *metadata, stoa_manifest *manifest,
                               stoa_error *err) {
    char path[PATH_MAX];
    if (!stoa_path_join(path, sizeof path, folder, name))
        return too_long(folder, err);
    stoa_ck_file *row = &manifest->files[manifest->count++];
    snprintf(row->name, sizeof row->name, "%s", name);
    stoa_file_out out;
    stoa_file_out_open(&out, path, err);
    stoa_safetensors_put(&out, entries, count, metadata);
    stoa_status status = stoa_file_out_close(&out, &row->xxh3);
    row->bytes = out.bytes;
    return status;
}

static stoa_status put_file(const char *folder, const char *name, const stoa_ck_contents *contents,
                            const char *const *metadata, stoa_manifest *manifest, stoa_error *err) {
    stoa_entry *entries = stoa_alloc((contents->count + 1) * sizeof *entries);
    if (!entries)
        return stoa_fail(err, STOA_ERR_MEMORY, "%s/%s: no memory to write it", folder, name);
    for (size_t i = 0; i < contents->count; i++) {
        const stoa_ck_slot *slot = &contents->slots[i];
        entries[i] = (stoa_entry){.name = slot->name,
                                  .dtype = STOA_F32,
                                  .ndim = slot->shape->ndim,
                                  .data = slot->values,
                                  .bytes = stoa_nbytes(slot->shape)};
        memcpy(entries[i].shape, slot->shape->shape, sizeof slot->shape->shape);
    }
    stoa_status status =
        put_entries(folder, name, entries, contents->count, metadata, manifest, err);
    stoa_free(entries);
    return status;
}

static stoa_status put_model(const char *folder, const stoa_params *params, stoa_manifest *manifest,
                             stoa_error *err) {
    stoa_ck_contents contents;
    STOA_TRY(stoa_ck_model_contents(&contents, params, err));
    stoa_status status = put_file(folder, STOA_CK_MODEL, &contents, NULL, manifest, err);
    stoa_ck_contents_deinit(&contents);
    return status;
}

static stoa_status put_optimizer(const char *folder, const stoa_optimizer *optimizer,
                                 stoa_manifest *manifest, stoa_error *err) {
    stoa_ck_contents contents;
    char steps[32];
    snprintf(steps, sizeof steps, "%" PRId64, optimizer->steps);
    const char *const metadata[] = {"kind", stoa_optimizer_kind_name(optimizer->options.kind),
                                    "steps", steps, NULL};
    STOA_TRY(stoa_ck_optimizer_contents(&contents, optimizer, err));
    stoa_status status = put_file(folder, STOA_CK_OPTIMIZER, &contents, metadata, manifest, err);
    stoa_ck_contents_deinit(&contents);
    return status;
}

static stoa_status put_parts(const char *folder, stoa_ck_parts parts, stoa_manifest *manifest,
                             stoa_error *err) {
    stoa_entry *entries;
    STOA_TRY(stoa_ck_part_entries(parts, &entries, err));
    stoa_status status =
        put_entries(folder, STOA_CK_STATE, entries, parts.count, NULL, manifest, err);
    stoa_free(entries);
    return status;
}

static stoa_status fill_folder(const char *folder, const stoa_params *params,
                               const stoa_optimizer *optimizer, stoa_ck_parts parts,
                               const stoa_checkpoint_info *info, stoa_error *err) {
    char path[PATH_MAX];
    stoa_manifest manifest = {.step = info->step};
    memcpy(manifest.state, info->state, sizeof manifest.state);
    if (!stoa_path_join(path, sizeof path, folder, STOA_CK_MANIFEST))
        return too_long(folder, err);
    STOA_TRY(put_model(folder, params, &manifest, err));
    if (optimizer)
        STOA_TRY(put_optimizer(folder, optimizer, &manifest, err));
    if (parts.count > 0)
        STOA_TRY(put_parts(folder, parts, &manifest, err));
    STOA_TRY(stoa_manifest_write(path, &manifest, err));
    return stoa_fsync_dir(folder, err);
}

/* ---- giving it its name ---- */

/* Puts the folder `from` at `to`. When something is there already (the run was killed after this
 * rename, or saves a step twice) the two trade names in one go and the old one is left at `from`.
 */
static stoa_status publish(const char *from, const char *to, stoa_error *err) {
    if (rename(from, to) == 0 || ((errno == ENOTEMPTY || errno == EEXIST) &&
                                  renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_EXCHANGE) == 0))
        return STOA_OK;
    if (errno != EINVAL && errno != ENOSYS)
        return stoa_fail(err, STOA_ERR_IO, "%s: cannot rename to %s: %s", from, to,
                         strerror(errno));
    // a file system without exchange: the old one steps aside for a moment
    char aside[PATH_MAX];
    if (snprintf(aside, sizeof aside, "%s0", from) >= PATH_MAX)
        return too_long(from, err);
    if (rename(to, aside) != 0)
        return stoa_fail(err, STOA_ERR_IO, "%s: cannot rename: %s", to, strerror(errno));
    if (rename(from, to) != 0) {
        int code = errno;
        rename(aside, to);
        return stoa_fail(err, STOA_ERR_IO, "%s: cannot rename to %s: %s", from, to, strerror(code));
    }
    return rename(aside, from) == 0
               ? STOA_OK
               : stoa_fail(err, STOA_ERR_IO, "%s: cannot rename: %s", aside, strerror(errno));
}

static stoa_status point(const char *folder, const char *which, const char *name, stoa_error *err) {
    char path[PATH_MAX], line[STOA_CK_NAME + 1];
    if (!stoa_path_join(path, sizeof path, folder, which))
        return too_long(folder, err);
    int length = snprintf(line, sizeof line, "%s\n", name);
    return stoa_file_write(path, line, (size_t)length, err);
}

/* ---- before anything is written ---- */

static stoa_status check_state(const stoa_checkpoint_info *info, stoa_error *err) {
    assert(info->step >= 0 && memchr(info->state, '\0', sizeof info->state));
    json_error_t problem;
    if (!info->state[0])
        return STOA_OK;
    json_t *root = json_loads(info->state, JSON_REJECT_DUPLICATES, &problem);
    bool good = json_is_object(root);
    json_decref(root);
    return good ? STOA_OK
                : stoa_fail(err, STOA_ERR_USAGE, "the checkpoint's state is not a JSON object");
}

static stoa_status make_folder(const char *folder, stoa_error *err) {
    char parent[PATH_MAX];
    if (stoa_file_exists(folder))
        return STOA_OK;
    STOA_TRY(stoa_mkdirs(folder, err));
    if (!stoa_path_join(parent, sizeof parent, folder, ".."))
        return too_long(folder, err);
    return stoa_fsync_dir(parent, err);
}

static stoa_status check_space(const char *folder, const stoa_params *params,
                               const stoa_optimizer *optimizer, stoa_ck_parts parts,
                               stoa_error *err) {
    double need = (double)params->floats * sizeof(float);
    if (optimizer)
        need *= optimizer->moment[1] ? 3 : optimizer->moment[0] ? 2 : 1;
    need += (double)stoa_ck_part_bytes(parts);
    struct statvfs disk;
    if (statvfs(folder, &disk) != 0)
        return STOA_OK; // the writes will tell
    double free_bytes = (double)disk.f_bavail * (double)disk.f_frsize;
    if (1.1 * need <= free_bytes)
        return STOA_OK;
    char wanted[32], have[32];
    return stoa_fail(err, STOA_ERR_IO, "%s: a checkpoint needs %s, %s are free; free some space",
                     folder, stoa_human_bytes(1.1 * need, wanted, sizeof wanted),
                     stoa_human_bytes(free_bytes, have, sizeof have));
}

/* ---- all of it ---- */

stoa_status stoa_checkpoint_save_all(const char *folder, const stoa_params *params,
                                     const stoa_optimizer *optimizer,
                                     const stoa_checkpoint_part *items, size_t part_count,
                                     const stoa_checkpoint_info *info, int keep, bool mark_best,
                                     stoa_error *err) {
    const stoa_ck_parts parts = {items, part_count};
    char name[STOA_CK_NAME], path[PATH_MAX], unfinished[PATH_MAX];
    STOA_TRY(check_state(info, err));
    stoa_ck_step_name(info->step, name);
    if (!stoa_path_join(path, sizeof path, folder, name) ||
        snprintf(unfinished, sizeof unfinished, "%s.tmp-%ld", path, (long)getpid()) >= PATH_MAX)
        return too_long(folder, err);
    STOA_TRY(make_folder(folder, err));
    stoa_ck_remove_stale(folder);
    STOA_TRY(check_space(folder, params, optimizer, parts, err));
    if (mkdir(unfinished, 0777) != 0)
        return stoa_fail(err, STOA_ERR_IO, "%s: cannot make the folder: %s", unfinished,
                         strerror(errno));
    stoa_status status = fill_folder(unfinished, params, optimizer, parts, info, err);
    if (status == STOA_OK)
        status = publish(unfinished, path, err);
    // before what was replaced goes: else a power loss can keep its name and take its files
    if (status == STOA_OK)
        STOA_TRY(stoa_fsync_dir(folder, err));
    if (stoa_file_exists(unfinished)) // failed, or holds what was replaced
        stoa_remove_tree(unfinished, NULL);
    if (status != STOA_OK)
        return status;
    STOA_TRY(point(folder, "latest", name, err));
    if (mark_best)
        STOA_TRY(point(folder, "best", name, err));
    stoa_ck_prune(folder, keep);
    return STOA_OK;
}

stoa_status stoa_checkpoint_save(const char *folder, const stoa_params *params,
                                 const stoa_optimizer *optimizer, const stoa_checkpoint_info *info,
                                 int keep, bool mark_best, stoa_error *err) {
    return stoa_checkpoint_save_all(folder, params, optimizer, NULL, 0, info, keep, mark_best, err);
}
