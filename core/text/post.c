/* SPDX-License-Identifier: Apache-2.0
 * post: post-processors for one text: which ids stand before and after it. A Sequence nests: later processors wrap
 * earlier ones. The template for pairs of texts is not read. Offsets do not exist here, so ByteLevel does nothing. */
#include "internal.h"

#include <string.h>

static lud_status push(const ludc_load *l, ludc_ids *ids, int32_t id) {
    return ludc_ids_push(ids, id) ? LUD_OK : ludc_no_memory(l->err, l->name);
}

/* to = first + second */
static lud_status join(const ludc_load *l, const ludc_ids *first, const ludc_ids *second, ludc_ids *to) {
    for (size_t i = 0; i < first->len; i++)
        LUDC_TRY(push(l, to, first->ptr[i]));
    for (size_t i = 0; i < second->len; i++)
        LUDC_TRY(push(l, to, second->ptr[i]));
    return LUD_OK;
}

/* Puts `outer` around what is there. */
static lud_status wrap(const ludc_load *l, ludc_post *p, const ludc_post *outer) {
    ludc_post all = {.before = {0}};
    lud_status status = join(l, &outer->before, &p->before, &all.before);
    if (status == LUD_OK) status = join(l, &p->after, &outer->after, &all.after);
    if (status != LUD_OK) return ludc_post_free(&all), status;
    ludc_post_free(p);
    *p = all;
    return LUD_OK;
}

static lud_status special_ids(const ludc_load *l, const ludc_value *post, const ludc_value *item, ludc_ids *out) {
    lud_str name = {0};
    const ludc_value *ids;
    LUDC_TRY(ludc_node_text(l, item, "id", &name));
    const ludc_value *specials = ludc_value_get(post, "special_tokens"), *found = NULL;
    for (size_t i = 0; specials && specials->type == LUD_CFG_OBJECT && i < specials->len; i++)
        if (ludc_str_same(specials->keys[i], name)) found = specials->items[i];
    if (!name.ptr || !found || found->type != LUD_CFG_OBJECT)
        return ludc_fail(l->err, LUD_E_IO, "%s: the template names a special token that special_tokens lacks", l->name);
    LUDC_TRY(ludc_node_list(l, found, "ids", &ids));
    for (size_t i = 0; i < ids->len; i++) {
        const ludc_value *id = ids->items[i];
        if (id->type != LUD_CFG_INT || id->u.i < 0 || id->u.i >= INT32_MAX)
            return ludc_fail(l->err, LUD_E_IO, "%s: special_tokens: an id is not a token id", l->name);
        LUDC_TRY(push(l, out, (int32_t)id->u.i));
    }
    return LUD_OK;
}

static lud_status load_template(const ludc_load *l, const ludc_value *v, ludc_post *out) {
    const ludc_value *single;
    size_t texts = 0;
    LUDC_TRY(ludc_node_list(l, v, "single", &single));
    for (size_t i = 0; i < single->len; i++) {
        const ludc_value *item = single->items[i], *special = ludc_value_get(item, "SpecialToken");
        const ludc_value *sequence = ludc_value_get(item, "Sequence");
        if (special && special->type == LUD_CFG_OBJECT) {
            LUDC_TRY(special_ids(l, v, special, texts ? &out->after : &out->before));
        } else if (sequence && ludc_text_is(sequence, "id", "A")) {
            texts++;
        } else {
            return ludc_fail(l->err, LUD_E_IO,
                             "%s: item %zu of the single template is neither a SpecialToken nor Sequence A", l->name,
                             i);
        }
    }
    if (texts == 1) return LUD_OK;
    return ludc_fail(l->err, LUD_E_UNSUPPORTED, "%s: the single template holds the text %zu times, it must be once",
                     l->name, texts);
}

/* ["</s>", 2] */
static lud_status load_pair(const ludc_load *l, const ludc_value *v, const char *key, ludc_ids *out) {
    const ludc_value *pair;
    LUDC_TRY(ludc_node_list(l, v, key, &pair));
    bool ok = pair->len == 2 && pair->items[1]->type == LUD_CFG_INT;
    if (!ok || pair->items[1]->u.i < 0 || pair->items[1]->u.i >= INT32_MAX)
        return ludc_fail(l->err, LUD_E_IO, "%s: post_processor: '%s' must be [token, id]", l->name, key);
    return push(l, out, (int32_t)pair->items[1]->u.i);
}

static lud_status load_cls_sep(const ludc_load *l, const ludc_value *v, ludc_post *out) {
    LUDC_TRY(load_pair(l, v, "cls", &out->before));
    return load_pair(l, v, "sep", &out->after);
}

static lud_status load_nothing(const ludc_load *l, const ludc_value *v, ludc_post *out) {
    (void)l, (void)v, (void)out;
    return LUD_OK;
}

static lud_status load_one(const ludc_load *l, const ludc_value *v, lud_str type, void *out) {
    static const struct {
        const char *type;
        lud_status (*load)(const ludc_load *, const ludc_value *, ludc_post *);
    } known[] = {{"TemplateProcessing", load_template},
                 {"BertProcessing", load_cls_sep},
                 {"RobertaProcessing", load_cls_sep},
                 {"ByteLevel", load_nothing}};
    for (size_t k = 0; k < LUDC_COUNT(known); k++) {
        if (!ludc_str_eq(type, known[k].type)) continue;
        ludc_post outer = {.before = {0}};
        lud_status status = known[k].load(l, v, &outer);
        if (status == LUD_OK) status = wrap(l, out, &outer);
        ludc_post_free(&outer);
        return status;
    }
    return LUD_E_NOT_FOUND;
}

lud_status ludc_post_load(const ludc_load *l, const ludc_value *v, ludc_post *out) {
    return ludc_is_null(v) ? LUD_OK : ludc_node_each(l, v, "post_processor", "processors", NULL, 0, load_one, out);
}

void ludc_post_free(ludc_post *p) {
    ludc_ids_free(&p->before);
    ludc_ids_free(&p->after);
}
