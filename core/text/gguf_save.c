/* SPDX-License-Identifier: Apache-2.0
 * gguf: a BPE as GGUF metadata, byte-level or SentencePiece's. Which name of tokenizer.ggml.pre means our pre-tokenizer
 * is found by trial, as llama.cpp's converter does by a hash: the tokenizer that the metadata make must cut every probe
 * as ours does. */
#include "gguf.h"

#include <string.h>

typedef struct target {
    const ludc_tokenizer *tok;
    ludc_value *meta;
    lud_error *err;
} target;

static lud_status no_memory(const target *t) {
    return ludc_fail(t->err, LUD_E_NOMEM, "GGUF: out of memory for the tokenizer");
}

static bool put(const target *t, const char *key, ludc_value *v) {
    return ludc_value_put(t->meta, key, v);
}

/* ---- Vocabulary ---- */
static int type_of(const target *t, int32_t id, lud_str text) {
    const ludc_bpe *b = &t->tok->bpe;
    const ludc_added_token *added = ludc_added_by_id(&t->tok->added, id);
    if (!text.ptr) return LUDC_GGUF_UNUSED; /* rows of the embedding that no token uses */
    if (b->byte_fallback && id == b->unk) return LUDC_GGUF_UNKNOWN;
    for (int i = 0; b->byte_fallback && !added && i < 256; i++)
        if (b->byte_id[i] == id) return LUDC_GGUF_BYTE;
    return !added ? LUDC_GGUF_NORMAL : added->special ? LUDC_GGUF_CONTROL : LUDC_GGUF_USER;
}

static bool push_token(const target *t, int32_t id, ludc_value *texts, ludc_value *types) {
    const lud_str text = ludc_tokenizer_token(t->tok, id);
    ludc_buf filler = {0};
    const int type = type_of(t, id, text);
    if (!text.ptr) ludc_buf_addf(&filler, "[PAD%d]", (int)id);
    const bool ok = ludc_value_push(texts, ludc_value_str(text.ptr ? text : (lud_str){filler.ptr, filler.len})) &&
                    ludc_value_push(types, ludc_value_int(type));
    ludc_buf_free(&filler);
    return ok;
}

static lud_status put_vocab(const target *t, int64_t n) {
    ludc_value *texts = ludc_value_new(LUD_CFG_LIST), *types = ludc_value_new(LUD_CFG_LIST);
    bool ok = texts && types;
    for (int32_t id = 0; ok && id < n; id++)
        ok = push_token(t, id, texts, types);
    ok = put(t, "tokenizer.ggml.tokens", texts) && ok;
    ok = put(t, "tokenizer.ggml.token_type", types) && ok;
    return ok ? LUD_OK : no_memory(t);
}

static lud_status put_merges(const target *t) {
    const ludc_bpe *b = &t->tok->bpe;
    ludc_value *list = ludc_value_new(LUD_CFG_LIST);
    ludc_buf text = {0};
    bool ok = list != NULL;
    for (size_t i = 0; ok && i < b->n_merges; i++) {
        ludc_buf_clear(&text);
        for (int side = 0; side < 2; side++) {
            const lud_str s = ludc_vocab_text(b->vocab, b->pairs[i][side]);
            if (side) ludc_buf_adds(&text, " ");
            ludc_buf_add(&text, s.ptr, s.len);
        }
        ok = !text.failed && ludc_value_push(list, ludc_value_str((lud_str){text.ptr, text.len}));
    }
    ludc_buf_free(&text);
    ok = put(t, "tokenizer.ggml.merges", list) && ok;
    return ok ? LUD_OK : no_memory(t);
}

/* ---- Special tokens ---- */
/* The post-processor may put one token before the text and one behind it: BOS and EOS. */
static lud_status put_around(const target *t) {
    const ludc_ids *before = &t->tok->post.before, *after = &t->tok->post.after;
    const ludc_special_ids *s = &t->tok->special;
    if (before->len > 1 || after->len > 1 || (before->len && before->ptr[0] != s->bos) ||
        (after->len && after->ptr[0] != s->eos))
        return ludc_fail(t->err, LUD_E_UNSUPPORTED,
                         "GGUF: the post-processor of tokenizer.json adds other tokens than BOS and EOS");
    const bool ok = put(t, "tokenizer.ggml.add_bos_token", ludc_value_bool(before->len > 0)) &&
                    put(t, "tokenizer.ggml.add_eos_token", ludc_value_bool(after->len > 0));
    return ok ? LUD_OK : no_memory(t);
}

