/* SPDX-License-Identifier: Apache-2.0
 * Scored decoding: how likely each of some answers is after a prompt. The answers' tokens form a trie, so what answers
 * have in common is computed once. Prompts and tries are one stream of tokens over a key/value cache with pages of one
 * token: a node of the trie is a segment of one token whose page table lists the prompt's pages, its ancestors' and its
 * own; branches share pages without copies, and so do prompts that begin alike. Attention stores all keys of a run
 * before it reads any, so the stream may be cut into runs anywhere. */
#include <math.h>
#include <string.h>

#include "internal.h"

enum {
    RUN_TOKENS = 512,    /* as in decode.c */
    RUN_LOGITS = 128,    /* rows of a vocabulary's size */
    GROUP_PROMPTS = 64,  /* cached at a time */
    GROUP_TOKENS = 2048, /* and their tokens, if one prompt does not need more */
};

typedef struct node {
    int32_t token, parent, child, sibling; /* -1: none */
    int32_t depth, page;                   /* tokens since the prompt; number among the nodes that have children */
} node;

/* Node 0 is the end of the prompt; parents come before their children. */
typedef struct trie {
    node *nodes;
    int32_t n, inner, depth;
    int32_t *end; /* [n_answers] */
} trie;

typedef struct scorer {
    ludc_run *run;
    trie trie;
    ludc_run_tokens t; /* the run being filled */
    int32_t *ids, *positions, *seg_offsets, *rows, *page_table;
    int64_t *owner; /* whose logits: prompt * nodes + node */
    double *cum;    /* [GROUP_PROMPTS, nodes] log-likelihood from the prompt to the node */
    float *logits;
    int32_t length[GROUP_PROMPTS], base[GROUP_PROMPTS]; /* tokens of the prompt, the page of its first own token */
    /* longest: tokens of a prompt; shared: of those, what all begin with, in the first pages; table: entries of a page
     * table */
    int64_t longest, shared, pages, table, vocab;
} scorer;

/* ---- Trie ---- */
static void trie_add(trie *t, const ludc_ids *ids, size_t answer) {
    int32_t at = 0;
    for (size_t i = 0; i < ids->len; i++) {
        int32_t next = t->nodes[at].child;
        while (next >= 0 && t->nodes[next].token != ids->ptr[i])
            next = t->nodes[next].sibling;
        if (next < 0) {
            next = t->n++;
            t->nodes[next] = (node){ids->ptr[i], at, -1, t->nodes[at].child, t->nodes[at].depth + 1, 0};
            t->nodes[at].child = next;
        }
        at = next;
    }
    t->end[answer] = at;
    t->depth = LUDC_MAX(t->depth, t->nodes[at].depth);
}

static lud_status trie_make(trie *t, const ludc_ids *answers, size_t n, lud_error *err) {
    size_t total = 1;
    for (size_t k = 0; k < n; k++)
        total += answers[k].len;
    t->nodes = total < INT32_MAX ? ludc_alloc(total * sizeof *t->nodes) : NULL;
    t->end = ludc_alloc(n * sizeof *t->end);
    if (!t->nodes || !t->end) return ludc_fail(err, LUD_E_NOMEM, "out of memory for %zu answers", n);
    t->nodes[t->n++] = (node){-1, -1, -1, -1, 0, 0};
    for (size_t k = 0; k < n; k++)
        trie_add(t, &answers[k], k);
    for (int32_t i = 1; i < t->n; i++)
        if (t->nodes[i].child >= 0) t->nodes[i].page = t->inner++;
    return LUD_OK;
}

/* ---- Runs ---- */
static void take(scorer *s, int64_t owner, const float *logits) {
    const node *nodes = s->trie.nodes;
    const int64_t at = owner % s->trie.n, first = owner - at;
    const double total = ludc_log_sum_exp(logits, s->vocab);
    for (int32_t c = nodes[at].child; c >= 0; c = nodes[c].sibling)
        s->cum[first + c] = s->cum[owner] + (double)logits[nodes[c].token] - total;
}

