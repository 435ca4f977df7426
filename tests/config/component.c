/* SPDX-License-Identifier: Apache-2.0
 * Sections of components: core's keys and those of a config_schema checked and filled as one; schemas that are broken.
 */
#include <check.h>
#include <config.h>

static const char schema_text[] =
    "{\"type\": \"object\", \"properties\": {"
    "\"width\": {\"type\": \"integer\", \"default\": 8, \"minimum\": 1, \"maximum\": 64, \"description\": \"w\"},"
    "\"rate\": {\"type\": [\"number\", \"null\"], \"default\": null, \"exclusiveMinimum\": 0.5},"
    "\"kind\": {\"enum\": [\"round\", \"square\", null], \"default\": \"round\"},"
    "\"name\": {\"type\": \"string\"},"
    "\"share\": {\"type\": \"number\", \"default\": 0, \"minimum\": 0, \"exclusiveMaximum\": 1},"
    "\"deep\": {\"type\": \"boolean\", \"default\": true},"
    "\"words\": {\"type\": \"array\", \"items\": {\"type\": \"string\", \"enum\": [\"a\", \"b\"]}},"
    "\"sizes\": {\"type\": \"array\", \"items\": {\"type\": \"integer\", \"minimum\": 1}, \"default\": [3, 5]},"
    "\"blocks\": {\"type\": \"array\", \"items\": {\"type\": \"object\", \"properties\": "
    "{\"size\": {\"type\": \"integer\", \"default\": 3}}}},"
    "\"inner\": {\"type\": \"object\", \"default\": {}, \"properties\": {\"x\": {\"type\": \"number\", \"default\": "
    "1.5}}},"
    "\"free\": {\"type\": \"object\"},"
    "\"any\": {},"
    "\"reduce_output\": {\"default\": \"mean\", \"default_by_type\": {\"other\": \"max\"}}}}";

static lud_component component(int32_t kind, const char *schema) {
    return (lud_component){.struct_size = sizeof(lud_component),
                           .kind = kind,
                           .id = "org.example.mine",
                           .config_name = "mine",
                           .config_schema = schema};
}

/* The section of the only input's encoder, from a whole config: values with positions. */
static lud_status section_of(const char *encoder, const lud_component *c, ludc_value **full, lud_error *err) {
    ludc_config config = {0};
    ludc_buf text = {0};
    *full = NULL;
    *err = LUDC_ERROR_INIT;
    ludc_buf_addf(&text,
                  "input_features:\n- {name: x, type: text, encoder: %s}\noutput_features: [{name: y, type: set}]\n",
                  encoder);
    lud_status status = ludc_config_parse(text.ptr, text.len, "c.yaml", NULL, 0, &config, err);
    CHECK_OK(status, *err);
    const ludc_value *section = ludc_value_find(config.full, "input_features.0.encoder");
    if (status == LUD_OK) {
        status = ludc_component_section("c.yaml", section, "input_features.0.encoder", c,
                                        ludc_component_keys(LUD_KIND_ENCODER, LUDC_STR("text")), full, err);
    }
    ludc_buf_free(&text);
    ludc_config_free(&config);
    return status;
}

static void check_at(const char *encoder, const char *schema, const char *path, const char *want) {
    lud_component c = component(LUD_KIND_ENCODER, schema);
    lud_error err;
    ludc_value *full;
    ludc_buf json = {0};
    CHECK_OK(section_of(encoder, &c, &full, &err), err);
    const ludc_value *v = ludc_value_find(full, path);
    if (v) ludc_value_to_json(v, -1, &json);
    CHECK_TEXT(v ? json.ptr : "absent", want);
    ludc_buf_free(&json);
    ludc_value_free(full);
}

static void test_defaults(void) {
    check_at("mine", schema_text, "type", "\"mine\"");
    check_at("mine", schema_text, "width", "8");
    check_at("mine", schema_text, "rate", "null");
    check_at("mine", schema_text, "kind", "\"round\"");
    check_at("mine", schema_text, "name", "absent");
    check_at("mine", schema_text, "sizes", "[3, 5]");
    check_at("mine", schema_text, "inner", "{\"x\": 1.5}");
    check_at("mine", schema_text, "reduce_output", "\"mean\"");
    check_at("other", schema_text, "reduce_output", "\"max\"");
    check_at("mine", schema_text, "trainable", "false");
    check_at("mine", schema_text, "use_pretrained", "true");
    check_at("mine", NULL, "reduce_output", "\"sum\"");
    check_at("{type: mine, reduce_output: null}", schema_text, "reduce_output", "null");
    check_at("{type: mine, width: 3, kind: null, any: [1, {a: b}]}", schema_text, "any", "[1, {\"a\": \"b\"}]");
    check_at("{type: mine, blocks: [{}, {size: 7}]}", schema_text, "blocks", "[{\"size\": 3}, {\"size\": 7}]");
    check_at("{type: mine, free: {b: 1}, inner: null}", schema_text, "inner", "{\"x\": 1.5}");
    check_at("{type: mine, free: null}", schema_text, "free", "absent");
    check_at("{type: mine, free: {b: 1}}", schema_text, "free", "{\"b\": 1}");
    check_at("{type: mine, deep: no}", schema_text, "deep", "false");
    check_at("{type: mine, what: {ever: 1}}", NULL, "what", "{\"ever\": 1}");
    check_at("{type: mine, more: 1}",
             "{\"properties\": {\"a\": {\"type\": \"integer\"}}, \"additionalProperties\": true}", "more", "1");
    check_at("{type: mine, adapter: {type: lora, r: 2}}", schema_text, "adapter.alpha", "4");
}

