/* SPDX-License-Identifier: Apache-2.0
 * From files of this machine to one commit on a hub: names are checked and contents hashed first, then every file is
 * given to the plugin, which leaves out what is there already. Nothing shows on the hub before the commit. */
#include "internal.h"

#include <string.h>

enum { ATTEMPTS = 5 };

typedef struct content {
    ludc_map_file map;
    const uint8_t *ptr;
    uint64_t size;
    char sha256[65], git_sha1[65];
} content;

typedef struct push {
    ludc_hub *hub;
    const ludc_hub_link *link;
    void *upload;
    const content *current;
    uint64_t total, before, done; /* bytes of all files, of those before the current one, told last */
    double told;                  /* when */
} push;

/* One reading for both names of the content; git's only if it is wanted. */
static lud_status hash(content *c, bool git, lud_error *err) {
    enum { STEP = 1 << 22 };
    ludc_digest *sha256 = ludc_digest_new(64, c->size), *git_sha1 = git ? ludc_digest_new(40, c->size) : NULL;
    lud_status status = sha256 && (git_sha1 || !git) ? LUD_OK : ludc_fail(err, LUD_E_NOMEM, "out of memory");
    for (uint64_t i = 0; i < c->size && status == LUD_OK; i += STEP) {
        const size_t n = (size_t)LUDC_MIN((uint64_t)STEP, c->size - i);
        ludc_digest_add(sha256, c->ptr + i, n);
        if (git) ludc_digest_add(git_sha1, c->ptr + i, n);
        ludc_file_release(&c->map); /* a large file must not stay in memory */
        if (ludc_cancel_requested()) status = ludc_fail(err, LUD_E_CANCELLED, "interrupted");
    }
    if (status != LUD_OK) return ludc_digest_free(sha256), ludc_digest_free(git_sha1), status;
    ludc_digest_end(sha256, c->sha256);
    if (git) ludc_digest_end(git_sha1, c->git_sha1);
    return LUD_OK;
}

static lud_status open_content(const ludc_hub_item *item, content *c, lud_error *err) {
    const char *fault = ludc_hub_name_fault(ludc_str(item->path));
    if (fault) return ludc_fail(err, LUD_E_INVALID, "upload: the name '%.80s' %s", item->path, fault);
    if (item->file) LUDC_TRY(ludc_file_map(item->file, &c->map, err));
    c->ptr = item->file ? c->map.ptr : (const uint8_t *)item->bytes;
    c->size = item->file ? c->map.size : item->n;
    return hash(c, true, err);
}

static lud_status read_content(void *arg, uint64_t offset, void *buf, size_t n, lud_error *err) {
    push *p = arg;
    const content *c = p->current;
    if (ludc_cancel_requested()) return ludc_fail(err, LUD_E_CANCELLED, "interrupted");
    if (offset > c->size || n > c->size - offset)
        return ludc_fail(err, LUD_E_INTERNAL, "a hub asks for bytes behind the end of a file");
    if (n) memcpy(buf, c->ptr + offset, n);
    p->done = LUDC_MAX(p->done, p->before + offset + n);
    if (p->hub->opts.progress && p->done > 1000000 && ludc_now() - p->told > 0.2) {
        p->told = ludc_now();
        p->hub->opts.progress(p->hub->opts.arg, p->done, p->total);
    }
    return LUD_OK;
}

static lud_status add(push *p, const ludc_hub_item *item, const content *c, uint64_t *sent, lud_error *err) {
    const lud_hub_source source = {.struct_size = sizeof(source),
                                   .path = item->path,
                                   .size = c->size,
                                   .sha256 = c->sha256,
                                   .git_sha1 = c->git_sha1,
                                   .read = read_content,
                                   .arg = p};
    lud_hub_fault fault = {.struct_size = sizeof(fault)};
    lud_status status;
    int failures = 0;
    p->current = c;
    do {
        *sent = 0;
        status = p->link->vt->add(p->link->self, p->upload, &source, sent, &fault, err);
    } while (status != LUD_OK && ludc_hub_again(p->hub, item->path, ++failures, ATTEMPTS, NULL, &fault, err));
    p->before += c->size;
    return status;
}

static lud_status take_url(void *arg, lud_str url) {
    ludc_buf *out = arg;
    ludc_buf_clear(out);
    ludc_buf_add(out, url.ptr, url.len);
    return out->failed ? LUD_E_NOMEM : LUD_OK;
}

static lud_status begin(push *p, const lud_hub_ref *ref, const lud_hub_commit *what, lud_error *err) {
    lud_hub_fault fault = {.struct_size = sizeof(fault)};
    lud_status status;
    int failures = 0;
    do {
        status = p->link->vt->begin(p->link->self, ref, what, &p->upload, &fault, err);
    } while (status != LUD_OK && ludc_hub_again(p->hub, ref->repo, ++failures, ATTEMPTS, NULL, &fault, err));
    return status;
}

