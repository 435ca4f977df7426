/* SPDX-License-Identifier: Apache-2.0
 * The bert and gpt encoders by themselves: configs in old and new spelling give the same graph, configs they cannot do
 * are refused with a message, hostile ones end in an error; names under which files hold parameters; default targets.
 */
#include "check.h"

#include <config.h>
#include <graph.h>
#include <ludwig/encoder.h>
#include <model.h>

static ludc_host *host;
static ludc_devices devices;

#define SIZES "\"vocab_size\":50,\"hidden_size\":32,\"num_hidden_layers\":3,\"num_attention_heads\":4,"
static const struct {
    const char *type, *json;
} bases[] = {
    {"bert", "{\"model_type\":\"bert\"," SIZES "\"intermediate_size\":64}"},
    {"roberta", "{\"model_type\":\"roberta\"," SIZES "\"intermediate_size\":64,\"pad_token_id\":1}"},
    {"distilbert", "{\"model_type\":\"distilbert\",\"vocab_size\":50,\"dim\":32,\"n_layers\":3,\"n_heads\":4,"
                   "\"hidden_dim\":64}"},
    {"electra", "{\"model_type\":\"electra\"," SIZES "\"intermediate_size\":64,\"embedding_size\":16}"},
    {"albert", "{\"model_type\":\"albert\"," SIZES "\"intermediate_size\":64,\"embedding_size\":16,"
               "\"num_hidden_groups\":1,\"inner_group_num\":1}"},
    {"modernbert", "{\"model_type\":\"modernbert\"," SIZES "\"intermediate_size\":64,\"local_attention\":4,"
                   "\"global_attn_every_n_layers\":2}"},
    {"gpt2", "{\"model_type\":\"gpt2\",\"vocab_size\":50,\"n_embd\":32,\"n_layer\":3,\"n_head\":4,\"n_positions\":16,"
             "\"n_inner\":null}"},
    {"gpt_neox", "{\"model_type\":\"gpt_neox\"," SIZES "\"intermediate_size\":64}"},
    {"opt", "{\"model_type\":\"opt\"," SIZES "\"ffn_dim\":64,\"word_embed_proj_dim\":16}"},
    {"bloom", "{\"model_type\":\"bloom\",\"vocab_size\":50,\"hidden_size\":32,\"n_layer\":3,\"n_head\":4}"},
    {"phi", "{\"model_type\":\"phi\"," SIZES "\"intermediate_size\":64,\"num_key_value_heads\":2}"},
};

/* ---- An open encoder ---- */
typedef struct encoder {
    ludc_value *cfg; /* model, tensors */
    const lud_encoder_vt *vt;
    void *self;
} encoder;

static ludc_value *parse(const char *json) {
    lud_error err = LUDC_ERROR_INIT;
    ludc_value *v = NULL;
    CHECK_OK(ludc_json_parse(json, strlen(json), "<test>", false, false, &v, &err), err);
    return v;
}

/* The config of `type` with the members of `patch` put over it. */
static ludc_value *config_of(const char *type, const char *patch) {
    ludc_value *v = NULL, *more = parse(patch);
    for (size_t i = 0; !v && i < LUDC_COUNT(bases); i++) {
        if (strcmp(bases[i].type, type) == 0) v = parse(bases[i].json);
    }
    for (size_t i = 0; i < more->len; i++)
        CHECK(ludc_value_putn(v, more->keys[i], ludc_value_copy(more->items[i])));
    ludc_value_free(more);
    return v;
}

/* Takes `model`. */
static lud_status open_encoder(ludc_value *model, const char *tensors, encoder *e, lud_error *err) {
    const lud_component *c = NULL;
    *e = (encoder){.cfg = ludc_value_new(LUD_CFG_OBJECT)};
    lud_str type = ludc_get_str(model, "model_type", LUDC_STR("bert"));
    lud_status status = ludc_host_find_model_type(host, LUD_KIND_ENCODER, type, &c, err);
    CHECK(ludc_value_put(e->cfg, "model", model));
    if (tensors) CHECK(ludc_value_put(e->cfg, "tensors", parse(tensors)));
    if (status != LUD_OK) return status;
    e->vt = c->vtable;
    return e->vt->inst->open(ludc_host_table(host)->ctx, e->cfg, &e->self, err);
}

static void close_encoder(encoder *e) {
    if (e->self) e->vt->inst->close(e->self);
    ludc_value_free(e->cfg);
}