static void check_bad(const char *encoder, const char *want) {
    lud_component c = component(LUD_KIND_ENCODER, schema_text);
    lud_error err;
    ludc_value *full;
    CHECK_INT(section_of(encoder, &c, &full, &err), LUD_E_INVALID);
    CHECK(full == NULL);
    CHECK_TEXT(err.msg, want);
}

#define AT "input_features.0.encoder"
static void test_messages(void) {
    check_bad("{type: mine, widht: 3}", "c.yaml:2:47: error: " AT ": unknown key 'widht' (did you mean 'width'?)");
    check_bad("{type: mine, trainabel: true}",
              "c.yaml:2:47: error: " AT ": unknown key 'trainabel' (did you mean 'trainable'?)");
    check_bad("{type: mine, width: 0}", "c.yaml:2:54: error: " AT ".width: must be >= 1, got 0");
    check_bad("{type: mine, width: 65}", "c.yaml:2:54: error: " AT ".width: must be <= 64, got 65");
    check_bad("{type: mine, width: 1.5}", "c.yaml:2:54: error: " AT ".width: must be an integer, got 1.5");
    check_bad("{type: mine, width: null}", "c.yaml:2:54: error: " AT ".width: must be an integer, got null");
    check_bad("{type: mine, rate: 0.5}", "c.yaml:2:53: error: " AT ".rate: must be > 0.5, got 0.5");
    check_bad("{type: mine, share: 1}", "c.yaml:2:54: error: " AT ".share: must be < 1, got 1");
    check_bad("{type: mine, share: -1}", "c.yaml:2:54: error: " AT ".share: must be >= 0, got -1");
    check_bad("{type: mine, kind: rond}", "c.yaml:2:53: error: " AT ".kind: 'rond' is not an allowed word (did you "
                                          "mean 'round'?); allowed: round, square");
    check_bad("{type: mine, name: 3}", "c.yaml:2:53: error: " AT ".name: must be a string, got 3");
    check_bad("{type: mine, words: [a, c]}",
              "c.yaml:2:58: error: " AT ".words.1: 'c' is not an allowed word (did you mean 'a'?); allowed: a, b");
    check_bad("{type: mine, sizes: [1, 2.5]}", "c.yaml:2:58: error: " AT ".sizes.1: must be an integer, got 2.5");
    check_bad("{type: mine, sizes: [0]}", "c.yaml:2:55: error: " AT ".sizes.0: must be >= 1, got 0");
    check_bad("{type: mine, blocks: [{sise: 1}, 2]}",
              "c.yaml:2:57: error: " AT ".blocks.0: unknown key 'sise' (did you mean 'size'?)\n"
              "c.yaml:2:67: error: " AT ".blocks.1: must be an object, got 2");
    check_bad("{type: mine, inner: {y: 1}, deep: 3}",
              "c.yaml:2:55: error: " AT ".inner: unknown key 'y' (did you mean 'x'?)\n"
              "c.yaml:2:68: error: " AT ".deep: must be true or false, got 3");
}

/* A mistake of the plugin: named with its id, for any config. */
static void check_broken(const char *schema, const char *want) {
    lud_component c = component(LUD_KIND_COMBINER, schema);
    lud_error err = LUDC_ERROR_INIT;
    CHECK_INT(ludc_component_check(NULL, &c, &err), LUD_E_ABI);
    CHECK(strncmp(err.msg, "combiner 'mine' (org.example.mine): its config_schema is broken: ", 65) == 0);
    CHECK_TEXT(err.msg + LUDC_MIN(strlen(err.msg), (size_t)65), want);
}

