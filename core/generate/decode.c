/* SPDX-License-Identifier: Apache-2.0
 * Batched decoding. The batch has `slots`, each with its own pages of the key/value cache; a slot whose row ends takes
 * the next prompt while the others go on. One run carries prompts being read and rows being continued side by side.
 * What all prompts of a call begin with is read once, into pages that every slot's table lists first. Drafts (lookup.c)
 * are run behind a row's last token; those that the choice confirms are in the cache already, the others are
 * overwritten. */
#include <string.h>

#include "internal.h"

#define PAGE_TOKENS 32 /* as many keys as kernels take from one page at once */
/* Prompt tokens read in one run: enough for the matrix kernels, little enough memory. Not a power of 2, lest a prompt
 * of such a length and a BOS need a run for one token. */
#define PREFILL_TOKENS 640

typedef struct slot {
    bool active;
    size_t prompt;         /* index into the prompts */
    ludc_ids seen;         /* prompt and new ids */
    size_t cached;         /* of those, how many are in the cache */
    size_t draft, n_draft; /* of the run: ids seen[draft ..] tried behind all that is seen */
    int64_t n_new;
} slot;

struct ludc_generator {
    ludc_model *model;
    ludc_run *run;
    int64_t batch, context, cap_T, cap_N, pages_per_slot, vocab;
    int64_t shared_pages; /* of the call in progress; they lie behind those of the slots */
    slot *slots;
    int32_t *ids, *positions, *seg_offsets, *rows, *page_table; /* of one run */
    size_t *row_slot;                                           /* whose logits */
    float *logits;
    ludc_sample_scratch scratch;
};

/* One call of ludc_decode. */
typedef struct call {
    ludc_generator *d;
    const ludc_prompt *prompts;
    size_t n, next;
    const ludc_generation *g;
    ludc_token_fn fn;
    void *arg;
    ludc_completion *out;
} call;

void ludc_generator_free(ludc_generator *d) {
    if (!d) return;
    ludc_run_free(d->run);
    for (int64_t i = 0; d->slots && i < d->batch; i++)
        ludc_ids_free(&d->slots[i].seen);
    void *owned[] = {d->slots,      d->ids,      d->positions, d->seg_offsets,    d->rows,
                     d->page_table, d->row_slot, d->logits,    d->scratch.logits, d->scratch.candidates};
    for (size_t i = 0; i < LUDC_COUNT(owned); i++)
        ludc_free(owned[i]);
    ludc_free(d);
}

static lud_status generator_alloc(ludc_generator *d, lud_error *err) {
    const size_t b = (size_t)d->batch, t = (size_t)d->cap_T, n = (size_t)d->cap_N, v = (size_t)d->vocab;
    d->slots = ludc_alloc(b * sizeof(*d->slots));
    d->ids = ludc_alloc(t * sizeof(*d->ids));
    d->positions = ludc_alloc(t * sizeof(*d->positions));
    d->seg_offsets = ludc_alloc((b + 1) * sizeof(*d->seg_offsets));
    d->rows = ludc_alloc(n * sizeof(*d->rows));
    d->page_table = ludc_alloc(b * (size_t)d->pages_per_slot * sizeof(*d->page_table));
    d->row_slot = ludc_alloc(n * sizeof(*d->row_slot));
    d->logits = ludc_alloc(n * v * sizeof(*d->logits));
    d->scratch.logits = ludc_alloc(v * sizeof(*d->scratch.logits));
    d->scratch.candidates = ludc_alloc(v * sizeof(*d->scratch.candidates));
    if (!d->slots || !d->ids || !d->positions || !d->seg_offsets || !d->rows || !d->page_table || !d->row_slot ||
        !d->logits || !d->scratch.logits || !d->scratch.candidates)
        return ludc_fail(err, LUD_E_NOMEM, "generation: out of memory for %lld rows", (long long)d->batch);
    return LUD_OK;
}

lud_status ludc_generator_new(ludc_model *model, int64_t batch, int64_t context, int64_t lookup, ludc_generator **out,
                              lud_error *err) {
    const ludc_model_info *info = ludc_model_info_of(model);
    ludc_generator *d = ludc_alloc(sizeof(*d));
    if (!d) return ludc_fail(err, LUD_E_NOMEM, "generation: out of memory");
    if (info->max_positions > 0) context = LUDC_MIN(context, info->max_positions);
    *d = (ludc_generator){.model = model, .batch = LUDC_MAX(1, batch), .context = context, .vocab = info->vocab_size};
    d->cap_N = d->batch * (1 + lookup);
    d->cap_T = LUDC_MAX(d->cap_N, LUDC_MIN(PREFILL_TOKENS, d->batch * context));
    d->pages_per_slot = (context + PAGE_TOKENS - 1) / PAGE_TOKENS;
    lud_status status = generator_alloc(d, err);
    if (status == LUD_OK) {
        const ludc_run_caps caps = {.T = d->cap_T,
                                    .S = d->batch,
                                    .N = d->cap_N,
                                    .page_size = PAGE_TOKENS,
                                    .pages_per_segment = d->pages_per_slot,
                                    .n_pages = (d->batch + 1) * d->pages_per_slot};
        status = ludc_run_new(model, LUDC_RUN_DECODE, &caps, &d->run, err);
    }
    if (status != LUD_OK) {
        ludc_generator_free(d);
        return status;
    }
    *out = d;
    return LUD_OK;
}

