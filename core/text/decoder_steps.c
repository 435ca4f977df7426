/* SPDX-License-Identifier: Apache-2.0
 * decoder_steps: what each decoder does to the list of token texts. Texts are valid UTF-8 before and after. */
#include "decoder.h"

#include <string.h>

/* ---- Lists of texts ---- */
void ludc_pieces_push(ludc_pieces *p, lud_str s) {
    p->failed |= !ludc_grow(&p->end, p->n, &p->cap, sizeof *p->end);
    if (p->failed) return;
    ludc_buf_add(&p->text, s.ptr, s.len);
    p->end[p->n++] = p->text.len;
}

void ludc_pieces_clear(ludc_pieces *p) {
    ludc_buf_clear(&p->text);
    p->n = 0;
    p->failed = false;
}

void ludc_pieces_free(ludc_pieces *p) {
    ludc_buf_free(&p->text);
    ludc_free(p->end);
    *p = (ludc_pieces){0};
}

lud_str ludc_pieces_at(const ludc_pieces *p, size_t i) {
    size_t start = i ? p->end[i - 1] : 0;
    return (lud_str){p->text.ptr ? p->text.ptr + start : "", p->end[i] - start};
}

/* Ends the piece that was written to out->text directly. */
static void end_piece(ludc_pieces *out) {
    ludc_pieces_push(out, (lud_str){"", 0});
}

/* ---- ByteLevel: all tokens become one text ---- */
static bool add_mapped_bytes(lud_str s, ludc_buf *out) {
    size_t before = out->len;
    for (size_t i = 0; i < s.len;) {
        uint32_t cp;
        i += ludc_utf8_next(s.ptr + i, s.len - i, &cp);
        int byte = ludc_char_byte(cp);
        if (byte < 0) {
            out->len = before;
            return false;
        }
        char c = (char)(unsigned char)byte;
        ludc_buf_add(out, &c, 1);
    }
    return true;
}

static void bytes(const ludc_pieces *in, ludc_pieces *out) {
    ludc_buf raw = {0};
    for (size_t i = 0; i < in->n; i++) {
        lud_str s = ludc_pieces_at(in, i);
        if (!add_mapped_bytes(s, &raw)) ludc_buf_add(&raw, s.ptr, s.len);
    }
    ludc_utf8_lossy(raw.ptr ? raw.ptr : "", raw.len, &out->text);
    if (raw.failed) out->failed = true;
    ludc_buf_free(&raw);
    end_piece(out);
}

