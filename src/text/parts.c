/*
 * parts.c - normalizers, pre-tokenizers, decoders and post-processors from their JSON.
 *
 * Each part is an object with a "type"; one table a part says which types there are. Types that are
 * not in it are refused by name.
 */
#include "text/parts.h"

#include "text/unicode.h"

#include <stdlib.h>
#include <string.h>

/* ---- shared ---- */

static stoa_status no_memory(const stoa_place *place, stoa_error *err) {
    return stoa_place_fail(place, err, STOA_ERR_MEMORY, "no memory for this part");
}

/* A copy of a string field. */
static stoa_status copy_string(const json_t *o, const char *key, const stoa_place *place,
                               char **out, size_t *len, stoa_error *err) {
    stoa_view text;
    STOA_TRY(stoa_json_string(o, key, true, place, &text, err));
    *out = stoa_alloc(text.len + 1);
    if (!*out)
        return no_memory(place, err);
    memcpy(*out, text.ptr, text.len);
    *len = text.len;
    return STOA_OK;
}

/* A string field of exactly one character. */
static stoa_status one_character(const json_t *o, const char *key, const stoa_place *place,
                                 stoa_view *out, stoa_error *err) {
    STOA_TRY(stoa_json_string(o, key, true, place, out, err));
    if (out->len > 0 && stoa_char_at(out->ptr, out->len).bytes == out->len)
        return STOA_OK;
    stoa_place here = {place, key, 0};
    return stoa_place_fail(&here, err, STOA_ERR_FORMAT, "expected exactly one character");
}

/* {"String": text} or {"Regex": text}, in the field "pattern". */
static stoa_status pattern(const json_t *o, const stoa_place *place, stoa_pattern *out,
                           stoa_error *err) {
    stoa_place here = {place, "pattern", 0};
    const json_t *field = json_object_get(o, "pattern");
    const json_t *literal = json_object_get(field, "String");
    const json_t *regex = json_object_get(field, "Regex");
    if (json_object_size(field) != 1 || !json_is_string(literal ? literal : regex))
        return stoa_place_fail(&here, err, STOA_ERR_FORMAT,
                               "expected {\"String\": text} or {\"Regex\": text}");
    stoa_error why;
    stoa_status status = literal ? stoa_pattern_literal(out, stoa_json_view(literal), &why)
                                 : stoa_pattern_regex(out, stoa_json_view(regex), &why);
    return status == STOA_OK ? STOA_OK : stoa_place_fail(&here, err, status, "%s", why.message);
}

typedef struct part_type part_type;
typedef stoa_status (*parse_fn)(stoa_tokenizer *t, const json_t *o, const part_type *type,
                                const stoa_place *place, stoa_error *err);
struct part_type {
    const char *name;
    parse_fn parse;
    int kind; /* for parse: which stage */
};
static const struct part_table {
    const part_type *types;
    const char *sequence; /* the field that holds the parts of a Sequence */
} tables[STOA_PART_COUNT];

/* Parses a part; Sequence is known to all. JSON's depth limit bounds the recursion. */
static stoa_status parse_part(stoa_tokenizer *t, stoa_part part, const json_t *o,
                              const stoa_place *place, stoa_error *err) {
    const struct part_table *table = &tables[part];
    stoa_view name;
    if (!json_is_object(o))
        return stoa_place_fail(place, err, STOA_ERR_FORMAT, "expected an object");
    STOA_TRY(stoa_json_string(o, "type", true, place, &name, err));
    if (stoa_view_equal(name, stoa_view_of("Sequence"))) {
        json_t *items;
        STOA_TRY(stoa_json_array(o, table->sequence, place, &items, err));
        stoa_place list = {place, table->sequence, 0};
        for (size_t i = 0; i < json_array_size(items); i++) {
            stoa_place item = {&list, NULL, i};
            STOA_TRY(parse_part(t, part, json_array_get(items, i), &item, err));
        }
        return STOA_OK;
    }
    for (const part_type *type = table->types; type->name; type++)
        if (stoa_view_equal(name, stoa_view_of(type->name)))
            return type->parse(t, o, type, place, err);
    return stoa_place_fail(place, err, STOA_ERR_UNSUPPORTED, "the type \"%.*s\" is not supported",
                           (int)(name.len < 80 ? name.len : 80), name.ptr);
}