static lud_status flush(scorer *s, lud_error *err) {
    if (s->t.T == 0) return LUD_OK;
    LUDC_TRY(ludc_run_logits(s->run, &s->t, s->logits, err));
    for (int64_t k = 0; k < s->t.N; k++)
        take(s, s->owner[k], s->logits + k * s->vocab);
    s->t.T = s->t.S = s->t.N = 0;
    return ludc_cancel_requested() ? ludc_fail(err, LUD_E_CANCELLED, "interrupted") : LUD_OK;
}

/* A segment of prompt k with room for one token at least, and for its logits. */
static lud_status open_segment(scorer *s, size_t k, int32_t at, lud_error *err) {
    if (s->t.T == RUN_TOKENS || s->t.N == RUN_LOGITS) LUDC_TRY(flush(s, err));
    int32_t *pages = s->page_table + s->t.S++ * s->table, *after = pages + s->length[k] - 1;
    memset(pages, 0, (size_t)s->table * sizeof *pages);
    const int32_t shared = (int32_t)s->shared, own = s->length[k] - shared;
    for (int32_t i = 0; i < shared; i++)
        pages[i] = i;
    for (int32_t i = 0; i < own; i++)
        pages[shared + i] = s->base[k] + i;
    for (; at > 0; at = s->trie.nodes[at].parent)
        after[s->trie.nodes[at].depth] = s->base[k] + own + s->trie.nodes[at].page;
    return LUD_OK;
}

static void push(scorer *s, int32_t id, int64_t position) {
    s->ids[s->t.T] = id;
    s->positions[s->t.T++] = (int32_t)position;
    s->seg_offsets[s->t.S] = (int32_t)s->t.T;
}

/* The last token pushed tells what comes after node `at` of prompt k. */
static void want(scorer *s, size_t k, int32_t at) {
    s->rows[s->t.N] = (int32_t)s->t.T - 1;
    s->owner[s->t.N++] = (int64_t)k * s->trie.n + at;
}

static lud_status add_tokens(scorer *s, size_t k, const int32_t *ids, int64_t from, int64_t to, lud_error *err) {
    while (from < to) {
        LUDC_TRY(open_segment(s, k, 0, err));
        for (; from < to && s->t.T < RUN_TOKENS; from++)
            push(s, ids[from], from);
    }
    return LUD_OK;
}

static lud_status add_prompt(scorer *s, size_t k, const int32_t *ids, lud_error *err) {
    const int32_t len = s->length[k];
    LUDC_TRY(add_tokens(s, k, ids, s->shared, len, err));
    want(s, k, 0);
    for (int32_t at = 1; at < s->trie.n; at++) {
        const node *v = &s->trie.nodes[at];
        if (v->child < 0) continue;
        LUDC_TRY(open_segment(s, k, at, err));
        push(s, v->token, len + v->depth - 1);
        want(s, k, at);
    }
    return LUD_OK;
}

/* As many of the n prompts as the cache holds; *rows of them. */
static lud_status score_group(scorer *s, const ludc_prompt *prompts, size_t n, size_t *rows, lud_error *err) {
    int64_t used = s->shared;
    size_t k = 0;
    for (; k < LUDC_MIN(n, (size_t)GROUP_PROMPTS); k++) {
        const int64_t len = LUDC_MIN((int64_t)prompts[k].len, s->longest);
        if (used + len - s->shared + s->trie.inner > s->pages) break;
        s->length[k] = (int32_t)len;
        s->base[k] = (int32_t)used;
        used += len - s->shared + s->trie.inner;
        LUDC_TRY(add_prompt(s, k, prompts[k].ids + (prompts[k].len - len), err));
    }
    *rows = k;
    return flush(s, err);
}

/* ---- Life ---- */
static void scorer_free(scorer *s) {
    void *owned[] = {s->trie.nodes, s->trie.end,   s->ids,   s->positions, s->seg_offsets,
                     s->rows,       s->page_table, s->owner, s->cum,       s->logits};
    ludc_run_free(s->run);
    for (size_t i = 0; i < LUDC_COUNT(owned); i++)
        ludc_free(owned[i]);
}

