/* SPDX-License-Identifier: Apache-2.0
 * adapter_config.json of PEFT (0.21) <-> the `adapter` section. Saving writes every key that PEFT writes. Loading maps
 * what this plugin does, ignores what changes nothing, and refuses any other key that is set to something. */
#include "lora.h"

/* Keys that only matter when an adapter is made or on another kind of machine. */
static const char *const ignored[] = {
    "peft_type",           "task_type",    "base_model_name_or_path", "revision",          "inference_mode",
    "auto_mapping",        "peft_version", "megatron_core",           "qalora_group_size", "loftq_config",
    "ensure_weight_tying", "eva_config",   "runtime_config"};

/* PEFT key, section key. The values have the same form in both. */
static const char *const renamed[][2] = {
    {"r", "r"},
    {"lora_alpha", "alpha"},
    {"lora_dropout", "dropout"},
    {"bias", "bias_type"},
    {"use_rslora", "use_rslora"},
    {"target_modules", "target_modules"},
    {"exclude_modules", "exclude_modules"},
    {"layers_to_transform", "layers_to_transform"},
    {"layers_pattern", "layers_pattern"},
    {"rank_pattern", "rank_pattern"},
    {"alpha_pattern", "alpha_pattern"},
};
enum { N_IGNORED = sizeof ignored / sizeof ignored[0], N_RENAMED = sizeof renamed / sizeof renamed[0] };

/* null, false, "", [], {}: as good as absent. */
static int is_nothing(const lud_cfg_api *c, const lud_cfg *v) {
    int32_t type = c->type(v), flag = 0;
    if (type == LUD_CFG_BOOL) return c->get(v, LUD_CFG_BOOL, &flag) == LUD_OK && !flag;
    if (type == LUD_CFG_LIST || type == LUD_CFG_OBJECT) return c->len(v) == 0;
    lud_str s = {"", 0};
    if (type == LUD_CFG_STR) return c->get(v, LUD_CFG_STR, &s) == LUD_OK && s.len == 0;
    return !lud_is_set(c, v);
}

/* Initialisations that leave the base weights alone may be forgotten once values exist. */
static int plain_init(const lud_cfg_api *c, const lud_cfg *v) {
    lud_str s = {"", 0};
    if (c->type(v) == LUD_CFG_BOOL || !lud_is_set(c, v)) return 1;
    if (c->get(v, LUD_CFG_STR, &s) != LUD_OK) return 0;
    return lud_str_is(s, "gaussian") || lud_str_is(s, "orthogonal") || lud_str_is(s, "eva");
}

static lud_status load_key(const lud_cfg_api *c, lud_str key, const lud_cfg *v, lud_cfg_out *out, lud_error *err) {
    for (size_t i = 0; i < N_RENAMED; i++) {
        if (!lud_str_is(key, renamed[i][0])) continue;
        return lud_is_set(c, v) ? c->set_copy(out, renamed[i][1], v) : LUD_OK;
    }
    for (size_t i = 0; i < N_IGNORED; i++) {
        if (lud_str_is(key, ignored[i])) return LUD_OK;
    }
    if (lud_str_is(key, "init_lora_weights") && plain_init(c, v)) return LUD_OK;
    if (is_nothing(c, v)) return LUD_OK;
    return lud_fail(err, LUD_E_UNSUPPORTED,
                    "adapter_config.json: the key '%.*s' is set to something that adapter 'lora' cannot do",
                    (int)key.len, key.ptr);
}

static lud_status load(const lud_cfg *in, lud_cfg_out *out, lud_error *err) {
    const lud_cfg_api *c = lora_host->cfg;
    lud_status status = c->set_str(out, "type", lud_text("lora"));
    /* PEFT's defaults, where they differ from the section's. */
    if (status == LUD_OK) status = c->set_int(out, "alpha", 8);
    if (status == LUD_OK) status = c->set_float(out, "dropout", 0.0);
    for (size_t i = 0; status == LUD_OK && i < c->len(in); i++) {
        status = load_key(c, c->key_at(in, i), c->at(in, i), out, err);
    }
    return status == LUD_OK ? LUD_OK : lud_fail(err, status, "adapter_config.json cannot be read: out of memory");
}

