/*
 * The colours of figures. The series palette is Okabe and Ito's (2008), which people with any
 * common colour vision can tell apart, without its yellow; series also differ in their point
 * shapes. Heat maps run through nine steps of even lightness, from the page's colour to its ink.
 */
#include "study/figure.h"

#include <assert.h>

static const struct {
    const char *light, *dark;
} palette[STOA_PALETTE_COLOURS] = {
    {"#0072b2", "#4fb0ea"}, // blue
    {"#d55e00", "#ff8f4a"}, // vermilion
    {"#009e73", "#35c79c"}, // green
    {"#b8578f", "#e79ac4"}, // purple
    {"#e09a00", "#ffc24d"}, // orange
    {"#45a5dd", "#9ad6f7"}, // sky
    {"#7b7f86", "#a3a8b0"}, // grey
    {"#2b2f36", "#e4e6ea"}, // ink
};

static const struct {
    const char *light, *dark;
} heat[STOA_HEAT_COLOURS] = {
    {"#f1f3f5", "#1d232b"}, {"#dbe9ee", "#1f3440"}, {"#bfdde3", "#1f4757"},
    {"#99ccd4", "#225d6e"}, {"#6fb6c5", "#2b7585"}, {"#4a9cb5", "#3d909a"},
    {"#2f7fa1", "#5dabab"}, {"#205f86", "#8ac7b9"}, {"#153f63", "#c3e4cb"},
};

const char *stoa_palette_light(int colour) {
    assert(colour >= 1 && colour <= STOA_PALETTE_COLOURS);
    return palette[colour - 1].light;
}

const char *stoa_palette_dark(int colour) {
    assert(colour >= 1 && colour <= STOA_PALETTE_COLOURS);
    return palette[colour - 1].dark;
}

const char *stoa_heat_light(int class) {
    assert(class >= 0 && class < STOA_HEAT_COLOURS);
    return heat[class].light;
}

const char *stoa_heat_dark(int class) {
    assert(class >= 0 && class < STOA_HEAT_COLOURS);
    return heat[class].dark;
}
