/* SPDX-License-Identifier: Apache-2.0
 * Tables of rotary frequencies for every rope type, as transformers' modeling_rope_utils.py makes them: in fp32, with
 * its order of operations. A table is fixed when the model opens: the types that depend on the length of a row
 * (dynamic, longrope) take the length that the config allows, and say how long rows may be. */
#include "llama.h"

#include <math.h>

static const double pi = 3.14159265358979323846;

typedef struct rope_job {
    const llama *m;
    const rope_params *p;
    rope *out;
} rope_job;

static void fill_plain(const rope_job *j, double theta) {
    for (int32_t i = 0; i < j->out->dim / 2; i++) {
        float exponent = (float)(2 * i) / (float)j->out->dim;
        j->out->inv_freq[i] = 1.0f / powf((float)theta, exponent);
    }
}

static lud_status make_default(const rope_job *j, lud_error *err) {
    (void)err;
    fill_plain(j, j->p->theta);
    return LUD_OK;
}

static lud_status need_factor(const rope_job *j, lud_error *err) {
    if (j->p->factor > 0.0) return LUD_OK;
    return lud_fail(err, LUD_E_INVALID, "rope type '%.*s' needs 'factor' above 0", (int)j->p->type.len, j->p->type.ptr);
}

static lud_status make_linear(const rope_job *j, lud_error *err) {
    lud_status status = need_factor(j, err);
    if (status != LUD_OK) return status;
    fill_plain(j, j->p->theta);
    for (int32_t i = 0; i < j->out->dim / 2; i++)
        j->out->inv_freq[i] /= (float)j->p->factor;
    return LUD_OK;
}

/* NTK scaling begins beyond max_position_embeddings. */
static lud_status make_dynamic(const rope_job *j, lud_error *err) {
    lud_status status = need_factor(j, err);
    if (status != LUD_OK) return status;
    double max = (double)j->m->max_positions, dim = (double)j->out->dim, theta = j->p->theta;
    double rows = (double)j->m->row_limit > max ? (double)j->m->row_limit : max;
    if (dim > 2.0) theta *= pow(j->p->factor * rows / max - (j->p->factor - 1.0), dim / (dim - 2.0));
    fill_plain(j, theta);
    j->out->max_rows = (int64_t)rows;
    return LUD_OK;
}

static lud_status make_llama3(const rope_job *j, lud_error *err) {
    const rope_params *p = j->p;
    lud_status status = need_factor(j, err);
    if (status != LUD_OK) return status;
    if (!(p->low_freq > 0.0 && p->high_freq > p->low_freq)) {
        return lud_fail(err, LUD_E_INVALID, "rope type 'llama3': low_freq_factor %g, high_freq_factor %g", p->low_freq,
                        p->high_freq);
    }
    float low = (float)(p->original_max / p->low_freq), high = (float)(p->original_max / p->high_freq);
    fill_plain(j, p->theta);
    for (int32_t i = 0; i < j->out->dim / 2; i++) {
        float f = j->out->inv_freq[i], wave = (float)(2.0 * pi) / f, factor = (float)p->factor;
        float smooth = ((float)p->original_max / wave - (float)p->low_freq) / (float)(p->high_freq - p->low_freq);
        if (wave > low)
            f = f / factor;
        else if (wave >= high)
            f = (1.0f - smooth) * f / factor + smooth * f;
        j->out->inv_freq[i] = f;
    }
    return LUD_OK;
}

static double yarn_mscale(double scale, double mscale) {
    return scale <= 1.0 ? 1.0 : 0.1 * mscale * log(scale) + 1.0;
}

static double yarn_dim(const rope_job *j, double rotations) {
    return (double)j->out->dim * log(j->p->original_max / (rotations * 2.0 * pi)) / (2.0 * log(j->p->theta));
}