static stoa_status too_many(const stoa_place *place, stoa_error *err) {
    return stoa_place_fail(place, err, STOA_ERR_UNSUPPORTED, "more than %d stages",
                           STOA_STAGES_MAX);
}

/* ---- normalizers ---- */

static stoa_status parse_normalizer(stoa_tokenizer *t, const json_t *o, const part_type *type,
                                    const stoa_place *place, stoa_error *err) {
    if (t->normalizer_count == STOA_STAGES_MAX)
        return too_many(place, err);
    stoa_normalizer *n = &t->normalizer[t->normalizer_count++];
    n->kind = (stoa_normalizer_kind)type->kind;
    switch (n->kind) {
    case STOA_NORM_STRIP:
        STOA_TRY(stoa_json_bool(o, "strip_left", true, place, &n->left, err));
        return stoa_json_bool(o, "strip_right", true, place, &n->right, err);
    case STOA_NORM_REPLACE:
        STOA_TRY(pattern(o, place, &n->pattern, err));
        return copy_string(o, "content", place, &n->content, &n->content_len, err);
    case STOA_NORM_PREPEND:
        return copy_string(o, "prepend", place, &n->content, &n->content_len, err);
    default:
        return STOA_OK;
    }
}

static const part_type normalizers[] = {
    {"NFC", parse_normalizer, STOA_NORM_NFC},
    {"NFD", parse_normalizer, STOA_NORM_NFD},
    {"NFKC", parse_normalizer, STOA_NORM_NFKC},
    {"NFKD", parse_normalizer, STOA_NORM_NFKD},
    {"Lowercase", parse_normalizer, STOA_NORM_LOWERCASE},
    {"Strip", parse_normalizer, STOA_NORM_STRIP},
    {"StripAccents", parse_normalizer, STOA_NORM_STRIP_ACCENTS},
    {"Replace", parse_normalizer, STOA_NORM_REPLACE},
    {"Prepend", parse_normalizer, STOA_NORM_PREPEND},
    {"ByteLevel", parse_normalizer, STOA_NORM_BYTE_LEVEL},
    {0},
};

/* ---- pre-tokenizers ---- */

static const char *const behaviors[] = {"Removed", "Isolated", "MergedWithPrevious",
                                        "MergedWithNext", "Contiguous"};
static const char *const prefixes[] = {"never", "first", "always"};

static stoa_status parse_metaspace(const json_t *o, const stoa_place *place, stoa_view *character,
                                   int *prefix, stoa_error *err) {
    STOA_TRY(one_character(o, "replacement", place, character, err));
    bool legacy = true; // older files: a flag instead of a scheme
    *prefix = STOA_PREFIX_ALWAYS;
    STOA_TRY(stoa_json_bool(o, "add_prefix_space", false, place, &legacy, err));
    STOA_TRY(stoa_json_choice(o, "prepend_scheme", false, prefixes, 3, place, prefix, err));
    if (!legacy && json_object_get(o, "prepend_scheme") && *prefix != STOA_PREFIX_NEVER)
        return stoa_place_fail(place, err, STOA_ERR_FORMAT,
                               "add_prefix_space false contradicts prepend_scheme \"%s\"",
                               prefixes[*prefix]);
    if (!legacy)
        *prefix = STOA_PREFIX_NEVER;
    return STOA_OK;
}

