/* study/emergent_icl/report.c - the report: a section a question, each with its figures and a
 * table of its arms. */
#include <math.h>
#include <stdio.h>

#include "study/emergent_icl/icls.h"

#define COUNT(list) ((int)(sizeof(list) / sizeof *(list)))
#define ICL         "icl/closed"
#define IWL         "iwl/open"

/* Whether so many arms of these were run: a section of one that others share says nothing. */
static bool enough(const stoa_icls_study *study, const stoa_icls_arm_id *arms, int count,
                   int least) {
    int n = 0;
    for (int i = 0; i < count; i++)
        n += stoa_arm_first(&study->runs, arms[i]) != NULL;
    return n >= least;
}

/* ---- sections -------------------------------------------------------------------------------- */

static void add_burstiness(stoa_report *report, const stoa_icls_study *study) {
    static const stoa_icls_arm_id arms[] = {
        ICLS_ARM_BURST_0,  ICLS_ARM_BURST_25, ICLS_ARM_BURST_50,  ICLS_ARM_BURST_75,
        ICLS_ARM_BURST_90, ICLS_ARM_BURST_95, ICLS_ARM_BURST_100,
    };
    static const stoa_icls_line in_context[] = {
        {ICLS_ARM_BURST_0, ICL, NULL, false},   {ICLS_ARM_BURST_50, ICL, NULL, false},
        {ICLS_ARM_BURST_75, ICL, NULL, false},  {ICLS_ARM_BURST_90, ICL, NULL, false},
        {ICLS_ARM_BURST_100, ICL, NULL, false},
    };
    static const stoa_icls_line in_weights[] = {
        {ICLS_ARM_BURST_0, IWL, NULL, false},   {ICLS_ARM_BURST_50, IWL, NULL, false},
        {ICLS_ARM_BURST_75, IWL, NULL, false},  {ICLS_ARM_BURST_90, IWL, NULL, false},
        {ICLS_ARM_BURST_100, IWL, NULL, false},
    };
    if (!enough(study, arms, COUNT(arms), 1))
        return;
    stoa_report_section(report, "Burstiness");
    stoa_icls_show_sweep(report, study, &stoa_icls_by_burst,
                         "2,048 classes whose labels never change. In a bursty sequence the "
                         "query's class is shown three times before. Means over seeds at the end "
                         "of training, 95 % intervals.");
    stoa_icls_show_lines(report, study, "icl-over-training", "In context, over training",
                         "accuracy", in_context, COUNT(in_context),
                         "New classes. In between, labelling from the context comes first and then "
                         "goes. Means over seeds with 95 % intervals.");
    stoa_icls_show_lines(report, study, "iwl-over-training", "In weights, over training",
                         "accuracy", in_weights, COUNT(in_weights),
                         "Trained classes whose label the context does not show.");
    stoa_icls_show_table(report, study, "arms-burstiness", "By burstiness", arms, COUNT(arms));
}

static void add_transience(stoa_report *report, const stoa_icls_study *study) {
    static const stoa_icls_arm_id arms[] = {ICLS_ARM_BURST_90, ICLS_ARM_DECAY_02, ICLS_ARM_DECAY_1};
    static const stoa_icls_line rise[] = {
        {ICLS_ARM_BURST_90, ICL, "in context, of the two", false},
        {ICLS_ARM_BURST_90, "icl/open", "in context, of all labels", false},
        {ICLS_ARM_BURST_90, IWL, "in weights", false},
        {ICLS_ARM_BURST_90, "flip/closed", "labels swapped: says the context's", true},
        {ICLS_ARM_BURST_90, "train/accuracy", "training", true},
    };
    static const stoa_icls_line loss[] = {
        {ICLS_ARM_BURST_90, "trained_like/loss", "sequences as in training", false},
        {ICLS_ARM_BURST_90, "icl/loss", "in context, new classes", false},
    };
    static const stoa_icls_line cure[] = {
        {ICLS_ARM_BURST_90, ICL, "no decay", false},
        {ICLS_ARM_DECAY_02, ICL, NULL, false},
        {ICLS_ARM_DECAY_1, ICL, NULL, false},
        {ICLS_ARM_DECAY_02, IWL, "weight decay 0.2, in weights", true},
    };
    if (!enough(study, arms, COUNT(arms), 1))
        return;
    stoa_report_section(report, "What comes goes: transience");
    stoa_icls_show_lines(report, study, "transience", "It comes, and gives way", "accuracy", rise,
                         COUNT(rise), "2,048 classes, p_b 0.9.");
    stoa_icls_show_lines(report, study, "transience-loss", "While the loss falls", "nats", loss,
                         COUNT(loss), "2,048 classes, p_b 0.9.");
    if (!enough(study, arms, COUNT(arms), 2))
        return;
    stoa_icls_show_lines(report, study, "weight-decay", "Weight decay keeps it", "accuracy", cure,
                         COUNT(cure), "2,048 classes, p_b 0.9; decay is decoupled.");
    stoa_icls_show_table(report, study, "arms-transience", "Weight decay", arms, COUNT(arms));
}

