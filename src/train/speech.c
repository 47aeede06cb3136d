/*
 * train/speech.c - remarks: what the environment tells at a step beside what the agent says of it.
 *
 * Words about an observation are told with it. Words about a choice are told with the observation
 * after it, so what was said is kept until then.
 */
#include "train/speech.h"

#include <string.h>

static const stoa_space *space_of(const stoa_speech *s, int source) {
    return &s->expl->spec->observations[s->expl->space[source]];
}

stoa_status stoa_speech_init(stoa_speech *s, const stoa_objective *objectives, int count,
                             int64_t batch, stoa_error *err) {
    *s = (stoa_speech){.batch = batch};
    for (int i = 0; i < count; i++)
        if (objectives[i].class_ == &stoa_objective_explanations)
            s->expl = objectives[i].self;
    for (int k = 0; s->expl && k < STOA_EXPL_SOURCES; k++) {
        if (s->expl->space[k] < 0)
            continue;
        size_t bytes = (size_t)(batch * stoa_space_numel(space_of(s, k))) * sizeof(int32_t);
        s->said[k] = stoa_alloc(bytes);
        s->told[k] = stoa_alloc(bytes);
        if (!s->said[k] || !s->told[k])
            return stoa_fail(err, STOA_ERR_MEMORY, "out of memory for the agent's words");
    }
    return STOA_OK;
}

void stoa_speech_deinit(stoa_speech *s) {
    for (int k = 0; k < STOA_EXPL_SOURCES; k++) {
        stoa_free(s->said[k]);
        stoa_free(s->told[k]);
    }
    *s = (stoa_speech){0};
}

stoa_status stoa_speech_say(stoa_speech *s, stoa_ctx *ctx, const stoa_agent_output *output,
                            const void *const *actions, stoa_error *err) {
    for (int k = 0; s->expl && k < STOA_EXPL_SOURCES; k++)
        if (s->said[k])
            STOA_TRY(
                stoa_expl_say(s->expl, (stoa_expl_source)k, ctx, output, actions, s->said[k], err));
    return STOA_OK;
}

/* ---- remarks --------------------------------------------------------------------------------- */

static bool is_text(const stoa_speech *s, const stoa_space *space) {
    return s->told[STOA_EXPL_TEXT] && space == space_of(s, STOA_EXPL_TEXT);
}

/* Fills in what told and said come to; false: nothing is told. */
static bool judge(const stoa_speech *s, int source, stoa_agent_remark *r) {
    int32_t any = 0;
    r->right = true;
    for (int64_t i = 0; i < r->count; i++) {
        any |= r->told[i];
        if ((r->text || r->told[i] > 0) && r->told[i] != r->said[i])
            r->right = false;
    }
    stoa_expl_kind kind = stoa_expl_kind_of((stoa_expl_source)source, r->space, r->told[0]);
    r->verdict = kind == STOA_EXPL_REWARD;
    r->learned = s->expl->config->kinds >> kind & 1;
    r->right = r->right && r->learned;
    return any != 0;
}

int stoa_speech_remarks(const stoa_speech *s, const stoa_env_buffers *seen, int64_t instance,
                        bool of_choice, stoa_agent_remark *out, int most) {
    int found = 0;
    for (int k = 0; s->expl && k < STOA_EXPL_SOURCES; k++) {
        if (!s->told[k] || of_choice != (k == STOA_EXPL_CHOICE))
            continue;
        const stoa_space *space = space_of(s, k);
        const int64_t n = stoa_space_numel(space);
        const int64_t parts = k == STOA_EXPL_OBJECTS ? space->shape[0] : 1, count = n / parts;
        int32_t *told = s->told[k] + instance * n;
        for (int64_t i = 0; i < n; i++)
            told[i] =
                stoa_expl_word_at(space, seen->observations[s->expl->space[k]], instance * n + i);
        for (int64_t p = 0; p < parts && found < most; p++) {
            out[found] = (stoa_agent_remark){.space = space,
                                             .first = p * count,
                                             .count = count,
                                             .part = p,
                                             .parts = parts,
                                             .told = told + p * count,
                                             .said = s->said[k] + instance * n + p * count,
                                             .text = is_text(s, space)};
            found += judge(s, k, &out[found]);
        }
    }
    return found;
}

void stoa_agent_remark_print(const stoa_agent_remark *r, const int32_t *words, stoa_buffer *out) {
    const char *gap = "";
    for (int64_t i = 0; i < r->count && (!r->text || words[i] > 0); i++) {
        if (!r->text && r->told[i] == 0)
            continue;
        const char *word = stoa_space_word(r->space, r->first + i, words[i]);
        if (word)
            stoa_buffer_printf(out, "%s%s", gap, word);
        else
            stoa_buffer_printf(out, "%s%d", gap, (int)words[i]);
        gap = " ";
    }
}

void stoa_agent_said_add(stoa_agent_said *sum, const stoa_agent_remark *remarks, int count) {
    for (int i = 0; i < count; i++) {
        sum->told[remarks[i].verdict] += remarks[i].learned;
        sum->right[remarks[i].verdict] += remarks[i].right;
    }
}