static stoa_status parse_splitter(stoa_tokenizer *t, const json_t *o, const part_type *type,
                                  const stoa_place *place, stoa_error *err) {
    if (t->splitter_count == STOA_STAGES_MAX)
        return too_many(place, err);
    stoa_splitter *s = &t->splitter[t->splitter_count++];
    s->kind = (stoa_splitter_kind)type->kind;
    s->behavior = STOA_BEHAVIOR_ISOLATED;
    int behavior = STOA_BEHAVIOR_ISOLATED, prefix = STOA_PREFIX_NEVER;
    bool add_prefix = false;
    stoa_view character;
    switch (s->kind) {
    case STOA_SPLITTER_PATTERN:
        STOA_TRY(pattern(o, place, &s->pattern, err));
        STOA_TRY(stoa_json_choice(o, "behavior", true, behaviors, 5, place, &behavior, err));
        STOA_TRY(stoa_json_bool(o, "invert", true, place, &s->invert, err));
        break;
    case STOA_SPLITTER_BYTE_LEVEL:
        s->use_pattern = true;
        s->pattern.scan = stoa_scanners[STOA_PIECES_GPT2].scan;
        STOA_TRY(stoa_json_bool(o, "add_prefix_space", true, place, &add_prefix, err));
        STOA_TRY(stoa_json_bool(o, "use_regex", false, place, &s->use_pattern, err));
        prefix = add_prefix ? STOA_PREFIX_ALWAYS : STOA_PREFIX_NEVER;
        break;
    case STOA_SPLITTER_DIGITS:
        STOA_TRY(stoa_json_bool(o, "individual_digits", true, place, &s->single, err));
        break;
    case STOA_SPLITTER_METASPACE:
        s->split = true;
        STOA_TRY(parse_metaspace(o, place, &character, &prefix, err));
        STOA_TRY(stoa_json_bool(o, "split", false, place, &s->split, err));
        memcpy(s->replacement, character.ptr, character.len);
        s->replacement_len = character.len;
        STOA_TRY(stoa_pattern_literal(&s->pattern, character, err));
        break;
    case STOA_SPLITTER_PUNCTUATION:
        STOA_TRY(stoa_json_choice(o, "behavior", false, behaviors, 5, place, &behavior, err));
        break;
    case STOA_SPLITTER_WHITESPACE:
    case STOA_SPLITTER_WHITESPACE_SPLIT:
        break;
    }
    s->behavior = (stoa_behavior)behavior;
    s->prefix = (stoa_prefix)prefix;
    return STOA_OK;
}

static const part_type splitters[] = {
    {"ByteLevel", parse_splitter, STOA_SPLITTER_BYTE_LEVEL},
    {"Split", parse_splitter, STOA_SPLITTER_PATTERN},
    {"Digits", parse_splitter, STOA_SPLITTER_DIGITS},
    {"Metaspace", parse_splitter, STOA_SPLITTER_METASPACE},
    {"Whitespace", parse_splitter, STOA_SPLITTER_WHITESPACE},
    {"WhitespaceSplit", parse_splitter, STOA_SPLITTER_WHITESPACE_SPLIT},
    {"Punctuation", parse_splitter, STOA_SPLITTER_PUNCTUATION},
    {0},
};

/* ---- decoders ---- */

static stoa_status parse_decoder(stoa_tokenizer *t, const json_t *o, const part_type *type,
                                 const stoa_place *place, stoa_error *err) {
    if (t->decoder_count == STOA_STAGES_MAX)
        return too_many(place, err);
    stoa_decode_stage *s = &t->decoder[t->decoder_count++];
    s->kind = (stoa_decode_kind)type->kind;
    stoa_view character;
    int prefix;
    int64_t start, stop;
    switch (s->kind) {
    case STOA_DECODE_REPLACE:
        STOA_TRY(pattern(o, place, &s->pattern, err));
        return copy_string(o, "content", place, &s->content, &s->content_len, err);
    case STOA_DECODE_STRIP:
        STOA_TRY(one_character(o, "content", place, &character, err));
        STOA_TRY(stoa_json_int(o, "start", true, 0, 1 << 20, place, &start, err));
        STOA_TRY(stoa_json_int(o, "stop", true, 0, 1 << 20, place, &stop, err));
        s->start = (int)start;
        s->stop = (int)stop;
        return copy_string(o, "content", place, &s->content, &s->content_len, err);
    case STOA_DECODE_METASPACE:
        STOA_TRY(parse_metaspace(o, place, &character, &prefix, err));
        s->prefix = prefix != STOA_PREFIX_NEVER;
        return copy_string(o, "replacement", place, &s->content, &s->content_len, err);
    default:
        return STOA_OK;
    }
}