/* Builds; 0 if that fails. Equal graphs have equal numbers. */
static uint64_t graph_with(const encoder *e, bool training, const ludc_graph_hooks *hooks, lud_error *err) {
    ludc_store *store = ludc_store_new(&devices, LUD_F32);
    const ludc_graph_opts opts = {.store = store, .real = LUD_F32, .training = training, .hooks = hooks};
    lud_graph *g = ludc_graph_new(&opts, err);
    int32_t t = ludc_graph_extent(g, 8), s = ludc_graph_extent(g, 2), offsets = ludc_graph_extent(g, 3);
    lud_shape tokens = {.dtype = LUD_I32, .rank = 1, .dim = {-t}},
              cuts = {.dtype = LUD_I32, .rank = 1, .dim = {-offsets}};
    const lud_seq seq = {.struct_size = sizeof seq,
                         .t_extent = t,
                         .s_extent = s,
                         .ids = ludc_graph_input(g, "ids", &tokens),
                         .positions = ludc_graph_input(g, "positions", &tokens),
                         .seg_offsets = ludc_graph_input(g, "seg_offsets", &cuts)};
    lud_encoder_out out = {.struct_size = sizeof out};
    const lud_shape keys = {.dtype = LUD_I32, .rank = 2, .dim = {-t, 2}};
    ludc_graph_set_seq(g, ludc_graph_input(g, "row_keys", &keys), seq.positions, seq.seg_offsets, 0);
    uint64_t hash = e->vt->build(e->self, g, &seq, &out, err) == LUD_OK ? ludc_graph_hash(g) : 0;
    ludc_graph_free(g);
    ludc_store_free(store);
    return hash;
}

static uint64_t graph_of(const encoder *e, lud_error *err) {
    return graph_with(e, false, NULL, err);
}

/* ---- Configs ---- */
static uint64_t graph_of_config(const char *type, const char *patch) {
    lud_error err = LUDC_ERROR_INIT;
    encoder e;
    CHECK_OK(open_encoder(config_of(type, patch), NULL, &e, &err), err);
    uint64_t hash = e.self ? graph_of(&e, &err) : 0;
    if (e.self && !hash) fprintf(stderr, "%s %s: %s\n", type, patch, err.msg);
    CHECK(hash != 0);
    close_encoder(&e);
    return hash;
}

/* transformers 4 and 5 write the same model differently. */
static void spellings(void) {
    static const struct {
        const char *type, *old, *now;
        bool same;
    } cases[] = {
        {"gpt_neox", "{\"rotary_emb_base\":500,\"rotary_pct\":0.5}",
         "{\"rope_parameters\":{\"rope_type\":\"default\",\"rope_theta\":500,\"partial_rotary_factor\":0.5}}", true},
        {"phi", "{\"rope_theta\":500.0,\"partial_rotary_factor\":0.25,\"rope_scaling\":null}",
         "{\"rope_parameters\":{\"rope_theta\":500,\"partial_rotary_factor\":0.25}}", true},
        {"phi", "{}", "{\"rope_parameters\":{\"rope_theta\":10000,\"partial_rotary_factor\":0.5}}", true},
        {"modernbert", "{\"global_rope_theta\":900.0,\"local_rope_theta\":70.0}",
         "{\"layer_types\":[\"full_attention\",\"sliding_attention\",\"full_attention\"],\"rope_parameters\":"
         "{\"full_attention\":{\"rope_theta\":900},\"sliding_attention\":{\"rope_theta\":70}}}",
         true},
        {"modernbert", "{\"global_rope_theta\":900.0,\"local_rope_theta\":null}",
         "{\"rope_parameters\":{\"full_attention\":{\"rope_theta\":900},\"sliding_attention\":{\"rope_theta\":900}}}",
         true},
        {"modernbert", "{}", "{\"local_attention\":6}", false},
        {"bloom", "{\"n_head\":null,\"num_attention_heads\":4}", "{}", true},
        {"bloom", "{\"apply_residual_connection_post_layernorm\":true}", "{}", false},
        {"gpt2", "{\"hidden_size\":64}", "{}", true}, /* its own key comes first */
        {"bert", "{\"position_embedding_type\":\"absolute\",\"type_vocab_size\":2}", "{}", true},
        {"bert", "{\"layer_norm_eps\":1e-5}", "{}", false},
    };
    for (size_t i = 0; i < LUDC_COUNT(cases); i++) {
        bool same = graph_of_config(cases[i].type, cases[i].old) == graph_of_config(cases[i].type, cases[i].now);
        if (same != cases[i].same) fprintf(stderr, "%s: %s and %s\n", cases[i].type, cases[i].old, cases[i].now);
        CHECK(same == cases[i].same);
    }
}

