/*
 * test_tensorboard.c - TensorBoard itself reads our event files.
 *
 * Needs a Python with the tensorboard package: $STOA_PYTHON, else python3. Skipped without one.
 */
#include "temp.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs python with a script and one argument; its exit status, or -1. */
static int run_python(const char *script, const char *argument) {
    const char *python = getenv("STOA_PYTHON");
    if (!python || !*python)
        python = "python3";
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        execlp(python, python, "-c", script, argument, (char *)NULL);
        _exit(127);
    }
    int status;
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
        return -1;
    return WEXITSTATUS(status);
}

static const char probe[] = "import sys\n"
                            "try:\n"
                            "    from tensorboard.backend.event_processing import "
                            "event_accumulator\n"
                            "except ImportError:\n"
                            "    sys.exit(3)\n";

/* Steps 0..9 were written, the run stopped, and 5..6 were written again with another value. */
static const char check[] =
    "import sys\n"
    "from tensorboard.backend.event_processing.event_accumulator import EventAccumulator\n"
    "a = EventAccumulator(sys.argv[1], size_guidance={'scalars': 0, 'histograms': 0,"
    " 'tensors': 0})\n"
    "a.Reload()\n"
    "got = [(e.step, e.value) for e in a.Scalars('train/loss')]\n"
    "want = [(i, i * 0.5) for i in range(5)] + [(5, 100.0), (6, 100.0)]\n"
    "assert got == want, got\n"
    "assert [e.step for e in a.Scalars('train/caf\\u00e9')] == list(range(7))\n"
    "(h,) = a.Histograms('weights')\n"
    "v = h.histogram_value\n"
    "assert h.step == 4 and v.num == 310 and v.min == 0 and v.max == 309, v\n"
    "assert list(v.bucket) == [10] * 31 and len(v.bucket_limit) == 31, v\n"
    "assert v.sum == 309 * 310 / 2 and v.bucket_limit[-1] == 309, v\n";

static void write_run(void **state) {
    stoa_metrics *m;
    float values[310];
    for (int i = 0; i < 310; i++)
        values[i] = (float)i;
    assert_int_equal(stoa_metrics_open(&m, *state, -1, NULL), STOA_OK);
    for (int s = 0; s < 10; s++) {
        stoa_metric items[] = {{"train/loss", s * 0.5}, {"train/caf\xc3\xa9", 1}};
        assert_int_equal(stoa_metrics_write(m, s, items, 2, NULL), STOA_OK);
        if (s == 4)
            assert_int_equal(stoa_metrics_histogram(m, s, "weights", values, 310, NULL), STOA_OK);
    }
    stoa_metrics_close(m);
    assert_int_equal(stoa_metrics_open(&m, *state, 5, NULL), STOA_OK);
    for (int s = 5; s < 7; s++) {
        stoa_metric items[] = {{"train/loss", 100}, {"train/caf\xc3\xa9", 1}};
        assert_int_equal(stoa_metrics_write(m, s, items, 2, NULL), STOA_OK);
    }
    stoa_metrics_close(m);
}

static void tensorboard_reads_scalars_histograms_and_restarts(void **state) {
    if (run_python(probe, "") != 0) {
        print_message("no Python with tensorboard (set STOA_PYTHON): not compared\n");
        skip();
    }
    write_run(state);
    assert_int_equal(run_python(check, *state), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(tensorboard_reads_scalars_histograms_and_restarts,
                                        make_folder, drop_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
