/* SPDX-License-Identifier: Apache-2.0
 * decoder: reads tokenizer.json's decoder into a flat list of steps and runs them over a list of token texts, as the
 * reference does: each step maps a list to a list, the last one is joined. decoder_steps.c holds the steps. */
#include "decoder.h"

enum { MAX_STEPS = 64 };

static lud_status add_step(const ludc_load *l, ludc_decoder *d, int kind, ludc_dec_step **out) {
    if (d->n == MAX_STEPS)
        return ludc_fail(l->err, LUD_E_IO, "%s: the decoder has more than %d steps", l->name, MAX_STEPS);
    size_t size = sizeof *d->steps;
    ludc_dec_step *steps = ludc_realloc(d->steps, d->n * size, (d->n + 1) * size);
    if (!steps) return ludc_no_memory(l->err, l->name);
    d->steps = steps;
    *out = &steps[d->n++];
    (*out)->kind = kind;
    return LUD_OK;
}

static lud_status load_content(const ludc_load *l, const ludc_value *v, const char *key, lud_str dflt,
                               ludc_dec_step *step) {
    lud_str s = {0};
    LUDC_TRY(ludc_node_text(l, v, key, &s));
    return ludc_node_copy(l, s.ptr ? s : dflt, &step->content, &step->content_len);
}

static lud_status one_character(const ludc_load *l, const ludc_dec_step *step) {
    uint32_t cp;
    if (step->content_len && ludc_utf8_next(step->content, step->content_len, &cp) == step->content_len) return LUD_OK;
    return ludc_fail(l->err, LUD_E_IO, "%s: decoder: a character is wanted, not a longer text", l->name);
}

static lud_status load_metaspace(const ludc_load *l, const ludc_value *v, ludc_dec_step *step) {
    lud_str scheme = {0};
    bool prefix;
    LUDC_TRY(ludc_node_bool(l, v, "add_prefix_space", true, &prefix));
    LUDC_TRY(ludc_node_text(l, v, "prepend_scheme", &scheme));
    step->flag = scheme.ptr ? ludc_str_eq(scheme, "never") : !prefix;
    LUDC_TRY(load_content(l, v, "replacement", LUDC_STR("\xE2\x96\x81"), step));
    return one_character(l, step);
}

static lud_status load_strip(const ludc_load *l, const ludc_value *v, ludc_dec_step *step) {
    int64_t start, stop;
    LUDC_TRY(load_content(l, v, "content", LUDC_STR(" "), step));
    LUDC_TRY(one_character(l, step));
    LUDC_TRY(ludc_node_int(l, v, "start", 0, INT32_MAX, &start));
    LUDC_TRY(ludc_node_int(l, v, "stop", 0, INT32_MAX, &stop));
    step->start = (size_t)start;
    step->stop = (size_t)stop;
    return LUD_OK;
}

static lud_status load_word_piece(const ludc_load *l, const ludc_value *v, ludc_dec_step *step) {
    LUDC_TRY(ludc_node_bool(l, v, "cleanup", true, &step->flag));
    return load_content(l, v, "prefix", LUDC_STR("##"), step);
}

static lud_status load_replace(const ludc_load *l, const ludc_value *v, ludc_dec_step *step) {
    LUDC_TRY(ludc_pattern_load(l, ludc_value_get(v, "pattern"), &step->pattern));
    return load_content(l, v, "content", LUDC_STR(""), step);
}

static lud_status load_suffix(const ludc_load *l, const ludc_value *v, ludc_dec_step *step) {
    LUDC_TRY(load_content(l, v, "suffix", LUDC_STR("</w>"), step));
    return ludc_pattern_literal(l, (lud_str){step->content, step->content_len}, &step->pattern);
}

static lud_status load_plain(const ludc_load *l, const ludc_value *v, ludc_dec_step *step) {
    (void)l, (void)v, (void)step;
    return LUD_OK;
}

static lud_status load_step(const ludc_load *l, const ludc_value *v, lud_str type, void *d) {
    static const struct {
        const char *type;
        int kind;
        lud_status (*load)(const ludc_load *, const ludc_value *, ludc_dec_step *);
    } known[] = {{"ByteLevel", LUDC_DEC_BYTES, load_plain},
                 {"WordPiece", LUDC_DEC_WORDPIECE, load_word_piece},
                 {"Metaspace", LUDC_DEC_METASPACE, load_metaspace},
                 {"ByteFallback", LUDC_DEC_FALLBACK, load_plain},
                 {"Fuse", LUDC_DEC_FUSE, load_plain},
                 {"Strip", LUDC_DEC_STRIP, load_strip},
                 {"Replace", LUDC_DEC_REPLACE, load_replace},
                 {"BPEDecoder", LUDC_DEC_SUFFIX, load_suffix}};
    ludc_dec_step *step = NULL;
    for (size_t k = 0; k < LUDC_COUNT(known); k++) {
        if (!ludc_str_eq(type, known[k].type)) continue;
        LUDC_TRY(add_step(l, d, known[k].kind, &step));
        return known[k].load(l, v, step);
    }
    return LUD_E_NOT_FOUND;
}

lud_status ludc_decoder_load(const ludc_load *l, const ludc_value *v, ludc_decoder *d) {
    static const char *const planned[] = {"CTC", NULL};
    d->set = !ludc_is_null(v);
    return d->set ? ludc_node_each(l, v, "decoder", "decoders", planned, 0, load_step, d) : LUD_OK;
}

void ludc_decoder_free(ludc_decoder *d) {
    for (size_t i = 0; i < d->n; i++) {
        ludc_pattern_free(&d->steps[i].pattern);
        ludc_free(d->steps[i].content);
    }
    ludc_free(d->steps);
    *d = (ludc_decoder){0};
}

lud_status ludc_decoder_apply(const ludc_decoder *d, const ludc_find *f, ludc_pieces *tokens, ludc_buf *out) {
    ludc_pieces spare = {0};
    lud_status status = LUD_OK;
    for (size_t i = 0; i < d->n && status == LUD_OK; i++) {
        ludc_pieces_clear(&spare);
        status = ludc_decoder_step(&d->steps[i], f, tokens, &spare);
        ludc_pieces swap = *tokens;
        *tokens = spare;
        spare = swap;
        if (tokens->failed || tokens->text.failed) status = LUD_E_NOMEM;
    }
    for (size_t i = 0; i < tokens->n && status == LUD_OK; i++) {
        lud_str s = ludc_pieces_at(tokens, i);
        if (i && !d->set) ludc_buf_add(out, " ", 1);
        ludc_buf_add(out, s.ptr, s.len);
    }
    ludc_pieces_free(&spare);
    return status == LUD_OK && !out->failed
               ? LUD_OK
               : ludc_fail(f->err, status ? status : LUD_E_NOMEM, "tokenizer: out of memory");
}