static void refusals(void) {
    static const struct {
        const char *type, *patch, *words;
        lud_status status;
    } cases[] = {
        {"bert", "{\"position_embedding_type\":\"relative_key\"}", "relative_key", LUD_E_UNSUPPORTED},
        {"bert", "{\"is_decoder\":true}", "is_decoder", LUD_E_UNSUPPORTED},
        {"bert", "{\"hidden_act\":\"mish\"}", "mish", LUD_E_UNSUPPORTED},
        {"bert", "{\"hidden_size\":33}", "33", LUD_E_INVALID},
        {"bert", "{\"num_hidden_layers\":0}", "layers", LUD_E_INVALID},
        {"bert", "{\"layer_norm_eps\":0}", "epsilon", LUD_E_INVALID},
        {"bert", "{\"hidden_dropout_prob\":1}", "hidden_dropout_prob", LUD_E_INVALID},
        {"distilbert", "{\"dropout\":-0.1}", "dropout", LUD_E_INVALID},
        {"roberta", "{\"pad_token_id\":9223372036854775807}", "context length", LUD_E_INVALID},
        {"roberta", "{\"pad_token_id\":-7}", "pad_token_id", LUD_E_INVALID},
        {"albert", "{\"num_hidden_groups\":4}", "groups", LUD_E_INVALID},
        {"modernbert", "{\"layer_types\":[\"full_attention\"]}", "layer_types[1]", LUD_E_UNSUPPORTED},
        {"modernbert", "{\"rope_parameters\":{\"full_attention\":{\"rope_type\":\"yarn\"}}}", "rotary",
         LUD_E_UNSUPPORTED},
        {"gpt2", "{\"add_cross_attention\":true}", "add_cross_attention", LUD_E_UNSUPPORTED},
        {"gpt2", "{\"activation_function\":\"gelu_10\"}", "gelu_10", LUD_E_UNSUPPORTED},
        {"gpt_neox", "{\"rotary_pct\":0.001}", "rotary", LUD_E_INVALID},
        {"gpt_neox", "{\"rope_scaling\":{\"type\":\"linear\",\"factor\":2.0}}", "rotary", LUD_E_UNSUPPORTED},
        {"phi", "{\"num_key_value_heads\":3}", "key/value", LUD_E_INVALID},
    };
    for (size_t i = 0; i < LUDC_COUNT(cases); i++) {
        lud_error err = LUDC_ERROR_INIT;
        encoder e;
        CHECK_INT(open_encoder(config_of(cases[i].type, cases[i].patch), NULL, &e, &err), cases[i].status);
        if (!strstr(err.msg, cases[i].words)) fprintf(stderr, "%s: %s\n", cases[i].patch, err.msg);
        CHECK(strstr(err.msg, cases[i].words) != NULL);
        close_encoder(&e);
    }
}

typedef struct dropouts {
    const char *trains; /* part of a parameter's name; NULL: none */
    int n, trained;
} dropouts;

static bool trains_some(void *arg, const char *param) {
    const dropouts *d = arg;
    return d->trains && strstr(param, d->trains) != NULL;
}

static bool all_drop(void *arg, bool trained) {
    dropouts *d = arg;
    d->n++;
    d->trained += trained;
    return true;
}

static bool trained_drop(void *arg, bool trained) {
    (void)all_drop(arg, trained);
    return trained;
}

/* Of the embeddings, and of each of three layers what transformers' modeling_<type>.py drops, but attention's weights;
 * a graph that does not want it is the one that is not for training. */
