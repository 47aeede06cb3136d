/*
 * Where and with what a report was made.
 */
#include "study/report.h"

#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

// The value of a "key : value" line of a small text file; false when there is none.
static bool file_line(const char *path, const char *key, char *out, size_t n) {
    char line[4096];
    FILE *f = fopen(path, "re");
    bool found = false;
    while (f && !found && fgets(line, sizeof line, f)) {
        char *colon = strchr(line, ':');
        if (!colon || strncmp(line, key, strlen(key)) != 0)
            continue;
        char *value = colon + 1 + strspn(colon + 1, " \t");
        value[strcspn(value, "\n")] = '\0';
        snprintf(out, n, "%s", value);
        found = true;
    }
    if (f)
        fclose(f);
    return found;
}

static void processor(char *out, size_t n) {
    if (!file_line("/proc/cpuinfo", "model name", out, n))
        snprintf(out, n, "unknown");
}

// The vector and matrix units that matter for speed here.
static void units(char *out, size_t n) {
    static const char *const known[] = {"avx2", "avx512f", "avx512_bf16", "amx_bf16", "avx10"};
    char flags[4096];
    size_t used = 0;
    snprintf(out, n, "none of AVX2, AVX-512, AMX");
    if (!file_line("/proc/cpuinfo", "flags", flags, sizeof flags))
        return;
    for (char *rest = NULL, *word = strtok_r(flags, " ", &rest); word;
         word = strtok_r(NULL, " ", &rest))
        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
            if (strcmp(word, known[i]) == 0 && used + 16 < n)
                used += (size_t)snprintf(out + used, n - used, "%s%s", used > 0 ? ", " : "", word);
}

void stoa_machine_describe(stoa_machine_row rows[STOA_MACHINE_ROWS]) {
    static const char *const keys[STOA_MACHINE_ROWS] = {"processor", "units",   "CPUs", "memory",
                                                        "system",    "version", "build"};
    for (int i = 0; i < STOA_MACHINE_ROWS; i++)
        rows[i] = (stoa_machine_row){.key = keys[i]};
    const size_t n = sizeof rows[0].value;
    char text[64];
    processor(rows[0].value, n);
    units(rows[1].value, n);
    snprintf(rows[2].value, n, "%d usable", stoa_cpu_count());
    struct sysinfo memory;
    if (sysinfo(&memory) == 0)
        snprintf(rows[3].value, n, "%s",
                 stoa_human_bytes((double)memory.totalram * memory.mem_unit, text, sizeof text));
    struct utsname system;
    if (uname(&system) == 0)
        snprintf(rows[4].value, n, "%.60s %.60s, %.60s", system.sysname, system.release,
                 system.machine);
    snprintf(rows[5].value, n, "stoa %.60s, commit %s", stoa_version(), STOA_COMMIT);
    snprintf(rows[6].value, n, "%.250s", stoa_build());
}
