/* SPDX-License-Identifier: Apache-2.0
 * Where parameters lie in files, and which modules adapters wrap by default. Parameters carry the names of the
 * AutoModel; files of a whole model put a prefix before them, and files of old BERTs call the parameters of a layer
 * norm gamma and beta. */
#include "bert.h"

static int try_name(const bert *m, const char *prefix, const char *name, char *out, size_t cap) {
    int n = snprintf(out, cap, "%s%s", prefix, name);
    return n > 0 && (size_t)n < cap && lud_hf_has(bert_host->cfg, m->tensors, prefix, name);
}

/* "embeddings.LayerNorm.weight" -> "embeddings.LayerNorm.gamma"; false: no parameter of a layer norm. */
static int old_name(const char *param, char *out, size_t cap) {
    static const struct {
        const char *now, *old;
    } pairs[] = {{"LayerNorm.weight", "LayerNorm.gamma"}, {"LayerNorm.bias", "LayerNorm.beta"}};
    size_t len = strlen(param);
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        size_t n = strlen(pairs[i].now);
        if (len < n || strcmp(param + len - n, pairs[i].now) != 0) continue;
        int made = snprintf(out, cap, "%.*s%s", (int)(len - n), param, pairs[i].old);
        return made > 0 && (size_t)made < cap;
    }
    return 0;
}

int bert_find_tensor(const bert *m, const char *param, char *out, size_t cap) {
    char old[160];
    if (try_name(m, "", param, out, cap) || try_name(m, m->arch->prefix, param, out, cap)) return 1;
    if (!old_name(param, old, sizeof old)) return 0;
    return try_name(m, "", old, out, cap) || try_name(m, m->arch->prefix, old, out, cap);
}

lud_status bert_sources(void *self, const char *scheme, const char *param,
                        lud_status (*sink)(void *, const lud_source *), void *arg, lud_error *err) {
    const bert *m = self;
    char name[192];
    if (strcmp(scheme, "hf") != 0) {
        return lud_fail(err, LUD_E_UNSUPPORTED, "bert: files of the scheme '%s' are not known", scheme);
    }
    /* Not there: the reader's message names the parameter. */
    return lud_hf_give(sink, arg, LUD_SOURCE_COPY, bert_find_tensor(m, param, name, sizeof name) ? name : param);
}

lud_status bert_targets(void *self, const char *peft_type, lud_status (*sink)(void *, const char *), void *arg,
                        lud_error *err) {
    const bert *m = self;
    const arch *a = m->arch;
    const char *const *list = a->lora_targets;
    if (strcmp(peft_type, "IA3") == 0) list = a->ia3_targets;
    if (strcmp(peft_type, "ADALORA") == 0 && a->adalora_targets) list = a->adalora_targets;
    if (!list) {
        const names *n = a->names;
        return lud_fail(err, LUD_E_NOT_FOUND,
                        "%s has no default target modules for %s: set adapter.target_modules, for example [%s%s%s]",
                        a->model_type, peft_type, n->qkv ? n->qkv : n->query, n->qkv ? "" : ", ",
                        n->qkv ? "" : n->value);
    }
    lud_status status = LUD_OK;
    for (size_t i = 0; status == LUD_OK && list[i]; i++)
        status = sink(arg, list[i]);
    return status;
}
