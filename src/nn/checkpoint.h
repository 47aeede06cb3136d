/* nn/checkpoint.h - the pieces of checkpoints: folder, manifest, contents. Private to nn. */
#ifndef STOA_NN_CHECKPOINT_H
#define STOA_NN_CHECKPOINT_H

#include "nn/file_out.h"
#include "nn/optimizer.h"

#define STOA_CK_MODEL     "model.safetensors"
#define STOA_CK_OPTIMIZER "optimizer.safetensors"
#define STOA_CK_STATE     "state.safetensors"
#define STOA_CK_MANIFEST  "manifest.json"

enum { STOA_CK_NAME = 48, STOA_CK_FILES = 3 };

/* ---- checkpoint_folder.c: names in a run's folder ---- */

/* "step_00001200" and its number. */
void stoa_ck_step_name(int64_t step, char out[STOA_CK_NAME]);
bool stoa_ck_step_of(const char *name, int64_t *step);
/* Steps of all finished checkpoints, newest first; *steps is stoa_alloc'ed. A folder that does not
 * exist has none. */
stoa_status stoa_ck_list(const char *folder, int64_t **steps, size_t *count, stoa_error *err);
/* The step folder that `latest` or `best` names. */
stoa_status stoa_ck_pointer(const char *folder, const char *which, char out[STOA_CK_NAME],
                            stoa_error *err);
/* Removes unfinished folders and files of processes that are gone. */
void stoa_ck_remove_stale(const char *folder);
/* Removes all but the newest `keep` and what `latest` and `best` name. */
void stoa_ck_prune(const char *folder, int keep);

/* ---- checkpoint_manifest.c ---- */

typedef struct stoa_ck_file {
    char name[32];
    uint64_t bytes, xxh3;
} stoa_ck_file;

typedef struct stoa_manifest {
    int64_t step;
    int count; /* of files */
    stoa_ck_file files[STOA_CK_FILES];
    char state[sizeof((stoa_checkpoint_info *)0)->state];
} stoa_manifest;

stoa_status stoa_manifest_write(const char *path, const stoa_manifest *manifest, stoa_error *err);
/* Any changed byte of the file is noticed. */
stoa_status stoa_manifest_read(const char *path, stoa_manifest *manifest, stoa_error *err);
const stoa_ck_file *stoa_manifest_find(const stoa_manifest *manifest, const char *name);

/* ---- checkpoint_contents.c: what model and optimiser put into their files ---- */

typedef struct stoa_ck_slot {
    const char *name;
    const stoa_tensor *shape; /* only its shape counts */
    float *values;
} stoa_ck_slot;

typedef struct stoa_ck_contents {
    stoa_ck_slot *slots;
    size_t count;
    char *names; /* owned text of the optimiser's names */
} stoa_ck_contents;

stoa_status stoa_ck_model_contents(stoa_ck_contents *contents, const stoa_params *params,
                                   stoa_error *err);
stoa_status stoa_ck_optimizer_contents(stoa_ck_contents *contents, const stoa_optimizer *optimizer,
                                       stoa_error *err);
void stoa_ck_contents_deinit(stoa_ck_contents *contents);
size_t stoa_ck_contents_bytes(const stoa_ck_contents *contents);
/* STOA_ERR_USAGE, naming every difference in names, types and shapes. */
stoa_status stoa_ck_match(const stoa_ck_contents *contents, const stoa_safetensors *file,
                          const char *path, stoa_error *err);
/* After a match. */
void stoa_ck_copy(const stoa_ck_contents *contents, const stoa_safetensors *file);

/* ---- checkpoint_state.c: the rest of a run's state ---- */

typedef struct stoa_ck_parts {
    const stoa_checkpoint_part *items;
    size_t count;
} stoa_ck_parts;

/* One U8 vector a part; *entries is stoa_alloc'ed. */
stoa_status stoa_ck_part_entries(stoa_ck_parts parts, stoa_entry **entries, stoa_error *err);
size_t stoa_ck_part_bytes(stoa_ck_parts parts);
/* STOA_ERR_USAGE, naming the first difference in names and sizes. */
stoa_status stoa_ck_part_match(stoa_ck_parts parts, const stoa_safetensors *file, const char *path,
                               stoa_error *err);
/* After a match. */
void stoa_ck_part_copy(stoa_ck_parts parts, const stoa_safetensors *file);

#endif /* STOA_NN_CHECKPOINT_H */
