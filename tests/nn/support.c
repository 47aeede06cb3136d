/* What the tests of this folder share. */
#include "support.h"

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

void make_folder(char *out, size_t n) {
    // in memory where there is such a place: thousands of flushes would wait for a busy disk
    const char *base = getenv("TMPDIR");
    if (!base)
        base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(out, n, "%s/stoa-nn-XXXXXX", base);
    assert_non_null(mkdtemp(out));
}

void remove_folder(const char *path) {
    assert_int_equal(stoa_remove_tree(path, NULL), STOA_OK);
}

int count_names(const char *folder, const char *part) {
    int count = 0;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            count += strstr(entry->d_name, part) != NULL;
    closedir(dir);
    return count;
}

size_t build_file(unsigned char *out, const char *header, size_t data) {
    size_t length = strlen(header);
    for (int i = 0; i < 8; i++)
        out[i] = (unsigned char)(length >> (8 * i));
    memcpy(out + 8, header, length);
    for (size_t i = 0; i < data; i++)
        out[8 + length + i] = (unsigned char)i;
    return 8 + length + data;
}

stoa_params *small_model(void) {
    stoa_params *params = stoa_params_new();
    stoa_params_add(params, "a.weight", STOA_SHAPE(7, 5), STOA_INIT_NORMAL, 1, true);
    stoa_params_add(params, "a.bias", STOA_SHAPE(5), STOA_INIT_ZERO, 0, false);
    stoa_params_add(params, "scale", 0, NULL, STOA_INIT_ONE, 0, false);
    stoa_params_add(params, "empty", STOA_SHAPE(0, 4), STOA_INIT_ONE, 0, false);
    stoa_params_add(params, "mean", STOA_SHAPE(3), STOA_INIT_ZERO, 0, false)->trained = false;
    assert_int_equal(stoa_params_allocate(params, 1, true, false, NULL), STOA_OK);
    return params;
}

stoa_optimizer *small_optimizer(stoa_params *params, stoa_optimizer_kind kind) {
    const stoa_optimizer_options options = {.kind = kind,
                                            .beta1 = 0.9,
                                            .beta2 = 0.99,
                                            .eps = 1e-3,
                                            .weight_decay = 0.1,
                                            .decay = 0.99,
                                            .momentum = 0.5,
                                            .clip = 3};
    stoa_optimizer *optimizer = stoa_optimizer_new(params, &options, NULL);
    assert_non_null(optimizer);
    return optimizer;
}

void train_step(stoa_params *params, stoa_optimizer *optimizer, int64_t step) {
    for (int64_t i = 0; i < stoa_params_count(params); i++) {
        stoa_param *param = stoa_params_at(params, i);
        stoa_rng rng = stoa_rng_stream(9, param->name, (uint64_t)step);
        float *grad = param->tensor.grad;
        for (int64_t j = 0; grad && j < stoa_numel(&param->tensor); j++)
            grad[j] = (float)stoa_rng_normal(&rng);
        param->tensor.grad_written = param->trained;
    }
    assert_int_equal(stoa_optimizer_step(optimizer, NULL, 0.01, NULL, NULL), STOA_OK);
}

static float stamped(const stoa_param *param, int64_t j, int64_t step) {
    return (float)((step * 131 + j * 17 + (int64_t)param->offset) % 1000003);
}

void stamp(stoa_params *params, int64_t step) {
    for (int64_t i = 0; i < stoa_params_count(params); i++) {
        stoa_param *param = stoa_params_at(params, i);
        for (int64_t j = 0; j < stoa_numel(&param->tensor); j++)
            ((float *)param->tensor.data)[j] = stamped(param, j, step);
    }
}

bool is_stamped(stoa_params *params, int64_t step) {
    for (int64_t i = 0; i < stoa_params_count(params); i++) {
        stoa_param *param = stoa_params_at(params, i);
        for (int64_t j = 0; j < stoa_numel(&param->tensor); j++)
            if (((float *)param->tensor.data)[j] != stamped(param, j, step))
                return false;
    }
    return true;
}
