/* train/run_files.c - what every kind of run writes into its folder. */
#include "train/run_files.h"

stoa_status stoa_run_settings_write(const char *dir, stoa_settings_table table, const void *target,
                                    stoa_error *err) {
    char path[4096];
    STOA_TRY(stoa_mkdirs(dir, err));
    stoa_buffer text = {0};
    stoa_settings_dump(table, target, true, &text);
    stoa_status status;
    if (!stoa_path_join(path, sizeof path, dir, "settings.yaml"))
        status = stoa_fail(err, STOA_ERR_USAGE, "%s: path too long", dir);
    else if (text.failed)
        status = stoa_fail(err, STOA_ERR_MEMORY, "%s: out of memory for the settings", path);
    else
        status = stoa_file_write(path, text.data, text.len, err);
    stoa_buffer_deinit(&text);
    return status;
}
