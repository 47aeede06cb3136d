/* odd_world.c - rooms of odd-one-out laid out by hand. */
#include "odd_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

world odd_open(const char *const *set, int count, int64_t instances, uint64_t seed) {
    return world_open_options(&(stoa_env_options){
        .name = "odd-one-out", .set = set, .set_count = count, .count = instances, .seed = seed});
}

stoa_odd_room *odd_room(world *w) {
    return stoa_odd_room_of(w->env, 0);
}

void odd_lay_out(world *w) {
    stoa_odd_room *r = odd_room(w);
    memset(&r->scene, 0, sizeof r->scene);
    memset(r->scene.odd, STOA_ODD_NONE, sizeof r->scene.odd);
    for (int d = 0; d < STOA_ODD_LOOKS; d++)
        r->scene.pair[d][1] = 1;
    for (int i = 0; i < STOA_ODD_OBJECTS; i++) {
        r->row[i] = i < 2 ? 1 : 9;
        r->col[i] = i % 2 ? 9 : 1;
    }
    r->scene.value[3][STOA_ODD_COLOR] = 1;
    r->scene.odd[STOA_ODD_COLOR] = r->scene.target = 3;
    odd_stand(w, 5, 5);
}

void odd_stand(world *w, int row, int col) {
    stoa_odd_room *r = odd_room(w);
    r->player_row = (uint8_t)row;
    r->player_col = (uint8_t)col;
    stoa_odd_room_changed(w->env, 0);
}

void odd_go(world *w, int action) {
    world_step_all(w, action);
}

const char *odd_hears(const world *w) {
    return odd_reads(w, "explanation");
}

int odd_space(const world *w, const char *name) {
    const stoa_env_spec *spec = stoa_env_spec_of(w->env);
    for (int o = 0; o < spec->observation_count; o++)
        if (strcmp(spec->observations[o].name, name) == 0)
            return o;
    fail_msg("there is no observation '%s'", name);
    return -1;
}

const char *odd_reads(const world *w, const char *space) {
    static char text[256];
    int o = odd_space(w, space);
    const uint8_t *ids = w->memory.buffers.observations[o];
    int64_t n = stoa_space_numel(&stoa_env_spec_of(w->env)->observations[o]);
    size_t len = 0;
    text[0] = '\0';
    for (int64_t i = 0; i < n && ids[i]; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%s", i ? " " : "",
                                stoa_odd_words[ids[i]]);
    return text;
}