static lud_status put_special(const target *t, const int32_t *ends, int32_t n_ends) {
    static const char *const more[] = {"tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"};
    const ludc_special_ids *s = &t->tok->special;
    const int32_t eos = s->eos < 0 && n_ends ? ends[0] : s->eos;
    const struct {
        const char *key;
        int32_t id;
    } ids[] = {{"tokenizer.ggml.bos_token_id", s->bos},
               {"tokenizer.ggml.eos_token_id", eos},
               {"tokenizer.ggml.padding_token_id", s->pad},
               {"tokenizer.ggml.unknown_token_id", s->unk}};
    bool ok = true;
    for (size_t i = 0; i < LUDC_COUNT(ids); i++)
        ok = ok && (ids[i].id < 0 || put(t, ids[i].key, ludc_value_int(ids[i].id)));
    for (size_t i = 0, k = 0; i < (size_t)n_ends && k < LUDC_COUNT(more); i++)
        if (ends[i] != eos) ok = ok && put(t, more[k++], ludc_value_int(ends[i]));
    return ok ? put_around(t) : no_memory(t);
}

static lud_status put_chat_template(const target *t) {
    const ludc_value *v = ludc_value_get(t->tok->config, "chat_template");
    bool ok = true;
    if (v && v->type == LUD_CFG_STR) ok = put(t, "tokenizer.chat_template", ludc_value_copy(v));
    for (size_t i = 0; v && v->type == LUD_CFG_LIST && i < v->len; i++) {
        const lud_str name = ludc_get_str(v->items[i], "name", LUDC_STR("default"));
        const ludc_value *text = ludc_value_get(v->items[i], "template");
        ludc_buf key = {0};
        ludc_buf_adds(&key, "tokenizer.chat_template");
        if (!ludc_str_eq(name, "default")) ludc_buf_addf(&key, ".%.*s", LUDC_ARG(name));
        if (text && text->type == LUD_CFG_STR) ok = ok && !key.failed && put(t, key.ptr, ludc_value_copy(text));
        ludc_buf_free(&key);
    }
    return ok ? LUD_OK : no_memory(t);
}

/* ---- The pre-tokenizer's name ---- */
static const char *const probes[] = {
    "Hello, world! It's 12:34 o'clock; we'll pay $1,234.56 (or 99%) for 3x7 items...",
    "def f(x):\n\treturn {'a': [1, 22, 333, 4444], \"b\": x**2}  # done\n\n\n    if a_b != c:\r\n",
    "  two  blanks   three    tabs\t\t\tand   ", "I'LL They'VE don't CAN'T we'd 'tis x'S ''quoted'' ~!@#^&*_+=|\\/<>?`",
    "caf\xc3\xa9 na\xc3\xafve \xc3\x9c"
    "ber stra\xc3\x9f"
    "e \xe4\xbd\xa0\xe5\xa5\xbd\xef\xbc\x8c\xe4\xb8\x96"
    "\xe7\x95\x8c \xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82 \xe0\xa5\xa7\xe0\xa5\xa8\xe0\xa5\xa9 \xc2\xbd "
    "\xf0\x9f\x98\x80\xf0\x9f\x91\x8d\xf0\x9f\x8f\xbd!!"};

/* What has no token gives <unk> here and is dropped by llama.cpp: such a text tells nothing about the cuts. */
static lud_status same_cuts(const target *t, const ludc_tokenizer *other, const char *probe, bool *same) {
    ludc_ids a = {0}, b = {0};
    lud_status status = ludc_tokenizer_encode(t->tok, ludc_str(probe), true, &a, t->err);
    if (status == LUD_OK) status = ludc_tokenizer_encode(other, ludc_str(probe), true, &b, t->err);
    bool unknown = false;
    for (size_t i = 0; i < a.len; i++)
        unknown |= a.ptr[i] == ludc_subwords_unk_id(t->tok);
    *same = unknown || (a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len * sizeof *a.ptr) == 0));
    ludc_ids_free(&a);
    ludc_ids_free(&b);
    return status;
}

