/*
 * mock_worker.c - a worker of the protocol in src/env/gym.h that needs no Python: the bridge is
 * tested on a bare machine.
 *
 * Its world: the state is (instance, step, seed mod 1000), the reward is the action, the score
 * twice that; an episode lasts `length` + instance % 3 steps, ends terminated in odd instances and
 * truncated in even ones. Its kwargs make trouble: {"die": n} and likewise hang, complain, babble
 * and lie, each at the n-th step of the process that owns instance `row`; {"fragile": n} ends it
 * in one of n rows it writes, by chance; "hello" names one of the wrong descriptions below.
 */
#include "mock_worker.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <jansson.h>

#include "stoa/base.h"

typedef struct mock {
    json_t *config, *layout;
    char *memory;
    int64_t first, count, length, steps;
    int64_t at[1024]; /* steps of the running episodes */
    int64_t seed[1024];
    stoa_rng rng; /* of {"fragile"} */
} mock;

#define SPACES                                                                                     \
    "\"observations\":[{\"name\":\"state\",\"kind\":\"box\",\"dtype\":\"f32\",\"shape\":[3]},"     \
    "{\"name\":\"phase\",\"kind\":\"categories\",\"dtype\":\"i32\",\"shape\":[],"                  \
    "\"categories\":3}],"
#define MOVE                                                                                       \
    "\"actions\":[{\"name\":\"move\",\"kind\":\"categories\",\"dtype\":\"i32\",\"shape\":[],"      \
    "\"categories\":4,\"labels\":[\"a\",\"b\",\"c\",\"d\"]}]"

static const struct {
    const char *name, *text;
} hellos[] = {
    {"good", "H{" SPACES MOVE ",\"max_steps\":1000,\"render\":[2,3]}"},
    {"empty", "H"},
    {"array", "H[1,2]"},
    {"cut", "H{" SPACES},
    {"silent", "H{" SPACES "\"actions\":[]}"},
    {"huge", "H{\"observations\":[{\"name\":\"x\",\"kind\":\"box\",\"dtype\":\"f32\",\"shape\":["
             "9999999,9999999,9999999]}]," MOVE "}"},
    {"negative", "H{\"observations\":[{\"name\":\"x\",\"kind\":\"box\",\"dtype\":\"f32\","
                 "\"shape\":[-4]}]," MOVE "}"},
    {"deep", "H{\"observations\":[{\"name\":\"x\",\"kind\":\"box\",\"dtype\":\"u8\",\"shape\":["
             "1,1,1,1,1,1,1,1]}]," MOVE "}"},
    {"unknown", "H{\"observations\":[{\"name\":\"x\",\"kind\":\"sound\",\"dtype\":\"u8\","
                "\"shape\":[1]}]," MOVE "}"},
    {"mixed", "H{\"observations\":[{\"name\":\"x\",\"kind\":\"image\",\"dtype\":\"f32\","
              "\"shape\":[1]}]," MOVE "}"},
    {"nameless",
     "H{\"observations\":[{\"kind\":\"box\",\"dtype\":\"f32\",\"shape\":[1]}]," MOVE "}"},
    {"unbounded", "H{" SPACES "\"actions\":[{\"name\":\"x\",\"kind\":\"box\",\"dtype\":\"f32\","
                  "\"shape\":[1]}]}"},
    {"uncounted", "H{" SPACES "\"actions\":[{\"name\":\"x\",\"kind\":\"categories\","
                  "\"dtype\":\"i32\",\"shape\":[],\"categories\":-1}]}"},
    {"picture", "H{" SPACES MOVE ",\"render\":[100000,100000]}"},
};

static void answer(const char *text) {
    if (send(3, text, strlen(text), MSG_NOSIGNAL) < 0)
        _exit(0);
}

static int64_t option(const mock *m, const char *key, int64_t otherwise) {
    const json_t *value = json_object_get(json_object_get(m->config, "kwargs"), key);
    return value ? json_integer_value(value) : otherwise;
}

static void *array(const mock *m, const char *name, size_t index) {
    const json_t *at = json_object_get(m->layout, name);
    return m->memory + json_integer_value(json_is_array(at) ? json_array_get(at, index) : at);
}

static void observe(const mock *m, const char *where, int64_t row) {
    int64_t k = row - m->first;
    float *state = (float *)array(m, where, 0) + 3 * row;
    state[0] = (float)row;
    state[1] = (float)m->at[k];
    state[2] = (float)(m->seed[k] % 1000);
    ((int32_t *)array(m, where, 1))[row] = (int32_t)(m->at[k] % 3);
}