/* Takes the next prompt into a slot; a prompt too long for the context keeps its last tokens. */
static lud_status start(call *c, slot *s, lud_error *err) {
    const ludc_prompt *p = &c->prompts[c->next];
    const int64_t room = LUDC_MAX(1, c->d->context - c->g->max_new_tokens);
    const int64_t len = LUDC_MIN((int64_t)p->len, room);
    if (len < 1) return ludc_fail(err, LUD_E_INVALID, "generation: an empty prompt (no token and no BOS)");
    s->seen.len = 0;
    for (int64_t i = p->len - len; i < p->len; i++)
        if (!ludc_ids_push(&s->seen, p->ids[i])) return ludc_fail(err, LUD_E_NOMEM, "generation: out of memory");
    s->active = true;
    s->prompt = c->next++;
    s->cached = (size_t)(c->d->shared_pages * PAGE_TOKENS);
    s->n_new = 0;
    return LUD_OK;
}

bool ludc_ends_text(const ludc_model_info *info, int32_t id) {
    for (int32_t i = 0; i < info->n_eos; i++)
        if (info->eos_ids[i] == id) return true;
    return false;
}

static lud_status take(call *c, slot *s, const float *logits, lud_error *err) {
    ludc_generator *d = c->d;
    const ludc_model_info *info = ludc_model_info_of(d->model);
    ludc_completion *out = &c->out[s->prompt];
    double log_prob = 0.0;
    const int32_t id = ludc_sample(c->g, logits, d->vocab, &s->seen, s->n_new, info->eos_ids, info->n_eos,
                                   c->prompts[s->prompt].row, &d->scratch, &log_prob);
    out->log_prob += log_prob;
    out->stopped = ludc_ends_text(info, id);
    s->n_new++;
    if (!ludc_ids_push(&s->seen, id) || (!out->stopped && !ludc_ids_push(&out->ids, id)))
        return ludc_fail(err, LUD_E_NOMEM, "generation: out of memory");
    if (c->fn) LUDC_TRY(c->fn(c->arg, s->prompt, id));
    if (out->stopped || s->n_new >= c->g->max_new_tokens || (int64_t)s->seen.len >= d->context) s->active = false;
    return LUD_OK;
}

int64_t ludc_shared_prefix(const ludc_prompt *prompts, size_t n, int64_t room) {
    int64_t shared = n > 1 ? prompts[0].len - 1 : 0;
    for (size_t i = 0; i < n && shared > 0; i++) {
        if (prompts[i].len > room) return 0;
        shared = LUDC_MIN(shared, (int64_t)prompts[i].len - 1);
        for (int64_t k = 0; k < shared; k++)
            if (prompts[i].ids[k] != prompts[0].ids[k]) shared = k;
    }
    return LUDC_MAX(shared, 0);
}

static int32_t page_of(const ludc_generator *d, int64_t row, int64_t p) {
    return (int32_t)((p < d->shared_pages ? d->batch : row) * d->pages_per_slot + p);
}

/* Reads the whole pages that all prompts of the call begin with. */
static lud_status read_shared(call *c, lud_error *err) {
    ludc_generator *d = c->d;
    const int64_t room = LUDC_MAX(1, d->context - c->g->max_new_tokens);
    d->shared_pages = ludc_shared_prefix(c->prompts, c->n, room) / PAGE_TOKENS;
    for (int64_t p = 0; p < d->pages_per_slot; p++)
        d->page_table[p] = page_of(d, 0, p);
    for (int64_t at = 0, end = d->shared_pages * PAGE_TOKENS; at < end;) {
        const int64_t n = LUDC_MIN(d->cap_T, end - at);
        for (int64_t k = 0; k < n; k++)
            d->ids[k] = c->prompts[0].ids[at + k], d->positions[k] = (int32_t)(at + k);
        d->seg_offsets[0] = 0, d->seg_offsets[1] = (int32_t)n;
        const ludc_run_tokens r = {.ids = d->ids,
                                   .positions = d->positions,
                                   .seg_offsets = d->seg_offsets,
                                   .rows = d->rows,
                                   .page_table = d->page_table,
                                   .T = n,
                                   .S = 1};
        LUDC_TRY(ludc_run_logits(d->run, &r, d->logits, err));
        at += n;
    }
    return LUD_OK;
}