static const part_type decoders[] = {
    {"ByteLevel", parse_decoder, STOA_DECODE_BYTE_LEVEL},
    {"Replace", parse_decoder, STOA_DECODE_REPLACE},
    {"ByteFallback", parse_decoder, STOA_DECODE_BYTE_FALLBACK},
    {"Fuse", parse_decoder, STOA_DECODE_FUSE},
    {"Strip", parse_decoder, STOA_DECODE_STRIP},
    {"Metaspace", parse_decoder, STOA_DECODE_METASPACE},
    {0},
};

/* ---- post-processors ---- */

static stoa_status add_id(const json_t *value, stoa_ids *ids, const stoa_place *place,
                          stoa_error *err) {
    json_int_t id = json_integer_value(value);
    if (!json_is_integer(value) || id < 0 || id >= STOA_TOKENIZER_VOCAB_MAX)
        return stoa_place_fail(place, err, STOA_ERR_FORMAT, "expected a token id");
    stoa_ids_push(ids, (int32_t)id);
    return ids->failed ? no_memory(place, err) : STOA_OK;
}

/* The ids of a special token of the template. */
static stoa_status template_token(const json_t *o, const json_t *piece, stoa_ids *ids,
                                  const stoa_place *place, stoa_error *err) {
    stoa_view name;
    STOA_TRY(stoa_json_string(piece, "id", true, place, &name, err));
    const json_t *entry = json_object_get(json_object_get(o, "special_tokens"), name.ptr);
    json_t *list;
    if (!entry)
        return stoa_place_fail(place, err, STOA_ERR_FORMAT, "special_tokens lacks \"%s\"",
                               name.ptr);
    STOA_TRY(stoa_json_array(entry, "ids", place, &list, err));
    for (size_t i = 0; i < json_array_size(list); i++)
        STOA_TRY(add_id(json_array_get(list, i), ids, place, err));
    return STOA_OK;
}

static stoa_status only_once(const stoa_tokenizer *t, const stoa_place *place, stoa_error *err) {
    if (t->prefix.len == 0 && t->suffix.len == 0)
        return STOA_OK;
    return stoa_place_fail(place, err, STOA_ERR_UNSUPPORTED,
                           "a second post-processor that adds tokens");
}

/* Special tokens around one sequence A. */
static stoa_status parse_template(stoa_tokenizer *t, const json_t *o, const part_type *type,
                                  const stoa_place *place, stoa_error *err) {
    (void)type;
    json_t *single;
    STOA_TRY(only_once(t, place, err));
    STOA_TRY(stoa_json_array(o, "single", place, &single, err));
    stoa_place list = {place, "single", 0};
    bool seen_text = false;
    for (size_t i = 0; i < json_array_size(single); i++) {
        stoa_place here = {&list, NULL, i};
        const json_t *piece = json_array_get(single, i);
        const json_t *special = json_object_get(piece, "SpecialToken");
        const json_t *sequence = json_object_get(piece, "Sequence");
        if (special) {
            STOA_TRY(template_token(o, special, seen_text ? &t->suffix : &t->prefix, &here, err));
        } else if (sequence && !seen_text) {
            stoa_view which;
            STOA_TRY(stoa_json_string(sequence, "id", true, &here, &which, err));
            seen_text = stoa_view_equal(which, stoa_view_of("A"));
        }
        if (!special && !(sequence && seen_text))
            return stoa_place_fail(&here, err, STOA_ERR_UNSUPPORTED,
                                   "expected a SpecialToken, or Sequence A once");
    }
    if (!seen_text)
        return stoa_place_fail(&list, err, STOA_ERR_FORMAT, "the template has no Sequence A");
    return STOA_OK;
}

