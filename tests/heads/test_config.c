/* SPDX-License-Identifier: Apache-2.0
 * Sections of heads, combiners and encoders: a wrong value is refused with its path, the schema of every component is
 * sound JSON, and its defaults open the component. */
#include "net.h"

#include <config.h>

#define CONFIG(text) "{\"config\": " text ", \"metadata\": {\"type\": \"x\", \"width\": 3, \"vocab_size\": 9}}"

static const struct {
    int32_t kind;
    const char *feature, *name, *cfg, *says;
} wrong[] = {
    {LUD_KIND_COMBINER, NULL, "concat", CONFIG("{\"activation\": \"leakyRelu\"}"),
     "combiner.activation: got 'leakyRelu', want relu, tanh, sigmoid, gelu, silu, swish"},
    {LUD_KIND_COMBINER, NULL, "concat", CONFIG("{\"activation\": 3}"), "combiner.activation: want relu"},
    {LUD_KIND_COMBINER, NULL, "concat", CONFIG("{\"dropout\": 1}"), "combiner.dropout: got 1, want 0 <= dropout < 1"},
    {LUD_KIND_COMBINER, NULL, "concat", CONFIG("{\"norm\": \"batch\"}"), "combiner.norm: got 'batch', want layer"},
    {LUD_KIND_COMBINER, NULL, "concat", CONFIG("{\"num_fc_layers\": -1}"),
     "combiner.num_fc_layers: got -1, want 0 to 64"},
    {LUD_KIND_COMBINER, NULL, "concat", CONFIG("{\"num_fc_layers\": 1.5}"),
     "combiner.num_fc_layers: want a whole number"},
    {LUD_KIND_COMBINER, NULL, "concat", CONFIG("{\"output_size\": 0}"), "combiner.output_size: got 0"},
    {LUD_KIND_COMBINER, NULL, "concat", CONFIG("{\"residual\": 1}"), "combiner.residual: want true or false"},
    {LUD_KIND_COMBINER, NULL, "concat", CONFIG("{\"flatten_inputs\": true}"), "combiner.flatten_inputs: not available"},
    {LUD_KIND_COMBINER, NULL, "concat", CONFIG("{\"fc_layers\": 4}"), "combiner.fc_layers: want a list"},
    {LUD_KIND_COMBINER, NULL, "concat", CONFIG("{\"fc_layers\": [{}, {\"dropout\": -0.5}]}"),
     "combiner.fc_layers.1.dropout: got -0.5"},
    {LUD_KIND_COMBINER, NULL, "concat", CONFIG("{\"norm_params\": {\"eps\": \"a\"}}"), "combiner.norm_params.eps"},
    {LUD_KIND_DECODER, "category", "classifier", CONFIG("{\"weights_initializer\": \"orthogonal\"}"),
     "decoder.weights_initializer: got 'orthogonal', want zeros"},
    {LUD_KIND_DECODER, "category", "classifier", CONFIG("{\"bias_initializer\": \"xavier_uniform\"}"),
     "decoder.bias_initializer: the xavier and kaiming rules need a matrix"},
    {LUD_KIND_DECODER, "category", "classifier", CONFIG("{\"weights_initializer\": {\"val\": 1}}"),
     "decoder.weights_initializer: want zeros"},
    {LUD_KIND_DECODER, "set", "classifier", "{\"config\": {}}", "metadata.width: is missing"},
    {LUD_KIND_DECODER, "set", "classifier", "{\"config\": {}, \"metadata\": {\"width\": 0}}", "metadata.width: got 0"},
    {LUD_KIND_DECODER, "number", "regressor", CONFIG("{\"use_bias\": null, \"weights_initializer\": 7}"),
     "decoder.weights_initializer: want zeros"},
    {LUD_KIND_DECODER, "vector", "projector", CONFIG("{\"clip\": [2, 1]}"), "decoder.clip: want [low, high]"},
    {LUD_KIND_DECODER, "vector", "projector", CONFIG("{\"clip\": [1, \"a\"]}"), "decoder.clip: want [low, high]"},
    {LUD_KIND_COMBINER, NULL, "comparator", CONFIG("{\"entity_1\": [\"a\"]}"), "combiner.entity_2: want a list"},
    {LUD_KIND_COMBINER, NULL, "comparator", CONFIG("{\"entity_1\": [\"a\"], \"entity_2\": [\"b\"], \"fc_layers\": []}"),
     "combiner.num_fc_layers: want at least 1"},
    {LUD_KIND_COMBINER, NULL, "project_aggregate", CONFIG("{\"projection_size\": 0}"),
     "combiner.projection_size: got 0"},
    {LUD_KIND_COMBINER, NULL, "transformer", CONFIG("{\"num_heads\": 7}"),
     "combiner.num_heads: got 7, want a divisor of hidden_size 256"},
    {LUD_KIND_COMBINER, NULL, "transformer", CONFIG("{\"num_layers\": 0}"), "combiner.num_layers: got 0, want 1 to"},
    {LUD_KIND_COMBINER, NULL, "transformer", CONFIG("{\"fc_residual\": 1}"), "combiner.fc_residual: want true or"},
    {LUD_KIND_COMBINER, NULL, "transformer", CONFIG("{\"reduce_output\": \"first\"}"),
     "combiner.reduce_output: got 'first', want sum, mean"},
    {LUD_KIND_COMBINER, NULL, "sequence_concat", CONFIG("{\"reduce_output\": \"concat\"}"),
     "combiner.reduce_output: got 'concat', want sum, mean"},
    {LUD_KIND_COMBINER, NULL, "sequence_concat", CONFIG("{\"main_sequence_feature\": 3}"),
     "combiner.main_sequence_feature: want the name of"},
    {LUD_KIND_ENCODER, "number", "dense", CONFIG("{\"num_layers\": 65}"), "encoder.num_layers: got 65"},
    {LUD_KIND_ENCODER, "category", "dense", CONFIG("{\"embedding_size\": 0}"), "encoder.embedding_size: got 0"},
    {LUD_KIND_ENCODER, "category", "dense", CONFIG("{\"pretrained_embeddings\": \"glove.txt\"}"),
     "encoder.pretrained_embeddings: not available yet"},
    {LUD_KIND_ENCODER, "category", "sparse", CONFIG("{\"embeddings_trainable\": true}"),
     "encoder.embeddings_trainable: one-hot"},
    {LUD_KIND_ENCODER, "category", "onehot", "{\"metadata\": {\"width\": 20000}}", "20000 classes"},
    {LUD_KIND_ENCODER, "text", "parallel_cnn", CONFIG("{\"conv_layers\": []}"),
     "encoder.conv_layers: want a list of 1"},
    {LUD_KIND_ENCODER, "text", "parallel_cnn", CONFIG("{\"conv_layers\": [{\"pool_size\": 3}]}"),
     "encoder.conv_layers.0.pool_size: not available yet"},
    {LUD_KIND_ENCODER, "text", "parallel_cnn", CONFIG("{\"conv_layers\": [{}], \"num_conv_layers\": 2}"),
     "encoder.num_conv_layers: use it or conv_layers"},
    {LUD_KIND_ENCODER, "text", "parallel_cnn", CONFIG("{\"reduce_output\": \"concat\"}"),
     "encoder.reduce_output: got 'concat', want sum, mean"},
    {LUD_KIND_ENCODER, "text", "transformer", CONFIG("{\"num_heads\": 7}"),
     "encoder.num_heads: got 7, want a divisor of hidden_size 256"},
    {LUD_KIND_ENCODER, "text", "embed", CONFIG("{\"representation\": \"sparse\"}"),
     "encoder.representation: got 'sparse'"},
    {LUD_KIND_ENCODER, "set", "embed", CONFIG("{\"representation\": \"thin\"}"),
     "encoder.representation: got 'thin', want dense, sparse"},
};

