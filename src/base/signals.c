/*
 * signals.c - "please stop" as a flag that loops poll between steps.
 */
#include "stoa/base.h"

#include <signal.h>
#include <stdatomic.h>

static atomic_int stop_signal; // lock-free, so a handler may touch it

static void on_stop(int number) {
    int none = 0;
    if (atomic_compare_exchange_strong(&stop_signal, &none, number))
        return;
    signal(number, SIG_DFL); // asked twice: die now, without clean-up
    raise(number);
}

void stoa_signals_install(void) {
    static const int stops[] = {SIGINT, SIGTERM};
    struct sigaction action = {.sa_handler = on_stop, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof stops / sizeof *stops; i++) {
        struct sigaction old;
        // a shell that starts us in the background ignores SIGINT for us: leave it so
        if (sigaction(stops[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            sigaction(stops[i], &action, NULL);
    }
    signal(SIGPIPE, SIG_IGN);
}

int stoa_stop_requested(void) {
    return atomic_load_explicit(&stop_signal, memory_order_relaxed);
}

void stoa_stop_clear(void) {
    atomic_store(&stop_signal, 0);
}