/* BERT's and RoBERTa's: ["text", id] before and after. */
static stoa_status parse_pair(stoa_tokenizer *t, const json_t *o, const part_type *type,
                              const stoa_place *place, stoa_error *err) {
    (void)type;
    json_t *first, *last;
    STOA_TRY(only_once(t, place, err));
    STOA_TRY(stoa_json_array(o, "cls", place, &first, err));
    STOA_TRY(stoa_json_array(o, "sep", place, &last, err));
    STOA_TRY(add_id(json_array_get(first, 1), &t->prefix, place, err));
    return add_id(json_array_get(last, 1), &t->suffix, place, err);
}

/* GPT-2's moves offsets only; ids stay. */
static stoa_status parse_nothing(stoa_tokenizer *t, const json_t *o, const part_type *type,
                                 const stoa_place *place, stoa_error *err) {
    (void)t, (void)o, (void)type, (void)place, (void)err;
    return STOA_OK;
}

static const part_type post_processors[] = {
    {"TemplateProcessing", parse_template, 0},
    {"ByteLevel", parse_nothing, 0},
    {"BertProcessing", parse_pair, 0},
    {"RobertaProcessing", parse_pair, 0},
    {0},
};

/* ---- entry points ---- */

static const struct part_table tables[STOA_PART_COUNT] = {
    [STOA_PART_NORMALIZER] = {normalizers, "normalizers"},
    [STOA_PART_PRE_TOKENIZER] = {splitters, "pretokenizers"},
    [STOA_PART_POST_PROCESSOR] = {post_processors, "processors"},
    [STOA_PART_DECODER] = {decoders, "decoders"},
};

stoa_status stoa_part_parse(stoa_tokenizer *t, stoa_part part, const json_t *value,
                            const stoa_place *file, stoa_error *err) {
    if (!value || json_is_null(value))
        return STOA_OK;
    stoa_place place = {file, stoa_part_names[part], 0};
    STOA_TRY(parse_part(t, part, value, &place, err));
    if (part == STOA_PART_DECODER)
        t->join_with_spaces = false;
    char *text = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS);
    t->part[part] = text ? stoa_strdup(text) : NULL;
    free(text);
    return t->part[part] ? STOA_OK : no_memory(&place, err);
}

stoa_status stoa_tokenizer_set_byte_level(stoa_tokenizer *t, const char *regex, stoa_error *err) {
    stoa_place file = {NULL, "byte-level tokenizer", 0};
    bool gpt2 = regex && strcmp(regex, stoa_scanners[STOA_PIECES_GPT2].regex) == 0;
    json_t *byte_level = json_pack("{s:s, s:b, s:b, s:b}", "type", "ByteLevel", "add_prefix_space",
                                   0, "trim_offsets", 1, "use_regex", gpt2);
    json_t *cutter = json_incref(byte_level);
    if (regex && !gpt2) {
        json_decref(cutter);
        cutter = json_pack("{s:s, s:[{s:s, s:{s:s}, s:s, s:b}, O]}", "type", "Sequence",
                           "pretokenizers", "type", "Split", "pattern", "Regex", regex, "behavior",
                           "Isolated", "invert", 0, byte_level);
    }
    stoa_status status = byte_level && cutter
                             ? stoa_part_parse(t, STOA_PART_PRE_TOKENIZER, cutter, &file, err)
                             : no_memory(&file, err);
    if (status == STOA_OK)
        status = stoa_part_parse(t, STOA_PART_DECODER, byte_level, &file, err);
    json_decref(cutter);
    json_decref(byte_level);
    return status;
}
