/*
 * save.c - a tokenizer as a tokenizer.json.
 *
 * The text is canonical: loading it and writing it again gives the same bytes, so its hash names
 * the tokenizer.
 */
#include "text/tokenizer.h"

#include <string.h>

static void put(stoa_buffer *out, const char *text) {
    stoa_buffer_append(out, text, strlen(text));
}

static const char *truth(bool value) {
    return value ? "true" : "false";
}

static void put_added(const stoa_added *a, stoa_buffer *out) {
    put(out, "  \"added_tokens\": [");
    for (size_t i = 0; i < a->count; i++) {
        const stoa_added_token *token = &a->token[i];
        stoa_buffer_printf(out, "%s\n    {\"id\": %d, \"content\": ", i ? "," : "", token->id);
        stoa_buffer_json_string(out, token->content);
        stoa_buffer_printf(out,
                           ", \"single_word\": %s, \"lstrip\": %s, \"rstrip\": %s, "
                           "\"normalized\": %s, \"special\": %s}",
                           truth(token->single_word), truth(token->lstrip), truth(token->rstrip),
                           truth(token->normalized), truth(token->special));
    }
    put(out, a->count ? "\n  ],\n" : "],\n");
}

static void put_vocab(const stoa_strings *text, stoa_buffer *out) {
    put(out, "    \"vocab\": {");
    bool first = true;
    for (int32_t id = 0; id < text->count; id++) {
        stoa_view token = stoa_strings_text(text, id);
        if (!token.ptr)
            continue;
        put(out, first ? "\n      " : ",\n      ");
        stoa_buffer_json_string(out, token.ptr);
        stoa_buffer_printf(out, ": %d", id);
        first = false;
    }
    put(out, "\n    },\n");
}

/* "a b" where that is unambiguous, so that old readers understand it; else pairs. */
static void put_merges(const stoa_tokenizer *t, stoa_buffer *out) {
    bool spaces = false;
    for (int32_t i = 0; i < t->merge_count && !spaces; i++) {
        stoa_view a = stoa_strings_text(&t->bpe.text, t->merge_list[i].left);
        stoa_view b = stoa_strings_text(&t->bpe.text, t->merge_list[i].right);
        spaces = memchr(a.ptr, ' ', a.len) || memchr(b.ptr, ' ', b.len);
    }
    put(out, "    \"merges\": [");
    stoa_buffer joined = {0};
    for (int32_t i = 0; i < t->merge_count; i++) {
        stoa_view a = stoa_strings_text(&t->bpe.text, t->merge_list[i].left);
        stoa_view b = stoa_strings_text(&t->bpe.text, t->merge_list[i].right);
        put(out, i ? ",\n      " : "\n      ");
        if (spaces) {
            put(out, "[");
            stoa_buffer_json_string(out, a.ptr);
            put(out, ", ");
            stoa_buffer_json_string(out, b.ptr);
            put(out, "]");
        } else {
            joined.len = 0;
            stoa_buffer_printf(&joined, "%s %s", a.ptr, b.ptr);
            stoa_buffer_json_string(out, joined.data ? joined.data : "");
        }
    }
    out->failed = out->failed || joined.failed;
    stoa_buffer_deinit(&joined);
    put(out, t->merge_count ? "\n    ]\n" : "]\n");
}

stoa_status stoa_tokenizer_dump(const stoa_tokenizer *t, stoa_buffer *out, stoa_error *err) {
    put(out, "{\n  \"version\": \"1.0\",\n  \"truncation\": null,\n  \"padding\": null,\n");
    put_added(&t->added, out);
    for (int i = 0; i < STOA_PART_COUNT; i++)
        stoa_buffer_printf(out, "  \"%s\": %s,\n", stoa_part_names[i],
                           t->part[i] ? t->part[i] : "null");
    put(out, "  \"model\": {\n    \"type\": \"BPE\",\n    \"dropout\": null,\n    \"unk_token\": ");
    if (t->bpe.unknown >= 0)
        stoa_buffer_json_string(out, stoa_strings_text(&t->bpe.text, t->bpe.unknown).ptr);
    else
        put(out, "null");
    stoa_buffer_printf(out,
                       ",\n    \"continuing_subword_prefix\": null,\n"
                       "    \"end_of_word_suffix\": null,\n    \"fuse_unk\": %s,\n"
                       "    \"byte_fallback\": %s,\n    \"ignore_merges\": %s,\n",
                       truth(t->bpe.fuse_unknown), truth(t->bpe.byte_fallback),
                       truth(t->bpe.ignore_merges));
    put_vocab(&t->bpe.text, out);
    put_merges(t, out);
    put(out, "  }\n}\n");
    return out->failed ? stoa_fail(err, STOA_ERR_MEMORY, "no memory to write a tokenizer")
                       : STOA_OK;
}

stoa_status stoa_tokenizer_save(const stoa_tokenizer *t, const char *path, stoa_error *err) {
    stoa_buffer text = {0};
    stoa_status status = stoa_tokenizer_dump(t, &text, err);
    if (status == STOA_OK)
        status = stoa_file_write(path, text.data, text.len, err);
    stoa_buffer_deinit(&text);
    return status;
}
