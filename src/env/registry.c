/* env/registry.c - every environment is one row here and one file (or folder) beside it. */
#include <assert.h>
#include <string.h>

#include "env/env.h"

extern const stoa_env_class stoa_env_cartpole;
extern const stoa_env_class stoa_env_catch;
extern const stoa_env_class stoa_env_chain;
extern const stoa_env_class stoa_env_gym;
extern const stoa_env_class stoa_env_key_to_door;
extern const stoa_env_class stoa_env_maze;
extern const stoa_env_class stoa_env_odd_one_out;
extern const stoa_env_class stoa_env_odd_one_out_choice;
extern const stoa_env_class stoa_env_pong;
extern const stoa_env_class stoa_env_slalom;

/* In the order `stoa list environments` shows. */
static const stoa_env_class *const classes[] = {
    &stoa_env_catch,    &stoa_env_chain,       &stoa_env_key_to_door,
    &stoa_env_slalom,   &stoa_env_pong,        &stoa_env_maze,
    &stoa_env_cartpole, &stoa_env_odd_one_out, &stoa_env_odd_one_out_choice,
    &stoa_env_gym,
};

enum { COUNT = sizeof classes / sizeof *classes };

int stoa_env_class_count(void) {
    return COUNT;
}

const stoa_env_class *stoa_env_class_at(int i) {
    assert(i >= 0 && i < COUNT);
    return classes[i];
}

const stoa_env_class *stoa_env_class_find(const char *name, stoa_error *err) {
    const char *names[COUNT];
    stoa_view wanted = stoa_view_of(name);
    const char *colon = strchr(name, ':');
    if (colon)
        wanted.len = (size_t)(colon - name);
    for (int i = 0; i < COUNT; i++) {
        names[i] = classes[i]->name;
        /* only an environment that lives elsewhere has an id behind a colon */
        if (stoa_view_equal(wanted, stoa_view_of(names[i])) && !colon == !classes[i]->open)
            return classes[i];
        if (strcmp(name, names[i]) == 0) {
            stoa_fail(err, STOA_ERR_USAGE, "environment '%s' wants an id, as in %s:CartPole-v1",
                      name, name);
            return NULL;
        }
    }
    const char *near = stoa_nearest(name, names, COUNT);
    stoa_fail(err, STOA_ERR_USAGE, "there is no environment '%s'%s%s%s", name,
              near ? "; did you mean '" : "; `stoa list environments` names them", near ? near : "",
              near ? "'?" : "");
    return NULL;
}

const char *stoa_env_class_name(const stoa_env_class *class_) {
    return class_->name;
}

const char *stoa_env_class_summary(const stoa_env_class *class_) {
    return class_->summary;
}

bool stoa_env_class_external(const stoa_env_class *class_) {
    return class_->open != NULL;
}

stoa_settings_table stoa_env_class_settings(const stoa_env_class *class_) {
    return class_->settings();
}

size_t stoa_env_class_config_bytes(const stoa_env_class *class_) {
    return class_->config_bytes;
}