static void add_classes(stoa_report *report, const stoa_icls_study *study) {
    static const stoa_icls_arm_id arms[] = {
        ICLS_ARM_CLASSES_128, ICLS_ARM_CLASSES_512,  ICLS_ARM_CLASSES_1024,
        ICLS_ARM_BURST_90,    ICLS_ARM_CLASSES_4096, ICLS_ARM_CLASSES_8192,
    };
    if (!enough(study, arms, COUNT(arms), 2))
        return;
    stoa_report_section(report, "Number of classes");
    stoa_icls_show_sweep(report, study, &stoa_icls_by_classes,
                         "Nine in ten sequences bursty. The more classes there are, the less often "
                         "each comes, and the less is learned by heart.");
    stoa_icls_show_table(report, study, "arms-classes", "By number of classes", arms, COUNT(arms));
}

static void add_zipf(stoa_report *report, const stoa_icls_study *study) {
    static const stoa_icls_arm_id arms[] = {
        ICLS_ARM_CLASSES_4096, ICLS_ARM_ZIPF_05, ICLS_ARM_ZIPF_1,
        ICLS_ARM_ZIPF_15,      ICLS_ARM_ZIPF_2,  ICLS_ARM_ZIPF_3,
    };
    if (!enough(study, arms, COUNT(arms), 2))
        return;
    stoa_report_section(report, "Zipf's law: the sweet spot");
    stoa_icls_show_zipf(report, study);
    stoa_icls_show_table(report, study, "arms-zipf", "By Zipf's exponent", arms, COUNT(arms));
}

static void add_meanings(stoa_report *report, const stoa_icls_study *study) {
    static const stoa_icls_arm_id arms[] = {
        ICLS_ARM_CLASSES_1024, ICLS_ARM_LABELS_2,       ICLS_ARM_LABELS_4,     ICLS_ARM_SPREAD_0,
        ICLS_ARM_SPREAD_05,    ICLS_ARM_COPIES_CONTEXT, ICLS_ARM_COPIES_QUERY,
    };
    if (!enough(study, arms, COUNT(arms), 2))
        return;
    stoa_report_section(report, "Meanings, variation, copies");
    stoa_icls_show_bars(report, study, "meanings", "Unsteady meanings and looks", arms, COUNT(arms),
                        "1,024 classes, p_b 0.9. First: one label a class, variation 0.1.");
    stoa_icls_show_table(report, study, "arms-meanings", "Meanings, variation, copies", arms,
                         COUNT(arms));
}

static void add_cores(stoa_report *report, const stoa_icls_study *study) {
    static const stoa_icls_arm_id arms[] = {
        ICLS_ARM_LSTM_0,  ICLS_ARM_LSTM_25,  ICLS_ARM_LSTM_50, ICLS_ARM_LSTM_75, ICLS_ARM_LSTM_90,
        ICLS_ARM_LSTM_95, ICLS_ARM_LSTM_100, ICLS_ARM_RNN_0,   ICLS_ARM_RNN_25,  ICLS_ARM_RNN_50,
        ICLS_ARM_RNN_75,  ICLS_ARM_RNN_90,   ICLS_ARM_RNN_95,  ICLS_ARM_RNN_100,
    };
    if (!enough(study, arms, COUNT(arms), 1))
        return;
    stoa_report_section(report, "Transformer against recurrent models");
    stoa_report_paragraph(report,
                          "Two layers of 64 units with the transformer's MLP and head. The LSTM "
                          "learns at the transformer's rate, the RNN at half of it; both for "
                          "`%lld` steps, the transformer for `%lld`.",
                          (long long)study->settings.steps[ICLS_LSTM],
                          (long long)study->settings.steps[ICLS_MINI]);
    stoa_icls_show_cores(report, study);
    stoa_icls_show_table(report, study, "arms-recurrent", "Recurrent models", arms, COUNT(arms));
}

