/* Fuzzes tokenizer files and texts: the input up to the first zero byte is a tokenizer.json, the
 * rest a text. An accepted tokenizer encodes and decodes it, and what it writes loads equal. */
#include "stoa/text.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Token by token; the text is not compared, since decoders may strip its end. */
static void stream(const stoa_tokenizer *t, const stoa_ids *ids) {
    stoa_buffer text = {0};
    stoa_decoder *d = stoa_decoder_new(t, 0);
    for (size_t i = 0; d && i < ids->len && i < 1000; i++)
        if (stoa_decoder_push(d, ids->data[i], &text, NULL) != STOA_OK)
            break;
    if (d)
        stoa_decoder_finish(d, &text, NULL);
    stoa_decoder_free(d);
    stoa_buffer_deinit(&text);
}

static void use(const stoa_tokenizer *t, stoa_view text) {
    stoa_ids ids = {0};
    stoa_buffer back = {0}, written = {0};
    if (stoa_tokenizer_encode(t, text, STOA_ENCODE_SPECIALS, &ids, NULL) == STOA_OK) {
        for (size_t i = 0; i < ids.len; i++)
            if (ids.data[i] < 0 || ids.data[i] >= stoa_tokenizer_vocab(t))
                __builtin_trap();
        stoa_tokenizer_decode(t, ids.data, ids.len, STOA_DECODE_LOSSY, &back, NULL);
        stream(t, &ids);
    }
    stoa_tokenizer *again;
    if (stoa_tokenizer_dump(t, &written, NULL) != STOA_OK ||
        stoa_tokenizer_parse(&again, "again", (stoa_view){written.data, written.len}, NULL) !=
            STOA_OK ||
        stoa_tokenizer_hash(again) != stoa_tokenizer_hash(t))
        __builtin_trap();
    stoa_tokenizer_free(again);
    stoa_buffer_deinit(&written);
    stoa_buffer_deinit(&back);
    stoa_ids_deinit(&ids);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const uint8_t *zero = size > 0 ? memchr(data, 0, size) : NULL;
    size_t json = zero ? (size_t)(zero - data) : size;
    stoa_tokenizer *t;
    stoa_error err;
    if (stoa_tokenizer_parse(&t, "fuzz", (stoa_view){(const char *)data, json}, &err) != STOA_OK)
        return 0;
    stoa_view text = {"ab  <s>\xff\xc3\xa9 1", 13};
    if (zero)
        text = (stoa_view){(const char *)zero + 1, size - json - 1};
    use(t, text);
    stoa_tokenizer_free(t);
    return 0;
}