static void trouble(const mock *m, const char *half) {
    int64_t row = option(m, "row", m->first);
    if (row < m->first || row >= m->first + m->count)
        return;
    if (option(m, "die", -1) == m->steps) {
        observe(m, half, m->first); /* in the middle of its work */
        fprintf(stderr, "these are\nmy last words");
        abort();
    }
    if (option(m, "hang", -1) == m->steps)
        for (;;)
            pause();
    if (option(m, "complain", -1) == m->steps) {
        answer("EValueError: the ball is lost");
        _exit(1);
    }
    if (option(m, "babble", -1) == m->steps)
        for (int i = 0; i < 40000; i++) /* more than a pipe holds */
            fputs("nothing of interest ", stderr);
    if (option(m, "lie", -1) == m->steps)
        ((int32_t *)array(m, half, 1))[m->first] = 1 << 30;
}

static void step(mock *m, const char *half) {
    float *rewards = array(m, "rewards", 0), *scores = array(m, "scores", 0);
    uint8_t *terminated = array(m, "terminated", 0), *truncated = array(m, "truncated", 0);
    const int32_t *moves = array(m, "actions", 0);
    int64_t fragile = option(m, "fragile", 0);
    for (int64_t k = 0; k < m->count; k++) {
        int64_t row = m->first + k;
        if (fragile && stoa_rng_below(&m->rng, fragile) == 0)
            raise(SIGKILL);
        rewards[row] = (float)moves[row];
        scores[row] = (float)(2 * moves[row]);
        m->at[k]++;
        bool over = m->at[k] >= m->length + row % 3;
        terminated[row] = over && row % 2;
        truncated[row] = over && !(row % 2);
        if (over) {
            observe(m, "finals", row);
            m->at[k] = 0;
            m->seed[k]++;
        }
        observe(m, half, row);
    }
    m->steps++;
    trouble(m, half);
}

static void reset(mock *m, const char *half) {
    for (int64_t k = 0; k < m->count; k++) {
        m->at[k] = 0;
        m->seed[k] = ((const int64_t *)array(m, "seeds", 0))[m->first + k];
        observe(m, half, m->first + k);
    }
    trouble(m, half);
}

static void introduce(mock *m, const char *text) {
    m->config = json_loads(text, 0, NULL);
    m->first = json_integer_value(json_object_get(m->config, "first"));
    m->count = json_integer_value(json_object_get(m->config, "count"));
    m->length = option(m, "length", 5);
    m->rng = stoa_rng_stream((uint64_t)getpid(), "fragile", 0);
    const char *wanted =
        json_string_value(json_object_get(json_object_get(m->config, "kwargs"), "hello"));
    for (size_t i = 0; i < sizeof hellos / sizeof *hellos; i++)
        if (strcmp(hellos[i].name, wanted ? wanted : "good") == 0)
            answer(hellos[i].text);
    if (wanted && strcmp(wanted, "complain") == 0)
        answer("Epython3 has no gymnasium; install it");
    if (wanted && strcmp(wanted, "die") == 0)
        _exit(7);
}

static void map(mock *m, const char *text) {
    m->layout = json_loads(text, 0, NULL);
    size_t bytes = (size_t)json_integer_value(json_object_get(m->layout, "bytes"));
    m->memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, 4, 0);
    if (m->memory == MAP_FAILED)
        _exit(2);
}

int mock_worker(void) {
    static mock m;
    static char packet[1 << 16];
    for (;;) {
        ssize_t n = recv(3, packet, sizeof packet - 1, 0);
        if (n <= 0) { /* the parent is done */
            json_decref(m.config);
            json_decref(m.layout);
            return 0;
        }
        packet[n] = '\0';
        const char *half = packet[1] == '1' ? "observations_1" : "observations_0";
        if (packet[0] == 'C') {
            introduce(&m, packet + 1);
            continue;
        }
        if (packet[0] == 'L')
            map(&m, packet + 1);
        else if (packet[0] == 'R')
            reset(&m, half);
        else if (packet[0] == 'S')
            step(&m, half);
        else if (packet[0] == 'V')
            memset(array(&m, "picture", 0), atoi(packet + 1), 2 * 3 * 3);
        answer("D");
    }
}