static lud_status commit_all(push *p, const char *repo, ludc_hub_pushed *out, lud_error *err) {
    lud_hub_fault fault = {.struct_size = sizeof(fault)};
    lud_status status;
    int failures = 0;
    do {
        status = p->link->vt->commit(p->link->self, p->upload, out->commit, take_url, &out->url, &fault, err);
    } while (status != LUD_OK && ludc_hub_again(p->hub, repo, ++failures, ATTEMPTS, NULL, &fault, err));
    if (status == LUD_OK) p->upload = NULL;
    return status;
}

static lud_status send_all(push *p, const ludc_hub_ref *ref, const ludc_hub_item *items, const content *contents,
                           size_t n, const lud_hub_commit *what, ludc_hub_pushed *out, lud_error *err) {
    const lud_hub_ref plain = ludc_hub_plain(ref, ref->revision);
    LUDC_TRY(begin(p, &plain, what, err));
    lud_status status = LUD_OK;
    for (size_t i = 0; i < n && status == LUD_OK; i++) {
        uint64_t sent = 0;
        status = add(p, &items[i], &contents[i], &sent, err);
        out->sent += sent;
    }
    if (status == LUD_OK) status = commit_all(p, ref->repo, out, err);
    if (status != LUD_OK) p->link->vt->abort(p->link->self, p->upload);
    return status;
}

static lud_status with_link(ludc_hub *hub, const ludc_hub_link *link, const ludc_hub_ref *ref,
                            const ludc_hub_item *items, size_t n, const lud_hub_commit *what, ludc_hub_pushed *out,
                            lud_error *err) {
    push p = {.hub = hub, .link = link};
    content *contents = ludc_alloc(LUDC_MAX(n, 1) * sizeof(*contents));
    lud_status status = contents ? LUD_OK : ludc_fail(err, LUD_E_NOMEM, "out of memory");
    if (status == LUD_OK && (!LUD_HAS(link->vt, lud_hub_vt, abort) || !link->vt->begin))
        status = ludc_fail(err, LUD_E_UNSUPPORTED, "hub '%s' takes no uploads", ref->hub);
    for (size_t i = 0; i < n && status == LUD_OK; i++) {
        status = open_content(&items[i], &contents[i], err);
        p.total += contents[i].size;
    }
    if (status == LUD_OK) status = send_all(&p, ref, items, contents, n, what, out, err);
    for (size_t i = 0; i < n && contents; i++)
        ludc_file_unmap(&contents[i].map);
    ludc_free(contents);
    return status;
}

lud_status ludc_hub_put(ludc_hub *hub, const ludc_hub_ref *ref, const ludc_hub_item *items, size_t n,
                        const lud_hub_commit *what, ludc_hub_pushed *out, lud_error *err) {
    ludc_hub_link link = {0};
    LUDC_TRY(ludc_hub_link_open(hub, ref->hub, &link, err));
    const lud_status status = hub->settings.offline && !link.vt->folder
                                  ? ludc_fail(err, LUD_E_HUB, "upload: HF_HUB_OFFLINE forbids to ask the hub")
                                  : with_link(hub, &link, ref, items, n, what, out, err);
    ludc_hub_link_close(&link);
    return status == LUD_OK ? LUD_OK : ludc_fail(err, status, "hub '%s': %s", ref->hub, ludc_status_text(status));
}

lud_status ludc_hub_describe(ludc_hub *hub, const ludc_hub_ref *ref, const ludc_value *facts,
                             lud_status (*file)(void *, lud_str path, lud_str content), void *arg, lud_error *err) {
    ludc_hub_link link = {0};
    LUDC_TRY(ludc_hub_link_open(hub, ref->hub, &link, err));
    const lud_status status =
        LUD_HAS(link.vt, lud_hub_vt, describe) ? link.vt->describe(link.self, facts, file, arg, err) : LUD_OK;
    ludc_hub_link_close(&link);
    return status == LUD_OK ? LUD_OK : ludc_fail(err, status, "hub '%s': %s", ref->hub, ludc_status_text(status));
}

lud_status ludc_hub_hash(const char *path, char sha256[65], lud_error *err) {
    content c = {0};
    LUDC_TRY(ludc_file_map(path, &c.map, err));
    c.ptr = c.map.ptr;
    c.size = c.map.size;
    const lud_status status = hash(&c, false, err);
    if (status == LUD_OK) memcpy(sha256, c.sha256, sizeof(c.sha256));
    ludc_file_unmap(&c.map);
    return status;
}
