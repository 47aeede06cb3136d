/* cli/doctor.c - `stoa doctor`: what the machine has, what is built in, what to install. */
#include <math.h>
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
        char available[32];
        snprintf(
            f[n].value, sizeof f[n].value, "%s, %s available",
            stoa_human_bytes(total, text, sizeof text),
            stoa_human_bytes(fmin(total, stoa_memory_available()), available, sizeof available));
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
    f[n] = (finding){"built-in text", true, "",
                     "for --set data.text=builtin: apt-get install " STOA_BUILTIN_TEXT_PACKAGES};
    stoa_error err = {0};
    f[n].good = stoa_builtin_text(path, sizeof path, &err) == STOA_OK;
    snprintf(f[n].value, sizeof f[n].value, "%.250s", f[n].good ? path : "missing");
    n++;
    f[n] = (finding){"gnuplot", false, "missing",
                     "reports have no plots without it: apt-get install gnuplot-nox"};
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

typedef struct options {
    bool json;
} options;

static const cli_option rows[] = {
    {"json", 'j', NULL, "Print as JSON", CLI_FLAG, CLI_AT(options, json, bool), 0, 0},
    {0},
};

static const cli_parser parser = {
    .options = rows,
    .doc = "What this machine has, which features are built in, what to install.",
};

/* "vector units" -> "vector_units" */
static const char *json_key(const char *name, char *out, size_t n) {
    snprintf(out, n, "%s", name);
    for (char *c = strchr(out, ' '); c; c = strchr(c, ' '))
        *c = '_';
    return out;
}

static void print_json(const finding *findings, int count) {
    json_t *object = json_object();
    for (int i = 0; i < count; i++) {
        const finding *f = &findings[i];
        char key[64];
        json_t *row = json_pack("{s:b, s:s}", "good", f->good, "value", f->value);
        if (!f->good)
            json_object_set_new(row, "remedy", json_string(f->remedy));
        json_object_set_new(object, json_key(f->name, key, sizeof key), row);
    }
    cli_print_json(object);
}

static void print_text(const finding *findings, int count) {
    int advice = 0;
    for (int i = 0; i < count; i++) {
        const finding *f = &findings[i];
        printf("%-4s %-15s ", f->good ? "ok" : "!", f->name);
        cli_wrap(stdout, 21, CLI_WIDTH, f->value);
        if (f->good)
            continue;
        advice++;
        printf("%21s-> ", "");
        cli_wrap(stdout, 24, CLI_WIDTH, f->remedy);
    }
    if (advice > 0)
        printf("\nThe lines marked ! say what to do; all else works.\n");
    else
        printf("\nNothing is missing. Try: stoa study run mixture-of-depths --scale smoke\n");
}

int verb_doctor(int argc, char **argv) {
    options o = {0};
    finding findings[16];
    cli_parse(&parser, argc, argv, &o);
    int count = look(findings);
    if (o.json)
        print_json(findings, count);
    else
        print_text(findings, count);
    return EXIT_OK;
}