static void add_circuit(stoa_report *report, const stoa_icls_study *study) {
    static const stoa_icls_line forming[] = {
        {ICLS_ARM_BURST_100, ICL, "in-context accuracy", false},
        {ICLS_ARM_BURST_100, "circuit/previous", "labels to their items, best head", false},
        {ICLS_ARM_BURST_100, "circuit/match", "query to right labels, best head", false},
    };
    static const stoa_icls_line fading[] = {
        {ICLS_ARM_BURST_90, ICL, "in-context accuracy", false},
        {ICLS_ARM_BURST_90, "circuit/previous", "labels to their items, best head", false},
        {ICLS_ARM_BURST_90, "circuit/match", "query to right labels, best head", false},
        {ICLS_ARM_BURST_0, "circuit/match", "p_b 0: query to right labels", true},
    };
    static const stoa_icls_arm_id arms[] = {ICLS_ARM_BURST_100, ICLS_ARM_BURST_90};
    if (!enough(study, arms, COUNT(arms), 1))
        return;
    stoa_report_section(report, "The induction circuit");
    stoa_icls_show_lines(report, study, "circuit-forming", "The circuit forms, p_b 1", "score",
                         forming, COUNT(forming),
                         "Accuracy jumps when both heads are there. Means over seeds.");
    stoa_icls_show_lines(report, study, "circuit-fading", "And fades, p_b 0.9", "score", fading,
                         COUNT(fading), "Means over seeds.");
    stoa_icls_show_heads(report, study, ICLS_ARM_BURST_100);
    stoa_icls_show_maps(report, study, ICLS_ARM_BURST_100);
}

static void add_models(stoa_report *report, const stoa_icls_study *study) {
    static const stoa_icls_line lines[] = {
        {ICLS_ARM_BURST_90, ICL, "two layers", false},
        {ICLS_ARM_DEEP_90, ICL, "three layers", false},
        {ICLS_ARM_ROUTED_90, ICL, "three layers, half the tokens in the middle", false},
        {ICLS_ARM_ONE_HEAD, ICL, "two layers of one head", false},
        {ICLS_ARM_FRESH, ICL, "p_b 0, a tenth of fresh classes", true},
    };
    static const stoa_icls_arm_id arms[] = {
        ICLS_ARM_DEEP_90,     ICLS_ARM_ROUTED_0, ICLS_ARM_ROUTED_90, ICLS_ARM_ROUTED_100,
        ICLS_ARM_ROUTED_ZIPF, ICLS_ARM_ONE_HEAD, ICLS_ARM_FRESH,
    };
    if (!enough(study, arms, COUNT(arms), 1))
        return;
    stoa_report_section(report, "Depth routing, one head, fresh classes");
    stoa_icls_show_lines(report, study, "models", "Other transformers, in context", "accuracy",
                         lines, COUNT(lines), "2,048 classes, p_b 0.9 unless said.");
    stoa_icls_show_table(report, study, "arms-models", "Other transformers", arms, COUNT(arms));
}

static void add_rules(stoa_report *report, const stoa_icls_study *study) {
    static const stoa_icls_line lines[] = {
        {ICLS_ARM_RULES_0, "rule_iwl/closed", "from weights (p_b 0)", false},
        {ICLS_ARM_RULES_100, "rule_icl/closed", "from context (p_b 1)", false},
        {ICLS_ARM_RULES_0, IWL, "in weights, trained compounds (p_b 0)", true},
        {ICLS_ARM_RULES_100, ICL, "in context, whole items (p_b 1)", true},
    };
    static const stoa_icls_arm_id arms[] = {ICLS_ARM_RULES_0, ICLS_ARM_RULES_100};
    if (!enough(study, arms, COUNT(arms), 1))
        return;
    stoa_report_section(report, "Rules or exemplars");
    stoa_icls_show_lines(report, study, "rules", "An untrained compound: called by its feature?",
                         "accuracy", lines, COUNT(lines),
                         "AX, AW and BW are shown, BX is asked for. 100 %: by the rule that the "
                         "first feature decides; 50 %: by likeness, for BX is as like AX as BW.");
    stoa_icls_show_table(report, study, "arms-rules", "Compounds", arms, COUNT(arms));
}