static void dropout(void) {
    static const struct {
        const char *type, *patch;
        int want;
    } cases[] = {
        {"bert", "{}", 1 + 3 * 2},
        {"bert", "{\"hidden_dropout_prob\":0,\"attention_probs_dropout_prob\":0.1}", 0},
        {"bert", "{\"hidden_dropout_prob\":null}", 1 + 3 * 2},
        {"roberta", "{}", 1 + 3 * 2},
        {"electra", "{\"hidden_dropout_prob\":0.5}", 1 + 3 * 2},
        {"albert", "{}", 0},
        {"albert", "{\"hidden_dropout_prob\":0.1}", 1 + 3},
        {"distilbert", "{}", 1 + 3},
        {"distilbert", "{\"dropout\":0.0}", 0},
        {"modernbert", "{}", 0},
        {"modernbert", "{\"embedding_dropout\":0.1}", 1},
        {"modernbert", "{\"attention_dropout\":0.1,\"mlp_dropout\":0.1}", 3 * 2},
    };
    for (size_t i = 0; i < LUDC_COUNT(cases); i++) {
        lud_error err = LUDC_ERROR_INIT;
        encoder e;
        dropouts all = {0}, none = {0};
        const ludc_graph_hooks drop_all = {.arg = &all, .trains = trains_some, .drops = all_drop},
                               drop_none = {.arg = &none, .trains = trains_some, .drops = trained_drop};
        CHECK_OK(open_encoder(config_of(cases[i].type, cases[i].patch), NULL, &e, &err), err);
        const uint64_t still = graph_of(&e, &err), with = graph_with(&e, true, &drop_all, &err);
        CHECK_INT(graph_with(&e, true, &drop_none, &err), still);
        CHECK_OK(err.code, err);
        CHECK_INT(all.n, cases[i].want);
        CHECK_INT(none.n, cases[i].want);
        CHECK((with != still) == (all.n > 0));
        close_encoder(&e);
    }
}

/* What is frozen below the lowest trained parameter is not reached by one. */
static void dropout_above(void) {
    static const struct {
        const char *type, *trains;
        int want;
    } cases[] = {
        {"bert", "", 7},
        {"bert", "layer.1.", 4},
        {"bert", "layer.1.output.dense", 3},
        {"bert", "layer.2.output.LayerNorm", 0},
        {"bert", "position", 7},
        {"distilbert", "layer.2", 1},
        {"electra", "embeddings_project", 6},
    };
    for (size_t i = 0; i < LUDC_COUNT(cases); i++) {
        lud_error err = LUDC_ERROR_INIT;
        encoder e;
        dropouts d = {.trains = cases[i].trains};
        const ludc_graph_hooks hooks = {.arg = &d, .trains = trains_some, .drops = trained_drop};
        CHECK_OK(open_encoder(config_of(cases[i].type, "{}"), NULL, &e, &err), err);
        CHECK(graph_with(&e, true, &hooks, &err) != 0);
        CHECK_INT(d.trained, cases[i].want);
        close_encoder(&e);
    }
}

/* Any value under any key: an error with words, or a model that builds. */
static void hostile(void) {
    static const char *const values[] = {
        "-1", "0",    "1",    "7",     "1e300", "9223372036854775807", "-9223372036854775808", "null", "[]",
        "{}", "\"\"", "true", "[[1]]", "\"x\""};
    for (size_t i = 0; i < LUDC_COUNT(bases); i++) {
        ludc_value *base = parse(bases[i].json);
        for (size_t k = 1; k < base->len; k++) {
            for (size_t v = 0; v < LUDC_COUNT(values); v++) {
                char patch[128];
                lud_error err = LUDC_ERROR_INIT;
                encoder e;
                (void)snprintf(patch, sizeof patch, "{\"%.*s\":%s}", (int)base->keys[k].len, base->keys[k].ptr,
                               values[v]);
                lud_status status = open_encoder(config_of(bases[i].type, patch), NULL, &e, &err);
                if (status == LUD_OK && graph_of(&e, &err) == 0) status = LUD_E_INTERNAL;
                CHECK(status == LUD_OK || err.msg[0]);
                if (status == LUD_E_INTERNAL) fprintf(stderr, "%s %s: %s\n", bases[i].type, patch, err.msg);
                CHECK(status != LUD_E_INTERNAL);
                close_encoder(&e);
            }
        }
        ludc_value_free(base);
    }
}

/* A GGUF of the same name is refused in words. */
static void gguf(void) {
    static const char *const types[] = {"bert", "gpt2"};
    for (size_t i = 0; i < LUDC_COUNT(types); i++) {
        lud_error err = LUDC_ERROR_INIT;
        const lud_component *c = NULL;
        void *self = NULL;
        ludc_value *cfg = parse("{\"gguf\":{\"general.architecture\":\"bert\"}}");
        CHECK_OK(ludc_host_find_model_type(host, LUD_KIND_ENCODER, ludc_str(types[i]), &c, &err), err);
        const lud_encoder_vt *vt = c->vtable;
        CHECK_INT(vt->inst->open(ludc_host_table(host)->ctx, cfg, &self, &err), LUD_E_UNSUPPORTED);
        CHECK(strstr(err.msg, "GGUF") != NULL);
        ludc_value_free(cfg);
    }
}