static lud_status save_nulls(const lud_cfg_api *c, lud_cfg_out *out) {
    static const char *const nulls[] = {"alora_invocation_tokens",
                                        "arrow_config",
                                        "auto_mapping",
                                        "corda_config",
                                        "eva_config",
                                        "kasa_config",
                                        "layer_replication",
                                        "lora_ga_config",
                                        "megatron_config",
                                        "modules_to_save",
                                        "monteclora_config",
                                        "revision",
                                        "target_parameters",
                                        "trainable_token_indices",
                                        "use_bdlora",
                                        "velora_config",
                                        "exclude_modules",
                                        "layers_to_transform",
                                        "layers_pattern",
                                        "target_modules"};
    static const char *const falses[] = {"ensure_weight_tying", "fan_in_fan_out", "lora_bias", "use_dora",
                                         "use_qalora"};
    lud_status status = LUD_OK;
    for (size_t i = 0; status == LUD_OK && i < sizeof nulls / sizeof nulls[0]; i++) {
        status = c->set_null(out, nulls[i]);
    }
    for (size_t i = 0; status == LUD_OK && i < sizeof falses / sizeof falses[0]; i++) {
        status = c->set_bool(out, falses[i], 0);
    }
    return status;
}

static lud_status save_fixed(const lud_cfg_api *c, const lora *m, lud_cfg_out *out) {
    static const char *const bias_words[] = {"none", "all", "lora_only"};
    int failed = c->set_str(out, "peft_type", lud_text("LORA")) != LUD_OK;
    failed |= c->set_str(out, "task_type", lud_text("CAUSAL_LM")) != LUD_OK;
    failed |= c->set_str(out, "peft_version", lud_text("0.21.2")) != LUD_OK; /* the version whose keys these are */
    failed |= c->set_bool(out, "inference_mode", 1) != LUD_OK;
    failed |= c->set_str(out, "megatron_core", lud_text("megatron.core")) != LUD_OK;
    failed |= c->set_int(out, "qalora_group_size", 16) != LUD_OK;
    failed |= c->set_object(out, "loftq_config") == NULL;
    failed |= c->set_object(out, "rank_pattern") == NULL;
    failed |= c->set_object(out, "alpha_pattern") == NULL;
    failed |= c->set_bool(out, "use_rslora", m->rslora) != LUD_OK;
    failed |= c->set_str(out, "bias", lud_text(bias_words[m->bias])) != LUD_OK;
    failed |= c->set_int(out, "r", m->r) != LUD_OK;
    failed |= c->set_float(out, "lora_dropout", (double)m->dropout) != LUD_OK;
    failed |= (m->alpha == (double)(int64_t)m->alpha ? c->set_int(out, "lora_alpha", (int64_t)m->alpha)
                                                     : c->set_float(out, "lora_alpha", m->alpha)) != LUD_OK;
    failed |= (m->gaussian ? c->set_str(out, "init_lora_weights", lud_text("gaussian"))
                           : c->set_bool(out, "init_lora_weights", 1)) != LUD_OK;
    return failed ? LUD_E_NOMEM : LUD_OK;
}

static lud_status save(const lora *m, const lud_cfg *in, lud_cfg_out *out, lud_error *err) {
    const lud_cfg_api *c = lora_host->cfg;
    lud_status status = save_nulls(c, out);
    if (status == LUD_OK) status = save_fixed(c, m, out);
    for (size_t i = 0; status == LUD_OK && i < N_RENAMED; i++) {
        const lud_cfg *v = lud_member(c, in, renamed[i][1]);
        if (lud_is_set(c, v)) status = c->set_copy(out, renamed[i][0], v);
    }
    return status == LUD_OK ? LUD_OK : lud_fail(err, status, "lora: out of memory writing adapter_config.json");
}

lud_status lora_config(void *self, int32_t direction, const lud_cfg *in, lud_cfg_out *out, lud_error *err) {
    /* LOAD comes before there is an instance: self may be NULL. */
    if (direction == LUD_CONFIG_LOAD) return load(in, out, err);
    if (!self) return lud_fail(err, LUD_E_INTERNAL, "lora: config is to be saved without an instance");
    return save(self, in, out, err);
}