static void test_wrong(void) {
    for (size_t i = 0; i < LUDC_COUNT(wrong); i++) {
        net n;
        net_open(&n, "reference", LUD_F32, false);
        const net_part *part = net_part_open(&n, wrong[i].kind, wrong[i].feature, wrong[i].name, wrong[i].cfg);
        CHECK(part == NULL);
        CHECK_INT(n.err.code, LUD_E_INVALID);
        CHECK(strstr(n.err.msg, wrong[i].says) != NULL);
        if (!strstr(n.err.msg, wrong[i].says)) fprintf(stderr, "got '%s', want '%s'\n", n.err.msg, wrong[i].says);
        net_close(&n);
    }
}

/* {"config": defaults of the schema, "metadata": ...}; heap text. */
static char *defaults_of(const lud_component *c) {
    ludc_value *schema = NULL;
    ludc_buf text = {0};
    lud_error err = LUDC_ERROR_INIT;
    CHECK_OK(ludc_json_parse(c->config_schema, strlen(c->config_schema), c->id, false, false, &schema, &err), err);
    const ludc_value *keys = ludc_value_get(schema, "properties");
    ludc_value *config = ludc_value_new(LUD_CFG_OBJECT);
    CHECK(keys && keys->type == LUD_CFG_OBJECT);
    for (size_t i = 0; keys && i < keys->len; i++) {
        const ludc_value *key = keys->items[i], *dflt = ludc_value_get(key, "default");
        CHECK(ludc_value_get(key, "type") && ludc_get_str(key, "description", LUDC_STR("")).len > 3 && dflt);
        CHECK(ludc_value_putn(config, keys->keys[i], ludc_value_copy(dflt)));
    }
    ludc_buf_adds(&text, "{\"metadata\": {\"width\": 3, \"vocab_size\": 9}, \"config\": ");
    CHECK_OK(ludc_value_to_json(config, -1, &text), err);
    ludc_buf_adds(&text, "}");
    ludc_value_free(config);
    ludc_value_free(schema);
    return text.ptr;
}

