/* SPDX-License-Identifier: Apache-2.0
 * Where parameters lie in files, and which modules adapters wrap by default. Parameters carry the names of the causal
 * model; files of a model without head leave the root's name out. */
#include "gpt.h"

/* "<head_file>.weight" for "lm_head.weight"; false: no parameter of a head that files call otherwise. */
static int head_name(const names *n, const char *param, char *out, size_t cap) {
    static const char head[] = "lm_head.";
    if (!n->head_file || strncmp(param, head, sizeof head - 1) != 0) return 0;
    int made = snprintf(out, cap, "%s.%s", n->head_file, param + sizeof head - 1);
    return made > 0 && (size_t)made < cap;
}

/* The name under which the files hold `param`; `param` itself if they do not. `scratch` may hold the answer. */
static const char *find_tensor(const gpt *m, const char *param, char *scratch, size_t cap) {
    const lud_cfg_api *c = gpt_host->cfg;
    const names *n = &m->arch->names;
    size_t root = strlen(n->root);
    if (lud_hf_has(c, m->tensors, "", param)) return param;
    if (strncmp(param, n->root, root) == 0 && lud_hf_has(c, m->tensors, "", param + root)) return param + root;
    return head_name(n, param, scratch, cap) && lud_hf_has(c, m->tensors, "", scratch) ? scratch : param;
}

/* Whether `param` is the weight of one of a layer's linear maps. */
static int is_layers_weight(const names *n, const char *param) {
    const char *const maps[] = {n->qkv, n->query, n->key, n->value, n->attn_out, n->up, n->down};
    size_t len = strlen(param);
    for (size_t i = 0; i < sizeof maps / sizeof maps[0]; i++) {
        char tail[96];
        if (!maps[i]) continue;
        int k = snprintf(tail, sizeof tail, ".%s.weight", maps[i]);
        if (k > 0 && (size_t)k <= len && strcmp(param + len - (size_t)k, tail) == 0) return 1;
    }
    return 0;
}

lud_status gpt_sources(void *self, const char *scheme, const char *param,
                       lud_status (*sink)(void *, const lud_source *), void *arg, lud_error *err) {
    const gpt *m = self;
    const names *n = &m->arch->names;
    char scratch[192];
    if (strcmp(scheme, "hf") != 0) {
        return lud_fail(err, LUD_E_UNSUPPORTED, "gpt: files of the scheme '%s' are not known", scheme);
    }
    if (m->tie && strcmp(param, "lm_head.weight") == 0) {
        (void)snprintf(scratch, sizeof scratch, "%s.weight", n->words);
        return gpt_sources(self, scheme, scratch, sink, arg, err);
    }
    int turned = (m->arch->flags & ARCH_TRANSPOSED) && is_layers_weight(n, param);
    return lud_hf_give(sink, arg, turned ? LUD_SOURCE_TRANSPOSE : LUD_SOURCE_COPY,
                       find_tensor(m, param, scratch, sizeof scratch));
}

lud_status gpt_targets(void *self, const char *peft_type, lud_status (*sink)(void *, const char *), void *arg,
                       lud_error *err) {
    const gpt *m = self;
    const arch *a = m->arch;
    const char *const *list = a->lora_targets;
    if (strcmp(peft_type, "IA3") == 0) list = a->ia3_targets;
    if (strcmp(peft_type, "ADALORA") == 0 && a->adalora_targets) list = a->adalora_targets;
    if (!list) {
        return lud_fail(err, LUD_E_NOT_FOUND, "%s has no default target modules for %s: set adapter.target_modules",
                        a->model_type, peft_type);
    }
    lud_status status = LUD_OK;
    for (size_t i = 0; status == LUD_OK && list[i]; i++)
        status = sink(arg, list[i]);
    return status;
}