/* Ids seen[from .. from + n) at `position` and behind. */
static void add_tokens(ludc_generator *d, const slot *s, size_t from, size_t n, size_t position, ludc_run_tokens *r) {
    for (size_t k = 0; k < n; k++, r->T++) {
        d->ids[r->T] = s->seen.ptr[from + k];
        d->positions[r->T] = (int32_t)(position + k);
    }
}

/* Looks up what may follow, while tokens come one by one; a draft behind the last token that may come is no use. */
static void add_draft(const call *c, slot *s, size_t room, ludc_run_tokens *r) {
    const int64_t left = LUDC_MIN(c->g->max_new_tokens - s->n_new, c->d->context - (int64_t)s->seen.len) - 1;
    const int64_t most = LUDC_MIN(LUDC_MIN(c->g->lookup, left), c->d->cap_N / c->d->batch - 1);
    s->n_draft = most > 0 ? ludc_lookup(&s->seen, LUDC_MIN((size_t)most, room), &s->draft) : 0;
    add_tokens(c->d, s, s->draft, s->n_draft, s->seen.len, r);
}

/* Adds what slot `i` has not cached yet, as far as there is room for it beside one token of every later slot. */
static void add_segment(const call *c, int64_t i, ludc_run_tokens *r) {
    ludc_generator *d = c->d;
    slot *s = &d->slots[i];
    const size_t room = (size_t)(d->cap_T - r->T - (d->batch - 1 - i));
    const size_t n = LUDC_MIN(s->seen.len - s->cached, room);
    add_tokens(d, s, s->cached, n, s->cached, r);
    s->cached += n;
    if (s->cached == s->seen.len) {
        const int32_t last = (int32_t)r->T - 1;
        add_draft(c, s, room - n, r);
        for (size_t k = 0; k <= s->n_draft; k++, r->N++)
            d->rows[r->N] = last + (int32_t)k, d->row_slot[r->N] = (size_t)i;
    }
    for (int64_t p = 0; p < d->pages_per_slot; p++)
        d->page_table[r->S * d->pages_per_slot + p] = page_of(d, i, p);
    d->seg_offsets[++r->S] = (int32_t)r->T;
}

/* The next token, and one more for each id of the draft that was right. */
static lud_status take_all(call *c, slot *s, const float *logits, lud_error *err) {
    for (size_t k = 0;; k++, s->cached++) {
        LUDC_TRY(take(c, s, logits + (int64_t)k * c->d->vocab, err));
        if (!s->active || k == s->n_draft || s->seen.ptr[s->seen.len - 1] != s->seen.ptr[s->draft + k]) return LUD_OK;
    }
}

static lud_status one_run(call *c, lud_error *err) {
    ludc_generator *d = c->d;
    ludc_run_tokens r = {.ids = d->ids,
                         .positions = d->positions,
                         .seg_offsets = d->seg_offsets,
                         .rows = d->rows,
                         .page_table = d->page_table};
    d->seg_offsets[0] = 0;
    for (int64_t i = 0; i < d->batch; i++)
        if (d->slots[i].active) add_segment(c, i, &r);
    LUDC_TRY(ludc_run_logits(d->run, &r, d->logits, err));
    for (int64_t k = 0; k < r.N;) {
        slot *s = &d->slots[d->row_slot[k]];
        LUDC_TRY(take_all(c, s, d->logits + k * d->vocab, err));
        k += 1 + (int64_t)s->n_draft;
    }
    return LUD_OK;
}

lud_status ludc_decode(ludc_generator *d, const ludc_prompt *prompts, size_t n, const ludc_generation *g,
                       ludc_token_fn fn, void *arg, ludc_completion *out, lud_error *err) {
    call c = {.d = d, .prompts = prompts, .n = n, .g = g, .fn = fn, .arg = arg, .out = out};
    for (int64_t i = 0; i < d->batch; i++)
        d->slots[i].active = false;
    LUDC_TRY(read_shared(&c, err));
    for (;;) {
        bool any = false;
        for (int64_t i = 0; i < d->batch; i++) {
            if (!d->slots[i].active && c.next < n) LUDC_TRY(start(&c, &d->slots[i], err));
            any |= d->slots[i].active;
        }
        if (!any) return LUD_OK;
        LUDC_TRY(one_run(&c, err));
        if (ludc_cancel_requested()) return ludc_fail(err, LUD_E_CANCELLED, "interrupted");
    }
}
