/* SPDX-License-Identifier: Apache-2.0
 * Rope parameters in GGUF metadata, as llama.cpp reads and its converter writes them. Scaling is a type with a factor,
 * or one or two lists of numbers that divide the frequencies: tensors of the file, in metadata by their names. */
#include "llama.h"

#include <math.h>

#define FREQS "rope_freqs.weight"
#define LONG  "rope_factors_long.weight"
#define SHORT "rope_factors_short.weight"

/* What llama.cpp multiplies sine and cosine by if yarn's factor is f and nothing else is said. */
static double yarn_spread(double f) {
    return f > 1.0 ? 1.0 + 0.1 * log(f) : 1.0;
}

/* ---- In ---- */
static const lud_cfg *list_of(const llama *m, const char *name) {
    const lud_cfg *list = lud_member(llama_host->cfg, m->gguf, name);
    return llama_host->cfg->type(list) == LUD_CFG_LIST ? list : NULL;
}

/* One list for all rows is LongRoPE with two equal ones, which config.json can say too. */
static lud_status read_lists(const llama *m, rope_params *p, int scaled, lud_error *err) {
    const lud_cfg *all = list_of(m, FREQS);
    p->short_factor = all ? all : list_of(m, SHORT);
    p->long_factor = all ? all : list_of(m, LONG);
    if (!p->short_factor && !p->long_factor) return LUD_OK;
    if (scaled)
        return lud_fail(err, LUD_E_UNSUPPORTED, "GGUF: rope frequencies with a scaling type and lists beside it");
    p->type = lud_text("longrope");
    p->attention_factor = llama_meta_float(m, "rope.scaling.attn_factor", 1.0);
    return LUD_OK;
}

static lud_status read_scaling(const llama *m, rope_params *p, lud_error *err) {
    lud_str type = {"", 0};
    (void)llama_host->cfg->get(llama_meta(m, "rope.scaling.type"), LUD_CFG_STR, &type);
    p->original_max = llama_meta_float(m, "rope.scaling.original_context_length", (double)m->max_positions);
    p->factor = llama_meta_float(m, "rope.scaling.factor", llama_meta_float(m, "rope.scale_linear", 0.0));
    const int yarn = lud_str_is(type, "yarn"), none = !type.len || lud_str_is(type, "none");
    if (!yarn && !none && !lud_str_is(type, "linear") && !lud_str_is(type, "longrope"))
        return lud_fail(err, LUD_E_UNSUPPORTED, "GGUF: rope scaling '%.*s' is not known", (int)type.len, type.ptr);
    const int linear = lud_str_is(type, "linear") ? p->factor > 0.0 : none && p->factor > 1.0;
    if (linear) p->type = lud_text("linear");
    if (yarn) {
        p->type = lud_text("yarn");
        p->beta_fast = llama_meta_float(m, "rope.scaling.yarn_beta_fast", 0.0);
        p->beta_slow = llama_meta_float(m, "rope.scaling.yarn_beta_slow", 0.0);
        const double own = llama_meta_float(m, "rope.scaling.attn_factor", 1.0);
        if (own != 1.0) p->attention_factor = own * yarn_spread(p->factor);
    }
    return read_lists(m, p, linear || yarn, err);
}

lud_status llama_gguf_read_rope(llama *m, lud_error *err) {
    const int by_type = (m->arch->flags & ARCH_ROPE_BY_TYPE) != 0;
    rope_params *p = &m->rope_params[ROPE_FULL];
    *p = (rope_params){.type = {"default", 7}, .truncate = 1};
    p->theta = llama_meta_float(m, "rope.freq_base", by_type ? m->arch->rope_theta : 1e4);
    p->partial = llama_meta_float(m, "rope.dimension_count", (double)m->head_dim) / (double)m->head_dim;
    const lud_status status = read_scaling(m, p, err);
    m->rope_params[ROPE_SLIDING] = *p;
    if (by_type) {
        m->rope_params[ROPE_SLIDING] = (rope_params){.type = {"default", 7}, .partial = p->partial, .truncate = 1};
        m->rope_params[ROPE_SLIDING].theta = llama_meta_float(m, "rope.freq_base_swa", 1e4);
    }
    if (status != LUD_OK || (p->theta > 0.0 && p->partial > 0.0 && p->partial <= 1.0 && p->original_max > 0.0))
        return status;
    return lud_fail(err, LUD_E_INVALID, "GGUF: rope.freq_base %g or rope.dimension_count out of range", p->theta);
}

/* ---- Out ---- */
static int put(const llama *m, lud_cfg_out *out, const char *name, double v, int whole) {
    char key[128];
    (void)snprintf(key, sizeof key, "%s.%s", m->arch->gguf, name);
    return (whole ? llama_host->cfg->set_int(out, key, (int64_t)v) : llama_host->cfg->set_float(out, key, v)) == LUD_OK;
}