/* ---- Names ---- */
typedef struct found {
    char name[256];
    int32_t op;
    int n;
} found;

static lud_status take(void *arg, const lud_source *s) {
    found *f = arg;
    (void)snprintf(f->name, sizeof f->name, "%s", s->file_name ? s->file_name : "");
    f->op = s->op;
    f->n++;
    return LUD_OK;
}

static void file_names(void) {
    static const struct {
        const char *type, *tensors, *param, *want;
        int32_t op;
    } cases[] = {
        {"bert", "[\"pooler.dense.bias\",\"a\"]", "pooler.dense.bias", "pooler.dense.bias", LUD_SOURCE_COPY},
        {"bert", "[\"bert.pooler.dense.bias\"]", "pooler.dense.bias", "bert.pooler.dense.bias", LUD_SOURCE_COPY},
        {"bert", "[\"bert.embeddings.LayerNorm.gamma\"]", "embeddings.LayerNorm.weight",
         "bert.embeddings.LayerNorm.gamma", LUD_SOURCE_COPY},
        {"bert", "[\"embeddings.LayerNorm.beta\"]", "embeddings.LayerNorm.bias", "embeddings.LayerNorm.beta",
         LUD_SOURCE_COPY},
        {"bert", "[]", "embeddings.LayerNorm.bias", "embeddings.LayerNorm.bias", LUD_SOURCE_COPY},
        {"bert", "{}", "x", "x", LUD_SOURCE_COPY},
        {"roberta", "[1,null,\"roberta.x\"]", "x", "roberta.x", LUD_SOURCE_COPY},
        {"distilbert", "[\"distilbert.x\"]", "x", "distilbert.x", LUD_SOURCE_COPY},
        {"electra", "[\"electra.x\"]", "x", "electra.x", LUD_SOURCE_COPY},
        {"albert", "[\"albert.pooler.weight\"]", "pooler.weight", "albert.pooler.weight", LUD_SOURCE_COPY},
        {"modernbert", "[\"model.layers.0.attn.Wo.weight\"]", "layers.0.attn.Wo.weight",
         "model.layers.0.attn.Wo.weight", LUD_SOURCE_COPY},
        {"gpt2", "[\"h.0.attn.c_attn.weight\"]", "transformer.h.0.attn.c_attn.weight", "h.0.attn.c_attn.weight",
         LUD_SOURCE_TRANSPOSE},
        {"gpt2", "[\"transformer.h.0.mlp.c_proj.weight\"]", "transformer.h.0.mlp.c_proj.weight",
         "transformer.h.0.mlp.c_proj.weight", LUD_SOURCE_TRANSPOSE},
        {"gpt2", "[\"h.0.attn.c_attn.bias\"]", "transformer.h.0.attn.c_attn.bias", "h.0.attn.c_attn.bias",
         LUD_SOURCE_COPY},
        {"gpt2", "[\"wte.weight\"]", "lm_head.weight", "wte.weight", LUD_SOURCE_COPY},
        {"gpt_neox", "[\"embed_out.weight\"]", "lm_head.weight", "embed_out.weight", LUD_SOURCE_COPY},
        {"gpt_neox", "[\"lm_head.weight\"]", "lm_head.weight", "lm_head.weight", LUD_SOURCE_COPY},
        {"bloom", "[\"word_embeddings.weight\"]", "lm_head.weight", "word_embeddings.weight", LUD_SOURCE_COPY},
        {"opt", "[\"decoder.layers.0.fc1.weight\"]", "model.decoder.layers.0.fc1.weight", "decoder.layers.0.fc1.weight",
         LUD_SOURCE_COPY},
    };
    for (size_t i = 0; i < LUDC_COUNT(cases); i++) {
        lud_error err = LUDC_ERROR_INIT;
        encoder e;
        found f = {0};
        CHECK_OK(open_encoder(config_of(cases[i].type, "{}"), cases[i].tensors, &e, &err), err);
        CHECK_OK(e.vt->sources(e.self, "hf", cases[i].param, take, &f, &err), err);
        CHECK_INT(f.n, 1);
        CHECK_TEXT(f.name, cases[i].want);
        CHECK_INT(f.op, cases[i].op);
        CHECK_INT(e.vt->sources(e.self, "gguf", cases[i].param, take, &f, &err), LUD_E_UNSUPPORTED);
        close_encoder(&e);
    }
}