static void add_pictures(stoa_report *report, const stoa_icls_study *study) {
    static const stoa_icls_line lines[] = {
        {ICLS_ARM_GLYPHS_90, ICL, NULL, false},
        {ICLS_ARM_GLYPHS_100, ICL, NULL, false},
        {ICLS_ARM_GLYPHS_0, ICL, NULL, false},
        {ICLS_ARM_OMNI_90, ICL, NULL, false},
        {ICLS_ARM_OMNI_0, ICL, NULL, false},
        {ICLS_ARM_GLYPHS_0, IWL, "glyphs, p_b 0: in weights", true},
        {ICLS_ARM_OMNI_90, IWL, "Omniglot, p_b 0.9: in weights", true},
    };
    static const stoa_icls_arm_id arms[] = {
        ICLS_ARM_GLYPHS_0, ICLS_ARM_GLYPHS_90, ICLS_ARM_GLYPHS_100,
        ICLS_ARM_OMNI_0,   ICLS_ARM_OMNI_90,
    };
    if (!enough(study, arms, COUNT(arms), 1))
        return;
    stoa_report_section(report, "Pictures");
    stoa_icls_show_lines(report, study, "pictures", "Characters of 14 x 14 dots", "accuracy", lines,
                         COUNT(lines), "1,500 characters to train on, 123 new ones, 32 labels.");
    stoa_icls_show_table(report, study, "arms-pictures", "Pictures", arms, COUNT(arms));
}

static void add_full(stoa_report *report, const stoa_icls_study *study) {
    static const stoa_icls_line lines[] = {
        {ICLS_ARM_FULL_0, ICL, NULL, false},      {ICLS_ARM_FULL_90, ICL, NULL, false},
        {ICLS_ARM_FULL_100, ICL, NULL, false},    {ICLS_ARM_FULL_LSTM, ICL, NULL, false},
        {ICLS_ARM_FULL_ZIPF_0, ICL, NULL, false}, {ICLS_ARM_FULL_ZIPF_1, ICL, NULL, false},
        {ICLS_ARM_FULL_ZIPF_2, ICL, NULL, false},
    };
    stoa_icls_arm_id arms[COUNT(lines)];
    for (int i = 0; i < COUNT(lines); i++)
        arms[i] = lines[i].arm;
    if (!enough(study, arms, COUNT(arms), 1))
        return;
    stoa_report_section(report, "The paper's own model on Omniglot");
    stoa_icls_show_lines(report, study, "full", "In context, over training", "accuracy", lines,
                         COUNT(lines), "ResNet and 12 layers, one label a character.");
    stoa_icls_show_table(report, study, "arms-full", "The paper's own model", arms, COUNT(arms));
}

/* ---- all ------------------------------------------------------------------------------------- */

static void add_settings(stoa_report *report, const stoa_icls_study *study) {
    char key[64], value[64];
    for (int f = 0; f < ICLS_FAMILIES; f++) {
        snprintf(key, sizeof key, "steps.%s", stoa_icls_families[f].name);
        snprintf(value, sizeof value, "%lld", (long long)study->settings.steps[f]);
        stoa_report_setting(report, key, value);
    }
    snprintf(value, sizeof value, "%lld", (long long)study->settings.eval_sequences);
    stoa_report_setting(report, "eval_sequences", value);
}

stoa_status stoa_icls_report(const stoa_icls_study *study, stoa_tally *tally, stoa_error *err) {
    static void (*const sections[])(stoa_report *, const stoa_icls_study *) = {
        add_burstiness,      add_transience,        add_cores,  add_classes, add_zipf,
        add_meanings,        add_circuit,           add_models, add_rules,   add_pictures,
        stoa_icls_add_tasks, stoa_icls_add_minimal, add_full,
    };
    char kicker[96];
    stoa_finding findings[ICLS_CLAIM_COUNT];
    snprintf(kicker, sizeof kicker, "Study of arXiv 2205.05055, %s scale",
             stoa_scale_name(study->options->scale));
    stoa_report *report = stoa_report_new("emergent-icl", "Emergent in-context learning", kicker,
                                          study->options->scale);
    stoa_report_lead(report,
                     "A small transformer is trained as an ordinary classifier: each class keeps "
                     "its label, and the eight examples before the query need never be looked at. "
                     "Whether it learns to read labels off them all the same, and so can label "
                     "classes it has never seen, is decided by the statistics of the data.");
    stoa_icls_findings(study, findings);
    for (int i = 0; i < ICLS_CLAIM_COUNT; i++)
        stoa_report_claim(report, &stoa_icls_claims[i], &findings[i]);
    for (int i = 0; i < COUNT(sections); i++)
        sections[i](report, study);
    add_settings(report, study);
    stoa_report_cost(report, stoa_arm_sum(&study->runs, "all_seconds"), 1);
    *tally = stoa_report_tally(report);
    stoa_status status = stoa_report_write(report, study->options->out, err);
    stoa_report_free(report);
    return status;
}