static int put_type(const llama *m, lud_cfg_out *out, const char *type, double factor) {
    char key[128];
    (void)snprintf(key, sizeof key, "%s.rope.scaling.type", m->arch->gguf);
    return llama_host->cfg->set_str(out, key, lud_text(type)) == LUD_OK &&
           put(m, out, "rope.scaling.factor", factor, 0);
}

/* What the frequencies of the table were divided by. */
static int put_freqs(const llama *m, lud_cfg_out *out) {
    const rope *r = &m->rope[ROPE_FULL];
    lud_cfg_out *list = llama_host->cfg->set_list(out, FREQS);
    int ok = list != NULL;
    for (int32_t i = 0; ok && i < r->dim / 2; i++) {
        const double plain = pow(m->rope_params[ROPE_FULL].theta, -2.0 * i / r->dim);
        ok = llama_host->cfg->set_float(list, NULL, plain / (double)r->inv_freq[i]) == LUD_OK;
    }
    return ok;
}

static int put_yarn(const llama *m, lud_cfg_out *out, const rope_params *p) {
    const double factor = p->factor > 0.0 ? p->factor : (double)m->max_positions / p->original_max;
    const double own = (double)m->rope[ROPE_FULL].attention_factor / yarn_spread(factor);
    int ok =
        put_type(m, out, "yarn", factor) && put(m, out, "rope.scaling.original_context_length", p->original_max, 1);
    if (p->beta_fast != 0.0) ok = ok && put(m, out, "rope.scaling.yarn_beta_fast", p->beta_fast, 0);
    if (p->beta_slow != 0.0) ok = ok && put(m, out, "rope.scaling.yarn_beta_slow", p->beta_slow, 0);
    return ok && (fabs(own - 1.0) < 1e-6 || put(m, out, "rope.scaling.attn_factor", own, 0));
}

static int put_longrope(const llama *m, lud_cfg_out *out, const rope_params *p) {
    return put(m, out, "rope.scaling.attn_factor", (double)m->rope[ROPE_FULL].attention_factor, 0) &&
           put(m, out, "rope.scaling.original_context_length", p->original_max, 1) &&
           llama_host->cfg->set_copy(out, LONG, p->long_factor) == LUD_OK &&
           llama_host->cfg->set_copy(out, SHORT, p->short_factor) == LUD_OK;
}

static lud_status put_scaling(const llama *m, lud_cfg_out *out, lud_error *err) {
    const rope_params *p = &m->rope_params[ROPE_FULL];
    const uint32_t f = m->arch->flags;
    /* A table that holds for any row, and leaves sine and cosine as they are, is what rope_freqs can say. */
    const int one_table = m->rope[ROPE_FULL].attention_factor == 1.0f && p->short_factor == p->long_factor;
    int ok = -1;
    if (lud_str_is(p->type, "default"))
        ok = 1;
    else if (lud_str_is(p->type, "linear"))
        ok = put_type(m, out, "linear", p->factor);
    else if (lud_str_is(p->type, "yarn") && p->truncate && !(f & ARCH_ROPE_BY_TYPE))
        ok = put_yarn(m, out, p);
    else if (lud_str_is(p->type, "longrope") && (f & ARCH_YARN_IS_LONGROPE))
        ok = put_longrope(m, out, p);
    else if ((f & ARCH_GGUF_ROPE_FREQS) && one_table && !lud_str_is(p->type, "dynamic"))
        ok = put_freqs(m, out);
    if (ok < 0) return llama_gguf_no_place(m, "the scaling of the rope frequencies", err);
    return ok ? LUD_OK : lud_fail(err, LUD_E_NOMEM, "llama: out of memory writing GGUF metadata");
}

lud_status llama_gguf_put_rope(const llama *m, lud_cfg_out *out, lud_error *err) {
    const rope_params *p = &m->rope_params[ROPE_FULL], *s = &m->rope_params[ROPE_SLIDING];
    const int by_type = (m->arch->flags & ARCH_ROPE_BY_TYPE) != 0;
    if (by_type && !lud_str_is(s->type, "default"))
        return llama_gguf_no_place(m, "the scaling of the rope frequencies", err);
    if (by_type && s->partial != p->partial) return llama_gguf_no_place(m, "two rope dimensions", err);
    int ok = put(m, out, "rope.dimension_count", p->partial * (double)m->head_dim, 1) &&
             put(m, out, "rope.freq_base", p->theta, 0);
    if (by_type) ok = ok && put(m, out, "rope.freq_base_swa", s->theta, 0);
    return ok ? put_scaling(m, out, err) : lud_fail(err, LUD_E_NOMEM, "llama: out of memory writing GGUF metadata");
}
