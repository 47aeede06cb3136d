/*
 * encode.c - text to ids: added tokens of the raw text, normalizer, added tokens of the normalised
 * text, pre-tokenizer, model.
 */
#include "text/tokenizer.h"

typedef struct encoding {
    const stoa_tokenizer *t;
    bool no_special;
    stoa_buffer normal[2];
    stoa_piece_list pieces;
    stoa_bpe_work work;
    stoa_ids *ids;
    stoa_error *err;
} encoding;

static stoa_status encode_plain(encoding *e, stoa_view text, bool first, bool continuing) {
    const stoa_tokenizer *t = e->t;
    STOA_TRY(stoa_split_text(t->splitter, t->splitter_count, text, first, continuing,
                             t->bpe.takes_bytes, &e->pieces, e->err));
    for (size_t i = 0; i < e->pieces.count; i++) {
        stoa_piece piece = e->pieces.item[i];
        stoa_view view = {e->pieces.text.ptr + piece.begin, piece.end - piece.begin};
        if (!stoa_bpe_encode(&t->bpe, view, e->pieces.bytes, &e->work, e->ids))
            return stoa_fail(e->err, STOA_ERR_MEMORY, "no memory to encode a piece of %zu bytes",
                             view.len);
    }
    return STOA_OK;
}

/* A stretch of raw text between added tokens. */
static stoa_status encode_section(encoding *e, stoa_view text, bool first, bool continuing) {
    const stoa_tokenizer *t = e->t;
    STOA_TRY(stoa_normalize(t->normalizer, t->normalizer_count, text, continuing, e->normal, &text,
                            e->err));
    if (t->added.normalized.nodes == 0)
        return encode_plain(e, text, first, continuing);
    stoa_section_walk walk = {.added = &t->added,
                              .trie = &t->added.normalized,
                              .no_special = e->no_special,
                              .text = text};
    for (stoa_section s; stoa_section_next(&walk, &s);)
        if (s.id >= 0)
            stoa_ids_push(e->ids, s.id);
        else
            STOA_TRY(encode_plain(e, (stoa_view){text.ptr + s.begin, s.end - s.begin},
                                  first && s.begin == 0, continuing && s.begin == 0));
    return STOA_OK;
}

static stoa_status encode_all(encoding *e, stoa_view text, bool continuing) {
    const stoa_tokenizer *t = e->t;
    stoa_section_walk walk = {
        .added = &t->added, .trie = &t->added.raw, .no_special = e->no_special, .text = text};
    for (stoa_section s; stoa_section_next(&walk, &s);)
        if (s.id >= 0)
            stoa_ids_push(e->ids, s.id);
        else
            STOA_TRY(encode_section(e, (stoa_view){text.ptr + s.begin, s.end - s.begin},
                                    !continuing && s.begin == 0, continuing && s.begin == 0));
    return STOA_OK;
}

stoa_status stoa_tokenizer_encode(const stoa_tokenizer *t, stoa_view text, unsigned flags,
                                  stoa_ids *ids, stoa_error *err) {
    stoa_status status = STOA_OK;
    if (flags & STOA_ENCODE_SPECIALS)
        stoa_ids_append(ids, t->prefix.data, t->prefix.len);
    if (t->identity) {
        for (size_t i = 0; i < text.len; i++)
            stoa_ids_push(ids, (unsigned char)text.ptr[i]);
    } else {
        encoding e = {.t = t, .no_special = flags & STOA_ENCODE_NO_SPECIAL, .ids = ids, .err = err};
        status = encode_all(&e, text, flags & STOA_ENCODE_CONTINUE);
        stoa_buffer_deinit(&e.normal[0]);
        stoa_buffer_deinit(&e.normal[1]);
        stoa_piece_list_deinit(&e.pieces);
        stoa_bpe_work_deinit(&e.work);
    }
    if (flags & STOA_ENCODE_SPECIALS)
        stoa_ids_append(ids, t->suffix.data, t->suffix.len);
    if (status == STOA_OK && ids->failed)
        status = stoa_fail(err, STOA_ERR_MEMORY, "no memory for the token ids of a text");
    return status;
}