/* Whether the tokenizer that the metadata make now cuts as ours does. */
static lud_status try_now(const target *t, bool *fits) {
    ludc_tokenizer *other = NULL;
    lud_status status = ludc_tokenizer_from_gguf(t->meta, &other, t->err);
    *fits = status == LUD_OK;
    for (size_t i = 0; status == LUD_OK && *fits && i < LUDC_COUNT(probes); i++)
        status = same_cuts(t, other, probes[i], fits);
    ludc_tokenizer_free(other);
    return status;
}

static lud_status try_name(const target *t, const char *name, bool *fits) {
    *fits = ludc_gguf_pre_find(ludc_str(name))->ignore_merges == t->tok->bpe.ignore_merges;
    if (!*fits) return LUD_OK;
    if (!put(t, "tokenizer.ggml.pre", ludc_value_text(name))) return no_memory(t);
    return try_now(t, fits);
}

static lud_status find_pre(const target *t) {
    static const char *const names[] = {"gpt-2", "smollm", "llama-bpe", "qwen2", "dbrx", "default", "falcon"};
    bool fits = false;
    for (size_t i = 0; i < LUDC_COUNT(names) && !fits; i++)
        LUDC_TRY(try_name(t, names[i], &fits));
    if (fits) return LUD_OK;
    return ludc_fail(t->err, LUD_E_UNSUPPORTED,
                     "GGUF: no pre-tokenizer that this program knows there cuts text as this tokenizer.json does");
}

/* SentencePiece's: the only question is whether a blank comes in front. */
static lud_status find_prefix(const target *t) {
    bool fits = false;
    for (int prefix = 1; prefix >= 0 && !fits; prefix--) {
        if (!put(t, "tokenizer.ggml.add_space_prefix", ludc_value_bool(prefix))) return no_memory(t);
        LUDC_TRY(try_now(t, &fits));
    }
    if (fits) return LUD_OK;
    return ludc_fail(t->err, LUD_E_UNSUPPORTED,
                     "GGUF: SentencePiece there cuts text otherwise than this tokenizer.json");
}

lud_status ludc_tokenizer_to_gguf(const ludc_tokenizer *tok, int64_t n, const int32_t *ends, int32_t n_ends,
                                  ludc_value *metadata, lud_error *err) {
    const target t = {tok, metadata, err};
    if (tok->model != LUDC_MODEL_BPE || tok->bpe.prefix_len || tok->bpe.suffix_len)
        return ludc_fail(err, LUD_E_UNSUPPORTED,
                         "GGUF: only BPE tokenizers without affixes are written; this is another");
    if (ludc_tokenizer_vocab(tok) > n)
        return ludc_fail(err, LUD_E_UNSUPPORTED, "GGUF: the tokenizer has %d tokens, the model only %lld",
                         (int)ludc_tokenizer_vocab(tok), (long long)n);
    const bool spm = tok->bpe.byte_fallback;
    for (int i = 0; spm && i < 256; i++)
        if (tok->bpe.byte_id[i] < 0)
            return ludc_fail(err, LUD_E_UNSUPPORTED, "GGUF: SentencePiece there needs a token for every byte");
    if (!put(&t, "tokenizer.ggml.model", ludc_value_text(spm ? "llama" : "gpt2"))) return no_memory(&t);
    LUDC_TRY(put_vocab(&t, n));
    if (spm && !put(&t, "tokenizer.ggml.scores", ludc_gguf_spm_scores(&tok->bpe, n))) return no_memory(&t);
    if (!spm) LUDC_TRY(put_merges(&t));
    LUDC_TRY(put_special(&t, ends, n_ends));
    LUDC_TRY(put_chat_template(&t));
    return spm ? find_prefix(&t) : find_pre(&t);
}