/* YaRN (arXiv 2309.00071). */
static lud_status make_yarn(const rope_job *j, lud_error *err) {
    (void)err;
    const rope_params *p = j->p;
    rope *r = j->out;
    double factor = p->factor > 0.0 ? p->factor : (double)j->m->max_positions / p->original_max;
    double low = yarn_dim(j, p->beta_fast != 0.0 ? p->beta_fast : 32.0);
    double high = yarn_dim(j, p->beta_slow != 0.0 ? p->beta_slow : 1.0);
    if (p->truncate) {
        low = floor(low);
        high = ceil(high);
    }
    low = fmax(low, 0.0);
    high = fmin(high, (double)r->dim - 1.0);
    if (low == high) high += 0.001;
    r->attention_factor = (float)(p->attention_factor != 0.0 ? p->attention_factor : yarn_mscale(factor, 1.0));
    if (p->attention_factor == 0.0 && p->mscale != 0.0 && p->mscale_all_dim != 0.0) {
        r->attention_factor = (float)(yarn_mscale(factor, p->mscale) / yarn_mscale(factor, p->mscale_all_dim));
    }
    for (int32_t i = 0; i < r->dim / 2; i++) {
        float pos = powf((float)p->theta, (float)(2 * i) / (float)r->dim);
        float ramp = ((float)i - (float)low) / (float)(high - low);
        float keep = 1.0f - fminf(fmaxf(ramp, 0.0f), 1.0f);
        r->inv_freq[i] = 1.0f / ((float)factor * pos) * (1.0f - keep) + 1.0f / pos * keep;
    }
    return LUD_OK;
}

/* LongRoPE (arXiv 2402.13753): one list of factors up to the length of pretraining, another beyond. */
static lud_status make_longrope(const rope_job *j, lud_error *err) {
    const lud_cfg_api *c = llama_host->cfg;
    const rope_params *p = j->p;
    rope *r = j->out;
    int beyond = (double)j->m->row_limit > p->original_max;
    const lud_cfg *list = beyond ? p->long_factor : p->short_factor;
    if (c->type(list) != LUD_CFG_LIST || c->len(list) != (size_t)(r->dim / 2)) {
        return lud_fail(err, LUD_E_INVALID, "rope type 'longrope': %s has %zu numbers, want %d",
                        beyond ? "long_factor" : "short_factor", c->len(list), r->dim / 2);
    }
    double factor = p->factor > 0.0 ? p->factor : (double)j->m->max_positions / p->original_max;
    double spread = factor <= 1.0 ? 1.0 : sqrt(1.0 + log(factor) / log(p->original_max));
    r->attention_factor = (float)(p->attention_factor != 0.0 ? p->attention_factor : spread);
    if (!beyond) r->max_rows = (int64_t)p->original_max;
    for (int32_t i = 0; i < r->dim / 2; i++) {
        double ext = 0.0;
        (void)c->get(c->at(list, (size_t)i), LUD_CFG_FLOAT, &ext);
        if (!(ext > 0.0)) return lud_fail(err, LUD_E_INVALID, "rope type 'longrope': factor %d is not above 0", i);
        r->inv_freq[i] = 1.0f / ((float)ext * powf((float)p->theta, (float)(2 * i) / (float)r->dim));
    }
    return LUD_OK;
}

static const struct {
    const char *type;
    lud_status (*make)(const rope_job *, lud_error *);
} types[] = {
    {"default", make_default}, {"linear", make_linear}, {"dynamic", make_dynamic},
    {"llama3", make_llama3},   {"yarn", make_yarn},     {"longrope", make_longrope},
};

lud_status llama_make_rope(const llama *m, const rope_params *p, rope *out, lud_error *err) {
    out->dim = (int32_t)((double)m->head_dim * p->partial);
    out->attention_factor = 1.0f;
    if (out->dim < 2 || out->dim % 2 != 0) {
        return lud_fail(err, LUD_E_INVALID, "rope: %d rotated components of a head of %lld: want an even number",
                        out->dim, (long long)m->head_dim);
    }
    out->inv_freq = llama_host->alloc(m->ctx, (size_t)(out->dim / 2) * sizeof(float), 64);
    if (!out->inv_freq) return lud_fail(err, LUD_E_NOMEM, "llama: out of memory");
    rope_job job = {m, p, out};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (lud_str_is(p->type, types[i].type)) return types[i].make(&job, err);
    }
    return lud_fail(err, LUD_E_UNSUPPORTED, "rope type '%.*s' is not known to encoder 'llama'", (int)p->type.len,
                    p->type.ptr);
}