static lud_status scorer_alloc(scorer *s, lud_error *err) {
    const size_t T = RUN_TOKENS, N = RUN_LOGITS;
    s->ids = ludc_alloc(T * sizeof *s->ids);
    s->positions = ludc_alloc(T * sizeof *s->positions);
    s->seg_offsets = ludc_alloc((T + 1) * sizeof *s->seg_offsets);
    s->rows = ludc_alloc(N * sizeof *s->rows);
    s->page_table = ludc_alloc(T * (size_t)s->table * sizeof *s->page_table);
    s->owner = ludc_alloc(N * sizeof *s->owner);
    s->cum = ludc_alloc(GROUP_PROMPTS * (size_t)s->trie.n * sizeof *s->cum);
    s->logits = ludc_alloc(N * (size_t)s->vocab * sizeof *s->logits);
    if (!s->ids || !s->positions || !s->seg_offsets || !s->rows || !s->page_table || !s->owner || !s->cum || !s->logits)
        return ludc_fail(err, LUD_E_NOMEM, "scored decoding: out of memory");
    s->t = (ludc_run_tokens){.ids = s->ids,
                             .positions = s->positions,
                             .seg_offsets = s->seg_offsets,
                             .rows = s->rows,
                             .page_table = s->page_table};
    return LUD_OK;
}

static lud_status scorer_open(scorer *s, ludc_model *model, const ludc_prompt *prompts, size_t n, lud_error *err) {
    const ludc_model_info *info = ludc_model_info_of(model);
    for (size_t i = 0; i < n; i++) {
        if (prompts[i].len < 1)
            return ludc_fail(err, LUD_E_INVALID, "scored decoding: an empty prompt (no token and no BOS)");
        s->longest = LUDC_MAX(s->longest, (int64_t)prompts[i].len);
    }
    for (int32_t at = 1; at < s->trie.n; at++)
        if (s->trie.nodes[at].token < 0 || s->trie.nodes[at].token >= info->vocab_size)
            return ludc_fail(err, LUD_E_INVALID, "scored decoding: an answer has the token %d, the model knows %lld",
                             s->trie.nodes[at].token, (long long)info->vocab_size);
    if (info->max_positions > 0) s->longest = LUDC_MIN(s->longest, info->max_positions - s->trie.depth);
    if (s->longest < 1)
        return ludc_fail(err, LUD_E_INVALID, "scored decoding: an answer has %d tokens, the model takes %lld in all",
                         s->trie.depth, (long long)info->max_positions);
    s->shared = ludc_shared_prefix(prompts, n, s->longest);
    s->vocab = info->vocab_size;
    s->table = s->longest + s->trie.depth;
    s->pages = LUDC_MAX(GROUP_TOKENS, s->longest + s->trie.inner);
    LUDC_TRY(scorer_alloc(s, err));
    const ludc_run_caps caps = {.T = RUN_TOKENS,
                                .S = RUN_TOKENS,
                                .N = RUN_LOGITS,
                                .page_size = 1,
                                .pages_per_segment = s->table,
                                .n_pages = s->pages};
    return ludc_run_new(model, LUDC_RUN_DECODE, &caps, &s->run, err);
}

lud_status ludc_score(ludc_model *model, const ludc_prompt *prompts, size_t n, const ludc_ids *answers,
                      size_t n_answers, void (*done)(void *arg, size_t rows), void *arg, double *log_probs,
                      lud_error *err) {
    scorer s = {0};
    lud_status status = trie_make(&s.trie, answers, n_answers, err);
    if (status == LUD_OK) status = scorer_open(&s, model, prompts, n, err);
    s.length[0] = (int32_t)s.shared; /* for now prompt 0 is what all begin with */
    if (status == LUD_OK && n) status = add_tokens(&s, 0, prompts[0].ids, 0, s.shared, err);
    for (size_t first = 0, rows = 0; first < n && status == LUD_OK; first += rows) {
        status = score_group(&s, prompts + first, n - first, &rows, err);
        for (size_t i = 0; i < rows * n_answers && status == LUD_OK; i++)
            log_probs[first * n_answers + i] =
                s.cum[i / n_answers * (size_t)s.trie.n + (size_t)s.trie.end[i % n_answers]];
        if (status == LUD_OK && done) done(arg, first + rows);
    }
    scorer_free(&s);
    return status;
}
