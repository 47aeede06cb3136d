/*
 * train/icl_presets.c - settings that belong together: what a run takes for keys it does not give.
 * The table's defaults are the first.
 */
#include "train/icl.h"

#define SMALL_PICTURES                                                                             \
    "  labels: 32\n"                                                                               \
    "model:\n"                                                                                     \
    "  heads: 8\n"                                                                                 \
    "  mlp: all\n"                                                                                 \
    "  item_scale: 0\n"                                                                            \
    "train:\n"                                                                                     \
    "  steps: 12000\n"                                                                             \
    "  batch: 32\n"                                                                                \
    "  rate: 1e-3\n"

/* Every preset must say all that it needs: the next one knows nothing of it. */
const stoa_icl_preset stoa_icl_presets[] = {
    {"mini",
     "Points around centres, 32 labels, two layers: every effect of the paper in half a minute.",
     ""},
    {"glyphs-small", "Made-up characters of 14 x 14, two layers: pictures on a bare machine.",
     "name: glyphs-small\n"
     "data:\n"
     "  source: glyphs\n"
     "  side: 14\n"
     "  classes: 1500\n"
     "  holdout: 123\n" SMALL_PICTURES},
    {"omni-small", "Omniglot (data.path) on 14 x 14 dots with 32 labels, two layers.",
     "name: omni-small\n"
     "data:\n"
     "  source: omniglot\n"
     "  side: 14\n"
     "  mean: 0.0805\n"
     "  sd: 0.196\n"
     "  classes: 1500\n"
     "  holdout: 123\n" SMALL_PICTURES},
    {"tasks", "Linear regression from the context with data.classes tasks to train on.",
     "name: tasks\n"
     "precision: bf16\n"
     "data:\n"
     "  source: tasks\n"
     "  width: 4\n"
     "  spread: 0.5\n"
     "  pairs: 15\n"
     "model:\n"
     "  layers: 3\n"
     "  mlp: all\n"
     "  item_scale: 0\n"
     "train:\n"
     "  steps: 4000\n"
     "  rate: 3e-3\n"
     "  schedule: linear\n"
     "  floor: 0\n"},
    {"minimal",
     "Reddy's least model: two bare heads and a ReLU net, trained by plain gradient steps.",
     "name: minimal\n"
     "precision: bf16\n"
     "data:\n"
     "  classes: 512\n"
     "  width: 63\n"
     "  ways: 4\n"
     "  shots: 2\n"
     "  bursty: 1\n"
     "model:\n"
     "  core: minimal\n"
     "  width: 128\n"
     "  heads: 1\n"
     "  final_norm: false\n"
     "train:\n"
     "  optimizer: sgd\n"
     "  rate: 0.01\n"
     "  warmup: 0\n"
     "  clip: 0\n"
     "  weight_decay: 1e-4\n"
     "  batch: 128\n"
     "  steps: 20000\n"},
    {"full",
     "The paper: Omniglot (data.path) at 105 x 105, its ResNet, 12 layers, one label a class.",
     "name: icl-full\n"
     "data:\n"
     "  source: omniglot\n"
     "  side: 105\n"
     "  ink: paper\n"
     "  classes: 1613\n"
     "  holdout: 10\n"
     "  labels: 0\n"
     "model:\n"
     "  embedder: resnet\n"
     "  layers: 12\n"
     "  heads: 8\n"
     "  mlp: all\n"
     "  init: truncated\n"
     "  item_scale: 0\n"
     "  label_scale: 0.02\n"
     "train:\n"
     "  steps: 500000\n"
     "  batch: 32\n"
     "  rate: 3e-4\n"
     "  schedule: inverse-root\n"
     "  warmup: 4000\n"
     "  clip: 0\n"
     "  eval_every: 10000\n"
     "  log_every: 100\n"},
};
enum { PRESETS = sizeof stoa_icl_presets / sizeof *stoa_icl_presets };
const int stoa_icl_presets_count = PRESETS;

const char *const stoa_icl_preset_names[] = {"mini",    "glyphs-small", "omni-small", "tasks",
                                             "minimal", "full",         NULL};

int stoa_icl_preset_count(void) {
    return PRESETS;
}

const char *stoa_icl_preset_name(int preset) {
    return stoa_icl_presets[preset].name;
}

const char *stoa_icl_preset_summary(int preset) {
    return stoa_icl_presets[preset].summary;
}
