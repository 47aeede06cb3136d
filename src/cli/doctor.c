/* cli/doctor.c - `stoa doctor`: what the machine has, what is built in, what to install. */
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "cli/cli.h"

typedef struct finding {
    const char *name;
    bool good;
    char value[256];
    const char *remedy; /* when not good */
} finding;

static void cpu_model(char *out, size_t n) {
    FILE *f = fopen("/proc/cpuinfo", "r");
    char line[512];
    snprintf(out, n, "unknown");
    while (f && fgets(line, sizeof line, f)) {
        char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) == 0 && colon) {
            colon[strcspn(colon, "\n")] = 0;
            snprintf(out, n, "%s", colon + 2);
            break;
        }
    }
    if (f)
        fclose(f);
}

static void units(char *out, size_t n) {
    out[0] = 0;
#if defined(__x86_64__)
    const struct {
        const char *name;
        bool has;
    } list[] = {
        {"AVX2", __builtin_cpu_supports("avx2")},
        {"AVX-512", __builtin_cpu_supports("avx512f")},
        {"AVX-512 BF16", __builtin_cpu_supports("avx512bf16")},
        {"AMX BF16", stoa_cpu_has_tiles()},
    };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++)
        if (list[i].has)
            snprintf(out + strlen(out), n - strlen(out), "%s%s", out[0] ? ", " : "", list[i].name);
#endif
    if (!out[0])
        snprintf(out, n, "none known");
}

/* A program on the PATH. */
static bool find_program(const char *name, char *out, size_t n) {
    const char *path = getenv("PATH");
    while (path && *path) {
        size_t len = strcspn(path, ":");
        snprintf(out, n, "%.*s/%s", (int)len, path, name);
        if (access(out, X_OK) == 0)
            return true;
        path += len + (path[len] == ':');
    }
    return false;
}

static int look(finding *f) {
    int n = 0;
    struct sysinfo memory;
    struct statvfs disk;
    char text[64], path[4096];
    f[n] = (finding){"processor", true, "", NULL};
    cpu_model(f[n].value, sizeof f[n].value);
    n++;
    f[n] = (finding){"vector units", true, "", NULL};
    units(f[n].value, sizeof f[n].value);
    n++;
    f[n] = (finding){"bf16 training", stoa_machine_has_bf16(), "",
                     "no fast bf16 here: training runs in f32"};
    snprintf(f[n].value, sizeof f[n].value, "%s", f[n].good ? "yes (precision: auto)" : "no");
    n++;
    f[n] = (finding){"threads", true, "", NULL};
    snprintf(f[n].value, sizeof f[n].value, "%d this process may use", stoa_cpu_count());
    n++;
    if (sysinfo(&memory) == 0) {
        double total = (double)memory.totalram * memory.mem_unit;
        f[n] = (finding){"memory", total > 2e9, "", "below 2 GB: use small models and batches"};
        snprintf(f[n].value, sizeof f[n].value, "%s", stoa_human_bytes(total, text, sizeof text));
        n++;
    }
    if (statvfs(".", &disk) == 0) {
        double room = (double)disk.f_bavail * (double)disk.f_frsize;
        f[n] = (finding){"disk here", room > 1e9, "", "less than 1 GB: checkpoints may not fit"};
        snprintf(f[n].value, sizeof f[n].value, "%s free",
                 stoa_human_bytes(room, text, sizeof text));
        n++;
    }
    f[n] = (finding){"matrix library", true, "", NULL};
    snprintf(f[n].value, sizeof f[n].value, "%s", stoa_cpu_library());
    n++;
    f[n] = (finding){"built-in text", true, "", "apt-get install " STOA_BUILTIN_TEXT_PACKAGES};
    stoa_error err = {0};
    f[n].good = stoa_builtin_text(path, sizeof path, &err) == STOA_OK;
    snprintf(f[n].value, sizeof f[n].value, "%.250s", f[n].good ? path : "missing");
    n++;
    f[n] = (finding){"plots (gnuplot)", false, "missing", "apt-get install gnuplot-nox"};
    if (find_program("gnuplot", path, sizeof path)) {
        f[n].good = true;
        snprintf(f[n].value, sizeof f[n].value, "%.250s", path);
    }
    n++;
    f[n] = (finding){"CUDA backend", true, "not built in (optional)", NULL};
    n++;
    f[n] = (finding){"build", true, "", NULL};
    snprintf(f[n].value, sizeof f[n].value, "stoa %s, %.200s", stoa_version(), stoa_build());
    return n + 1;
}

static const struct argp_option rows[] = {{"json", 'j', 0, 0, "Print as JSON", 0}, {0}};

static error_t parse(int key, char *arg, struct argp_state *state) {
    (void)arg;
    if (key != 'j')
        return ARGP_ERR_UNKNOWN;
    *(bool *)state->input = true;
    return 0;
}

static const struct argp parser = {
    .options = rows,
    .parser = parse,
    .doc = "What this machine has, which features are built in, what to install.",
};

int verb_doctor(int argc, char **argv) {
    bool json = false;
    argp_parse(&parser, argc, argv, 0, NULL, &json);
    finding findings[16];
    int count = look(findings);
    json_t *object = json ? json_object() : NULL;
    for (int i = 0; i < count; i++) {
        const finding *f = &findings[i];
        if (json)
            json_object_set_new(object, f->name,
                                json_pack("{s:b, s:s}", "good", f->good, "value", f->value));
        else
            printf("%-4s %-17s %s%s%s\n", f->good ? "ok" : "!", f->name, f->value,
                   f->good ? "" : " -> ", f->good ? "" : f->remedy);
    }
    if (json)
        cli_print_json(object);
    return EXIT_OK;
}