static lud_status take_word(void *arg, const char *word) {
    char *text = arg;
    size_t n = strlen(text);
    (void)snprintf(text + n, 256 - n, "%s%s", n ? " " : "", word);
    return LUD_OK;
}

/* peft/utils/constants.py; NULL: it has none. */
static void default_targets(void) {
    static const struct {
        const char *type, *peft, *want;
    } cases[] = {
        {"bert", "LORA", "query value"},
        {"bert", "IA3", "key value output.dense"},
        {"roberta", "ADALORA", "query key value dense"},
        {"electra", "LORA", "query value"},
        {"electra", "IA3", NULL},
        {"distilbert", "LORA", NULL},
        {"modernbert", "LORA", NULL},
        {"gpt2", "LORA", "c_attn"},
        {"gpt2", "IA3", "c_attn mlp.c_proj"},
        {"gpt_neox", "LORA", "query_key_value"},
        {"bloom", "IA3", "query_key_value mlp.dense_4h_to_h"},
        {"opt", "ADALORA", "q_proj k_proj v_proj out_proj fc1 fc2"},
        {"phi", "LORA", "q_proj v_proj fc1 fc2"},
    };
    for (size_t i = 0; i < LUDC_COUNT(cases); i++) {
        lud_error err = LUDC_ERROR_INIT;
        encoder e;
        char got[256] = "";
        CHECK_OK(open_encoder(config_of(cases[i].type, "{}"), NULL, &e, &err), err);
        lud_status status = e.vt->adapter_targets(e.self, cases[i].peft, take_word, got, &err);
        CHECK_INT(status, cases[i].want ? LUD_OK : LUD_E_NOT_FOUND);
        CHECK_TEXT(got, cases[i].want ? cases[i].want : "");
        if (!cases[i].want) CHECK(strstr(err.msg, "target_modules") != NULL);
        close_encoder(&e);
    }
}

static void facts(void) {
    static const struct {
        const char *type, *patch;
        int64_t width, max_positions;
        bool causal;
    } cases[] = {
        {"bert", "{}", 32, 512, false},        {"roberta", "{\"max_position_embeddings\":514}", 32, 512, false},
        {"modernbert", "{}", 32, 8192, false}, {"gpt2", "{}", 32, 16, true},
        {"opt", "{}", 16, 2048, true},         {"bloom", "{\"seq_length\":4096}", 32, 4096, true},
    };
    for (size_t i = 0; i < LUDC_COUNT(cases); i++) {
        lud_error err = LUDC_ERROR_INIT;
        encoder e;
        ludc_value *told = ludc_value_new(LUD_CFG_OBJECT), *config = ludc_value_new(LUD_CFG_OBJECT);
        CHECK_OK(open_encoder(config_of(cases[i].type, cases[i].patch), NULL, &e, &err), err);
        CHECK_OK(e.vt->info(e.self, (lud_cfg_out *)told, &err), err);
        CHECK_INT(ludc_get_int(told, "width", 0), cases[i].width);
        CHECK_INT(ludc_get_int(told, "layers", 0), 3);
        CHECK_INT(ludc_get_int(told, "vocab_size", 0), 50);
        CHECK_INT(ludc_get_int(told, "max_positions", 0), cases[i].max_positions);
        CHECK_INT(ludc_get_bool(told, "causal", !cases[i].causal), cases[i].causal);
        CHECK_OK(e.vt->hf_config(e.self, (lud_cfg_out *)config, &err), err);
        CHECK(ludc_value_equal(config, ludc_value_get(e.cfg, "model")));
        close_encoder(&e);
        ludc_value_free(told);
        ludc_value_free(config);
    }
}

int main(void) {
    const char *binary = getenv("LUDWIG_TEST_BINARY_DIR");
    char *plugins = ludc_path_join(binary ? binary : ".", "lib/ludwig/plugins-1");
    const char *paths[] = {plugins};
    const ludc_host_opts opts = {.plugin_paths = paths, .n_plugin_paths = 1};
    lud_error err = LUDC_ERROR_INIT;
    CHECK_OK(ludc_model_host_new(&opts, &host, &err), err);
    if (host) CHECK_OK(ludc_devices_open(host, LUDC_STR("reference"), &devices, &err), err);
    if (check_failures == 0) {
        spellings();
        refusals();
        dropout();
        dropout_above();
        hostile();
        gguf();
        file_names();
        default_targets();
        facts();
    }
    ludc_devices_close(&devices);
    ludc_host_free(host);
    ludc_free(plugins);
    return check_done();
}