/* ---- ByteFallback ---- */
static int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int byte_of_token(lud_str s) {
    if (s.len != 6 || memcmp(s.ptr, "<0x", 3) != 0 || s.ptr[5] != '>') return -1;
    int high = hex_digit(s.ptr[3]), low = hex_digit(s.ptr[4]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

static void flush_bytes(ludc_buf *run, ludc_pieces *out) {
    if (run->len && ludc_utf8_valid(run->ptr, run->len))
        ludc_pieces_push(out, (lud_str){run->ptr, run->len});
    else
        for (size_t i = 0; i < run->len; i++)
            ludc_pieces_push(out, LUDC_STR("\xEF\xBF\xBD"));
    if (run->failed) out->failed = true;
    ludc_buf_clear(run);
}

static void byte_fallback(const ludc_pieces *in, ludc_pieces *out) {
    ludc_buf run = {0};
    for (size_t i = 0; i < in->n; i++) {
        lud_str s = ludc_pieces_at(in, i);
        int byte = byte_of_token(s);
        char c = (char)(unsigned char)byte;
        if (byte >= 0) {
            ludc_buf_add(&run, &c, 1);
            continue;
        }
        flush_bytes(&run, out);
        ludc_pieces_push(out, s);
    }
    flush_bytes(&run, out);
    ludc_buf_free(&run);
}

/* ---- Metaspace, Strip ---- */
static void metaspace(const ludc_dec_step *step, const ludc_pieces *in, ludc_pieces *out) {
    for (size_t i = 0; i < in->n; i++) {
        lud_str s = ludc_pieces_at(in, i);
        for (size_t k = 0, len; k < s.len; k += len) {
            uint32_t cp;
            len = ludc_utf8_next(s.ptr + k, s.len - k, &cp);
            bool blank = len == step->content_len && memcmp(s.ptr + k, step->content, len) == 0;
            if (!blank)
                ludc_buf_add(&out->text, s.ptr + k, len);
            else if (i > 0 || step->flag)
                ludc_buf_add(&out->text, " ", 1);
        }
        end_piece(out);
    }
}

static void strip(const ludc_dec_step *step, const ludc_pieces *in, ludc_pieces *out) {
    size_t w = step->content_len;
    for (size_t i = 0; i < in->n; i++) {
        lud_str s = ludc_pieces_at(in, i);
        for (size_t k = 0; k < step->start && s.len >= w && memcmp(s.ptr, step->content, w) == 0; k++) {
            s.ptr += w;
            s.len -= w;
        }
        for (size_t k = 0; k < step->stop && s.len >= w && memcmp(s.ptr + s.len - w, step->content, w) == 0; k++)
            s.len -= w;
        ludc_pieces_push(out, s);
    }
}

/* ---- WordPiece ---- */
/* The rules are applied one after the other to each token by itself, so those across tokens never fire. */
static lud_status clean_up(const ludc_find *f, lud_str s, ludc_buf spare[2], ludc_buf *out) {
    static const char *const rules[][2] = {{" .", "."},   {" ?", "?"},     {" !", "!"},    {" ,", ","},
                                           {" ' ", "'"},  {" n't", "n't"}, {" 'm", "'m"},  {" do not", " don't"},
                                           {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
    for (size_t k = 0; k < LUDC_COUNT(rules); k++) {
        lud_str from = ludc_str(rules[k][0]);
        ludc_pattern p = {.text = (char *)(uintptr_t)from.ptr, .len = from.len};
        ludc_buf_clear(&spare[k & 1]);
        LUDC_TRY(ludc_pattern_replace(&p, f, s, ludc_str(rules[k][1]), &spare[k & 1]));
        s = (lud_str){spare[k & 1].ptr ? spare[k & 1].ptr : "", spare[k & 1].len};
    }
    ludc_buf_add(out, s.ptr, s.len);
    return LUD_OK;
}

static lud_status word_piece(const ludc_dec_step *step, const ludc_find *f, const ludc_pieces *in, ludc_pieces *out) {
    ludc_buf word = {0}, spare[2] = {{0}};
    lud_status status = LUD_OK;
    for (size_t i = 0; i < in->n && status == LUD_OK; i++) {
        lud_str s = ludc_pieces_at(in, i);
        bool goes_on = s.len >= step->content_len && memcmp(s.ptr, step->content, step->content_len) == 0;
        ludc_buf_clear(&word);
        if (i > 0 && !goes_on) ludc_buf_add(&word, " ", 1);
        size_t skip = i > 0 && goes_on ? step->content_len : 0;
        ludc_buf_add(&word, s.ptr + skip, s.len - skip);
        if (word.failed) status = ludc_no_memory(f->err, "tokenizer");
        if (status != LUD_OK) break;
        s = (lud_str){word.ptr ? word.ptr : "", word.len};
        if (step->flag)
            status = clean_up(f, s, spare, &out->text);
        else
            ludc_buf_add(&out->text, s.ptr, s.len);
        end_piece(out);
    }
    ludc_buf_free(&word);
    ludc_buf_free(&spare[0]);
    ludc_buf_free(&spare[1]);
    return status;
}

/* Replace, and BPEDecoder: its suffix becomes a blank, in the last token nothing. */
static lud_status replace(const ludc_dec_step *step, const ludc_find *f, const ludc_pieces *in, ludc_pieces *out) {
    for (size_t i = 0; i < in->n; i++) {
        lud_str content = {step->content, step->content_len};
        if (step->kind == LUDC_DEC_SUFFIX) content = i + 1 < in->n ? LUDC_STR(" ") : LUDC_STR("");
        LUDC_TRY(ludc_pattern_replace(&step->pattern, f, ludc_pieces_at(in, i), content, &out->text));
        end_piece(out);
    }
    return LUD_OK;
}

lud_status ludc_decoder_step(const ludc_dec_step *step, const ludc_find *f, const ludc_pieces *in, ludc_pieces *out) {
    switch (step->kind) {
    case LUDC_DEC_BYTES:
        bytes(in, out);
        break;
    case LUDC_DEC_FALLBACK:
        byte_fallback(in, out);
        break;
    case LUDC_DEC_METASPACE:
        metaspace(step, in, out);
        break;
    case LUDC_DEC_STRIP:
        strip(step, in, out);
        break;
    case LUDC_DEC_FUSE:
        ludc_buf_add(&out->text, in->text.ptr, in->text.len);
        end_piece(out);
        break;
    case LUDC_DEC_WORDPIECE:
        return word_piece(step, f, in, out);
    default:
        return replace(step, f, in, out);
    }
    return LUD_OK;
}