static void test_broken(void) {
    check_broken("[]", "must be an 'object'");
    check_broken("{\"a\": {}}", "is not one of the words in docs/plugins.md: 'a'");
    check_broken("{\"properties\": 3}", "must be an object, not too deep: 'properties'");
    check_broken("{\"properties\": {\"a\": 3}}", "a: must be an 'object'");
    check_broken("{\"properties\": {\"a\": {\"type\": \"int\"}}}", "a: is no type: 'int'");
    check_broken("{\"properties\": {\"a\": {\"type\": []}}}", "a: names no 'type'");
    check_broken("{\"properties\": {\"a\": {\"type\": \"string\", \"pattern\": \"x\"}}}",
                 "a: is not one of the words in docs/plugins.md: 'pattern'");
    check_broken("{\"properties\": {\"a\": {\"type\": \"integer\", \"minimum\": \"1\"}}}",
                 "a: must be a number: 'minimum'");
    check_broken("{\"properties\": {\"a\": {\"type\": \"integer\", \"minimum\": 2, \"maximum\": 1}}}",
                 "a: has an empty range: 'minimum, maximum'");
    check_broken("{\"properties\": {\"a\": {\"enum\": [1]}}}", "a: must be a list of strings: 'enum'");
    check_broken("{\"properties\": {\"a\": {\"enum\": []}}}", "a: must be a list of strings: 'enum'");
    check_broken("{\"properties\": {\"a\": {\"enum\": [\"b|c\"]}}}", "a: has an empty word or one with '|': 'b|c'");
    check_broken("{\"properties\": {\"a\": {\"enum\": [\"\"]}}}", "a: has an empty word or one with '|': ''");
    check_broken("{\"properties\": {\"a\": {\"type\": \"array\", \"items\": {\"type\": \"boolean\"}}}}",
                 "a: must be of type string, integer, number or object: 'items'");
    check_broken("{\"properties\": {\"a\": {\"type\": \"integer\", \"default\": 1.5}}}",
                 "config_schema: error: default.a: must be an integer, got 1.5");
    check_broken("{\"properties\": {\"a\": {\"enum\": [\"x\"], \"default\": \"y\"}}}",
                 "config_schema: error: default.a: 'y' is not an allowed word (did you mean 'x'?); allowed: x");
    lud_component bad = component(LUD_KIND_DECODER, "{"), good = component(LUD_KIND_DECODER, "{}");
    lud_error err = LUDC_ERROR_INIT;
    CHECK_INT(ludc_component_check(NULL, &bad, &err), LUD_E_ABI);
    err = LUDC_ERROR_INIT;
    CHECK_OK(ludc_component_check(NULL, &good, &err), err);
    good.config_schema = NULL;
    CHECK_OK(ludc_component_check(NULL, &good, &err), err);
}

/* Deep nesting ends, and hostile bytes in a schema are words like any other. */
static void test_deep(void) {
    ludc_buf text = {0};
    for (int i = 0; i < 20; i++)
        ludc_buf_adds(&text, i ? "{\"type\": \"object\", \"properties\": {\"a\": " : "{\"properties\": {\"a\": ");
    ludc_buf_adds(&text, "{}");
    for (int i = 0; i < 20; i++)
        ludc_buf_adds(&text, "}}");
    check_broken(text.ptr, "a.a.a.a.a.a.a.a.a: must be an object, not too deep: 'properties'");
    ludc_buf_free(&text);
}

static void test_sections(void) {
    lud_component c =
        component(LUD_KIND_COMBINER, "{\"properties\": {\"n\": {\"type\": \"integer\", \"default\": 2}}}");
    const ludc_key *keys = ludc_component_keys(LUD_KIND_COMBINER, LUDC_STR(""));
    ludc_value *word = ludc_value_str(LUDC_STR("other"));
    const ludc_value *const sections[] = {NULL, word};
    for (size_t i = 0; i < LUDC_COUNT(sections); i++) {
        lud_error err = LUDC_ERROR_INIT;
        ludc_value *full;
        CHECK_OK(ludc_component_section(NULL, sections[i], "combiner", &c, keys, &full, &err), err);
        CHECK(ludc_str_eq(ludc_get_str(full, "type", LUDC_STR("")), i ? "other" : "mine"));
        CHECK_INT(ludc_get_int(full, "n", 0), 2);
        ludc_value_free(full);
    }
    ludc_value_free(word);
}

static void test_no_memory(void) {
    lud_component c = component(LUD_KIND_DECODER, schema_text);
    for (int64_t n = 0; n < 5000; n++) {
        lud_error err = LUDC_ERROR_INIT;
        ludc_alloc_fail_after(n, true);
        lud_status status = ludc_component_check(NULL, &c, &err);
        ludc_alloc_fail_after(-1, false);
        CHECK(status == LUD_OK || status == LUD_E_NOMEM);
        if (status == LUD_OK) return;
    }
    CHECK(false); /* never enough memory */
}

int main(void) {
    test_defaults();
    test_messages();
    test_broken();
    test_deep();
    test_sections();
    test_no_memory();
    return check_done();
}
