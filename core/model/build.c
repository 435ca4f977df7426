/* SPDX-License-Identifier: Apache-2.0
 * The one builder of every program: inputs, encoder, rows gathered for the head, head, and in training the cotangent
 * of the loss and the gradients. What a kind of run does not ask for is pruned by its roots. */
#include "prefix.h"

static lud_shape ints(int32_t rank, int64_t a, int64_t b) {
    return (lud_shape){.dtype = LUD_I32, .rank = rank, .dim = {a, b}};
}

static lud_shape reals(int64_t a) {
    return (lud_shape){.dtype = LUD_REAL, .rank = 1, .dim = {a}};
}

static lud_t input(ludc_built *b, const char *name, lud_shape shape) {
    return ludc_graph_input(b->g, name, &shape);
}

static void make_inputs(ludc_built *b, int kind, const ludc_run_caps *caps) {
    bool loss = kind == LUDC_RUN_TRAIN || kind == LUDC_RUN_LOSS;
    b->e_t = ludc_graph_extent(b->g, caps->T);
    b->e_s = ludc_graph_extent(b->g, caps->S);
    b->e_offsets = ludc_graph_extent(b->g, caps->S + 1);
    b->ids = input(b, "ids", ints(1, -b->e_t, 0));
    b->positions = input(b, "positions", ints(1, -b->e_t, 0));
    b->seg_offsets = input(b, "seg_offsets", ints(1, -b->e_offsets, 0));
    if (kind == LUDC_RUN_ENCODE) return;
    b->e_n = ludc_graph_extent(b->g, caps->N);
    b->rows = input(b, "rows", ints(1, -b->e_n, 0));
    if (kind == LUDC_RUN_TRAIN) {
        b->row_keys = input(b, "row_keys", ints(2, -b->e_t, 2));
        b->loss_scale = input(b, "loss_scale", reals(1));
    }
    if (kind == LUDC_RUN_DECODE) b->page_table = input(b, "page_table", ints(2, -b->e_s, caps->pages_per_segment));
    if (!loss) return;
    b->targets = input(b, "targets", ints(1, -b->e_n, 0));
    b->weights = input(b, "weights", reals(-b->e_n));
}

static lud_status encode(ludc_model *m, ludc_built *b, int kind, lud_encoder_out *out, lud_error *err) {
    const lud_seq seq = {.struct_size = sizeof seq,
                         .t_extent = b->e_t,
                         .s_extent = b->e_s,
                         .ids = b->ids,
                         .positions = b->positions,
                         .seg_offsets = b->seg_offsets,
                         .row_keys = b->row_keys};
    ludc_graph_set_seq(b->g, b->row_keys, b->positions, b->seg_offsets, b->page_table);
    out->struct_size = sizeof *out;
    LUDC_TRY(m->encoder->build(m->encoder_part.self, b->g, &seq, out, err));
    b->tokens = out->tokens;
    const lud_t prefix = ludc_prefix_mark(m, b->g);
    if (prefix && kind == LUDC_RUN_ENCODE) b->tokens = prefix;
    if (prefix && (kind == LUDC_RUN_TRAIN || kind == LUDC_RUN_LOSS))
        b->prefix = ludc_graph_give(b->g, prefix, "prefix");
    if (out->tokens) return LUD_OK;
    return ludc_fail(err, LUD_E_INVALID, "encoder '%s' gives no hidden states of tokens", m->info.encoder_name);
}

static lud_status decode(ludc_model *m, ludc_built *b, const lud_encoder_out *from, lud_error *err) {
    const lud_graph_api *api = ludc_graph_api();
    lud_decoder_in in = {.struct_size = sizeof in, .n_extent = b->e_n, .target = b->targets, .weight = b->weights};
    lud_decoder_out out = {.struct_size = sizeof out};
    in.hidden = lud_gather_rows(api, b->g, b->tokens, b->rows);
    if (from->has_vocab) {
        in.vocab = &from->vocab;
        in.xent = &from->xent;
    }
    if (b->row_keys) {
        lud_t keys = lud_gather_rows(api, b->g, b->row_keys, b->rows);
        ludc_graph_set_rows(b->g, b->e_n, keys, lud_gather_rows(api, b->g, b->positions, b->rows));
    }
    LUDC_TRY(m->decoder->build(m->decoder_part.self, b->g, &in, &out, err));
    b->pred = out.pred;
    b->row_loss = out.row_loss;
    b->row_weight = out.row_weight;
    b->argmax = out.argmax;
    if (b->targets ? out.row_loss != 0 : out.pred != 0) return LUD_OK;
    return ludc_fail(err, LUD_E_INVALID, "decoder '%s' gives no %s", m->info.decoder_name,
                     b->targets ? "loss" : "predictions");
}

/* loss = sum(row_weight * row_loss), so that the cotangent of row_loss is row_weight * loss_scale. */
static lud_status differentiate(ludc_built *b, lud_error *err) {
    const lud_graph_api *api = ludc_graph_api();
    lud_t dy = b->row_weight;
    if (!dy) return ludc_fail(err, LUD_E_INVALID, "the decoder gives a loss without row weights");
    dy = lud_mul(api, b->g, dy, b->loss_scale);
    LUDC_TRY(api->status(b->g, err));
    return ludc_graph_backward(b->g, b->row_loss, dy, err);
}

lud_status ludc_model_build(ludc_model *m, ludc_store *store, int kind, const ludc_run_caps *caps, bool backward,
                            ludc_built *out, lud_error *err) {
    ludc_graph_hooks hooks = ludc_model_hooks;
    hooks.arg = m;
    const ludc_graph_opts opts = {.store = store,
                                  .real = m->real,
                                  .training = kind == LUDC_RUN_TRAIN,
                                  /* Decoding reads weights: rounding gains little, but for long prompts. */
                                  .bf16 = m->devices->bf16 && (kind != LUDC_RUN_DECODE || m->devices->bf16_always),
                                  .cached = kind == LUDC_RUN_DECODE,
                                  .page_size = caps->page_size,
                                  .n_pages = caps->n_pages,
                                  .pages_per_segment = caps->pages_per_segment,
                                  .hooks = &hooks};
    lud_encoder_out encoded = {0};
    *out = (ludc_built){.g = ludc_graph_new(&opts, err)};
    if (!out->g) return LUD_E_NOMEM;
    make_inputs(out, kind, caps);
    LUDC_TRY(ludc_graph_api()->status(out->g, err));
    ludc_graph_scope_push(out->g, m->scope);
    LUDC_TRY(encode(m, out, kind, &encoded, err));
    if (kind == LUDC_RUN_ENCODE || m->is_tower) return ludc_graph_api()->status(out->g, err);
    LUDC_TRY(decode(m, out, &encoded, err));
    LUDC_TRY(ludc_graph_api()->status(out->g, err));
    return backward ? differentiate(out, err) : LUD_OK;
}