static bool of_predictive_model(const lud_component *c) {
    if (c->kind == LUD_KIND_ENCODER) return !c->model_types;
    return c->kind == LUD_KIND_COMBINER || (c->kind == LUD_KIND_DECODER && strcmp(c->config_name, "causal_lm") != 0);
}

static void test_defaults(void) {
    const ludc_component *all;
    size_t n_all = ludc_host_components(net_host(), &all), seen = 0;
    for (size_t i = 0; i < n_all; i++) {
        const lud_component *c = all[i].c;
        if (!of_predictive_model(c) || strcmp(c->config_name, "comparator") == 0) continue; /* has required keys */
        CHECK(c->config_schema != NULL && !all[i].shadowed);
        char *cfg = defaults_of(c);
        const char *const texts[] = {cfg, "{\"metadata\": {\"width\": 3, \"vocab_size\": 9}}"};
        for (int k = 0; k < 2; k++) {
            net n;
            net_open(&n, "reference", LUD_F32, false);
            net_part_open(&n, c->kind, c->feature_types ? c->feature_types[0] : NULL, c->config_name, texts[k]);
            CHECK_OK(n.err.code, n.err);
            net_close(&n);
        }
        ludc_free(cfg);
        seen++;
    }
    CHECK(seen >= 10);
}

/* The rules of torch.nn.init, as parameters are told of them. */
static void test_initial(void) {
    static const struct {
        const char *config;
        int32_t init;
        float a, b;
    } cases[] = {
        {"\"xavier_uniform\"", LUD_INIT_UNIFORM, -1, 1}, /* sqrt(6 / (2 + 4)) */
        {"\"xavier_normal\"", LUD_INIT_NORMAL, 0, 0.57735f},
        {"\"kaiming_uniform\"", LUD_INIT_UNIFORM, -1.732051f, 1.732051f},
        {"\"kaiming_normal\"", LUD_INIT_NORMAL, 0, 1},
        {"\"uniform\"", LUD_INIT_UNIFORM, 0, 1},
        {"\"normal\"", LUD_INIT_NORMAL, 0, 1},
        {"{\"type\": \"normal\", \"mean\": 2, \"std\": 0.5}", LUD_INIT_NORMAL, 2, 0.5f},
        {"{\"type\": \"constant\", \"val\": 0.25}", LUD_INIT_CONSTANT, 0.25f, 0},
        {"\"zeros\"", LUD_INIT_CONSTANT, 0, 0},
        {"\"ones\"", LUD_INIT_CONSTANT, 1, 0},
        {"null", LUD_INIT_UNIFORM, -1, 1},
    };
    for (size_t i = 0; i < LUDC_COUNT(cases); i++) {
        net n;
        char cfg[160];
        float x[2] = {0};
        snprintf(cfg, sizeof cfg, "{\"config\": {\"weights_initializer\": %s}, \"metadata\": {\"width\": 4}}",
                 cases[i].config);
        net_open(&n, "reference", LUD_F32, false);
        int32_t rows = net_extent(&n, 1);
        CHECK(net_decode(&n, "category", "classifier", cfg, net_reals(&n, "x", rows, 2, x), rows) != 0);
        const lud_param_spec *spec = &ludc_store_at(n.store, 0)->spec;
        CHECK_INT(spec->init, cases[i].init);
        const float got[] = {spec->a, spec->b}, want[] = {cases[i].a, cases[i].b};
        CHECK(net_close_to(got, want, spec->init == LUD_INIT_CONSTANT ? 1 : 2));
        net_close(&n);
    }
}

int main(void) {
    test_wrong();
    test_defaults();
    test_initial();
    return net_done() | check_done();
}
