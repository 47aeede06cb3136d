/* python.c - child processes that run Python. */
#include "python.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *python(void) {
    const char *name = getenv("STOA_PYTHON");
    return name && *name ? name : "python3";
}

static int run(const char *const *argv) {
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        execvp(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    int status;
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
        return -1;
    return WEXITSTATUS(status);
}

void need_python(const char *packages) {
    char script[512];
    snprintf(script, sizeof script, "try:\n import %s\nexcept ImportError:\n raise SystemExit(3)\n",
             packages);
    if (run((const char *const[]){python(), "-c", script, NULL}) == 0)
        return;
    print_message("%s cannot import %s (set STOA_PYTHON, or pip install numpy gymnasium ale-py "
                  "opencv-python-headless): not tested\n",
                  python(), packages);
    skip();
}

int run_python(const char *script, const char *argument) {
    /* this program is <build>/tests/python/<name> */
    char build[4096], path[4352];
    ssize_t n = readlink("/proc/self/exe", build, sizeof build - 1);
    assert_true(n > 0);
    build[n] = '\0';
    for (int up = 0; up < 3; up++)
        *strrchr(build, '/') = '\0';
    snprintf(path, sizeof path, "%s/libstoa.so", build);
    setenv("STOA_LIBRARY", path, 1);
    setenv("PYTHONPATH", "python:tests/python", 1);
    setenv("PYTHONDONTWRITEBYTECODE", "1", 1);
    snprintf(path, sizeof path, "tests/python/%s", script);
    return run((const char *const[]){python(), "-W", "error", path, argument, NULL});
}

void skip_under_sanitizers(void) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    print_message("a sanitizer's library cannot be loaded into Python: not tested\n");
    skip();
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
    print_message("a sanitizer's library cannot be loaded into Python: not tested\n");
    skip();
#endif
#endif
}
