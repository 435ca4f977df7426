/* SPDX-License-Identifier: Apache-2.0
 * pretokenizer_run: takes one piece through the stages, depth first, and hands each word to the model. Pieces point
 * into the text or into the buffer of the stage that rewrote them; a stage's buffer is free again once the stages
 * below it have returned. */
#include "internal.h"

#include <string.h>

static lud_status run_bytes(ludc_work *w, size_t k, ludc_piece p) {
    unsigned char *out = p.len > SIZE_MAX / 2 ? NULL : ludc_scratch_take(&w->stage[k], p.len * 2);
    if (!out) return ludc_no_memory(w->find.err, "tokenizer");
    size_t n = 0;
    for (size_t i = 0; i < p.len; i++) {
        unsigned char c = (unsigned char)p.ptr[i];
        if (c > 0x20 && c < 0x7F) {
            out[n++] = c;
            continue;
        }
        uint32_t cp = ludc_byte_char(c);
        out[n++] = (unsigned char)(0xC0 | cp >> 6);
        out[n++] = (unsigned char)(0x80 | (cp & 0x3F));
    }
    return ludc_pretokenizer_run(w, k + 1, (ludc_piece){(const char *)out, n, p.first});
}

static lud_status run_prefix(ludc_work *w, size_t k, ludc_piece p) {
    const ludc_pre_stage *stage = &w->tok->pre.stages[k];
    size_t n = stage->content_len;
    bool has = p.len >= n && memcmp(p.ptr, stage->content, n) == 0;
    if (has || (stage->only_first && !p.first)) return ludc_pretokenizer_run(w, k + 1, p);
    char *out = ludc_scratch_take(&w->stage[k], p.len + n);
    if (!out) return ludc_no_memory(w->find.err, "tokenizer");
    memcpy(out, stage->content, n);
    memcpy(out + n, p.ptr, p.len);
    return ludc_pretokenizer_run(w, k + 1, (ludc_piece){out, p.len + n, p.first});
}

static lud_status run_replace(ludc_work *w, size_t k, ludc_piece p) {
    const ludc_pre_stage *stage = &w->tok->pre.stages[k];
    ludc_buf *out = &w->replaced[k];
    ludc_buf_clear(out);
    lud_str content = {stage->content, stage->content_len};
    LUDC_TRY(ludc_pattern_replace(&stage->pattern, &w->find, (lud_str){p.ptr, p.len}, content, out));
    return ludc_pretokenizer_run(w, k + 1, (ludc_piece){out->ptr, out->len, p.first});
}

/* A split in progress: one segment is held back until it is known whether the next one joins it. */
typedef struct splitting {
    ludc_work *w;
    const ludc_pre_stage *stage;
    size_t next_stage;
    ludc_piece piece;
    size_t start, end; /* of the held segment */
    bool held, was_match;
} splitting;

static lud_status emit(splitting *st, size_t start, size_t end) {
    if (start == end) return LUD_OK;
    ludc_piece part = {st->piece.ptr + start, end - start, st->piece.first && start == 0};
    return ludc_pretokenizer_run(st->w, st->next_stage, part);
}

static lud_status hold(splitting *st, size_t start, size_t end) {
    size_t old_start = st->start, old_end = st->end;
    bool held = st->held;
    st->start = start;
    st->end = end;
    st->held = true;
    return held ? emit(st, old_start, old_end) : LUD_OK;
}

/* PREVIOUS: a match joins what lies before it, unless that is a match. NEXT: the mirror image. CONTIGUOUS: neighbours
 * of one kind join. Before the first segment counts as no match. */
static lud_status split_segment(void *arg, size_t start, size_t end, bool is_match) {
    splitting *st = arg;
    bool match = is_match != st->stage->invert, was = st->was_match, joins = false;
    switch (st->stage->behavior) {
    case LUDC_SPLIT_REMOVED:
        return match ? LUD_OK : emit(st, start, end);
    case LUDC_SPLIT_ISOLATED:
        return emit(st, start, end);
    case LUDC_SPLIT_PREVIOUS:
        joins = match && !was;
        break;
    case LUDC_SPLIT_NEXT:
        joins = !match && was;
        break;
    default:
        joins = match == was;
    }
    st->was_match = match;
    if (!joins || !st->held) return hold(st, start, end);
    st->end = end;
    return LUD_OK;
}

static lud_status run_split(ludc_work *w, size_t k, ludc_piece p) {
    const ludc_pre_stage *stage = &w->tok->pre.stages[k];
    splitting st = {.w = w, .stage = stage, .next_stage = k + 1, .piece = p};
    LUDC_TRY(ludc_pattern_each(&stage->pattern, &w->find, p.ptr, p.len, split_segment, &st));
    return st.held ? emit(&st, st.start, st.end) : LUD_OK;
}

lud_status ludc_pretokenizer_run(ludc_work *w, size_t k, ludc_piece p) {
    if (k == w->tok->pre.n) return ludc_subwords_encode(w, (lud_str){p.ptr, p.len});
    switch (w->tok->pre.stages[k].kind) {
    case LUDC_PRE_PREFIX:
        return run_prefix(w, k, p);
    case LUDC_PRE_SPLIT:
        return run_split(w, k, p);
    case LUDC_PRE_REPLACE:
        return run_replace(w, k, p);
    default:
        return run_bytes(w, k, p);
    }
}
