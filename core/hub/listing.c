/* SPDX-License-Identifier: Apache-2.0
 * The list of a commit's files, as the hub tells it. Names come from outside: each goes through the one check before it
 * is kept. */
#include "internal.h"

#include <string.h>

enum { MAX_FILES = 200000 };

static lud_status no_memory(lud_error *err) {
    return ludc_fail(err, LUD_E_NOMEM, "out of memory for the list of files");
}

lud_status ludc_hub_listing_add(ludc_hub_listing *l, lud_str path, uint64_t size, const char *hash, lud_error *err) {
    const char *fault = ludc_hub_name_fault(path);
    if (fault) {
        ludc_log(LUD_LOG_WARN, "hub: a file is left out: its name has %s", fault);
        return LUD_OK;
    }
    const size_t digits = strlen(hash);
    if (size > INT64_MAX || (digits && !((digits == 40 || digits == 64) && ludc_is_hex(hash, digits))))
        return ludc_fail(err, LUD_E_HUB, "hub: '%.*s' has an impossible size or hash", (int)path.len, path.ptr);
    if (l->n == MAX_FILES) return ludc_fail(err, LUD_E_HUB, "hub: more than %d files", MAX_FILES);
    if (l->n == l->cap) {
        const size_t cap = l->cap ? 2 * l->cap : 32;
        ludc_hub_entry *grown = ludc_realloc(l->entries, l->cap * sizeof(*grown), cap * sizeof(*grown));
        if (!grown) return no_memory(err);
        l->entries = grown;
        l->cap = cap;
    }
    ludc_hub_entry *e = &l->entries[l->n];
    *e = (ludc_hub_entry){.path = ludc_strndup(path.ptr, path.len), .size = size};
    if (!e->path) return no_memory(err);
    memcpy(e->hash, hash, digits + 1);
    l->n++;
    return LUD_OK;
}

void ludc_hub_listing_free(ludc_hub_listing *l) {
    for (size_t i = 0; i < l->n; i++)
        ludc_free(l->entries[i].path);
    ludc_free(l->entries);
    *l = (ludc_hub_listing){0};
}

ludc_hub_entry *ludc_hub_listing_find(const ludc_hub_listing *l, const char *path) {
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->entries[i].path, path) == 0) return &l->entries[i];
    return NULL;
}

typedef struct taker {
    ludc_hub_listing *listing;
    lud_error *err;
} taker;

static lud_status take_file(void *arg, const lud_hub_file *f) {
    taker *t = arg;
    if (!f->hash[0])
        return ludc_fail(t->err, LUD_E_HUB, "hub: '%.*s' has no hash", (int)LUDC_MIN(f->path.len, 200), f->path.ptr);
    return ludc_hub_listing_add(t->listing, f->path, f->size, f->hash, t->err);
}

lud_status ludc_hub_list(ludc_hub *hub, const ludc_hub_link *link, const ludc_hub_ref *ref, int attempts,
                         char commit[65], ludc_hub_listing *out, int32_t *fault_kind, lud_error *err) {
    const lud_hub_ref plain = ludc_hub_plain(ref, ref->revision);
    lud_hub_fault fault = {.struct_size = sizeof(fault)};
    lud_status status;
    int failures = 0;
    do {
        ludc_hub_listing_free(out);
        taker t = {out, err};
        status = link->vt->resolve(link->self, &plain, commit, take_file, &t, &fault, err);
    } while (status != LUD_OK && ludc_hub_again(hub, ref->repo, ++failures, attempts, NULL, &fault, err));
    *fault_kind = fault.kind;
    const size_t n = strnlen(commit, 65);
    if (status == LUD_OK && !((n == 40 || n == 64) && ludc_is_hex(commit, n)))
        status = ludc_fail(err, LUD_E_HUB, "%s: the hub names no commit", ref->repo);
    out->exact = status == LUD_OK;
    if (status != LUD_OK) ludc_hub_listing_free(out);
    return status;
}
