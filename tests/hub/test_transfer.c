/* SPDX-License-Identifier: Apache-2.0
 * One file from a hub in memory that cuts, stalls, lies about ranges, damages bytes or sends too many: the blob is
 * right or absent, never half; what came before a cut is not asked for again. */
#include "internal.h"

#include <check.h>
#include <unistd.h>

#define COMMIT "0123456789abcdef0123456789abcdef01234567"
enum { SIZE = 5000000 };

typedef struct script {
    const uint8_t *bytes;
    uint64_t cut_every;     /* 0: never */
    int refuse, kind;       /* the first `refuse` calls fail with this fault */
    int damage;             /* so many calls have a wrong byte */
    int overlong, range_at; /* one byte too many; the call that says RANGE (1-based) */
    int calls;
    uint64_t sent, from[64];
} script;

static lud_status fetch(void *self, const lud_hub_ref *ref, const char *path, uint64_t offset,
                        lud_status (*sink)(void *, const void *, size_t), void *arg, lud_hub_fault *fault,
                        lud_error *err) {
    script *s = self;
    (void)path;
    CHECK_TEXT(ref->revision, COMMIT);
    if (s->calls < 64) s->from[s->calls] = offset;
    s->calls++;
    fault->kind = s->kind;
    if (s->calls <= s->refuse) return ludc_fail(err, LUD_E_HUB, "refused");
    fault->kind = LUD_HUB_RANGE;
    if (s->calls == s->range_at) return ludc_fail(err, LUD_E_HUB, "no such range");
    uint64_t end = s->cut_every ? LUDC_MIN(offset + s->cut_every, (uint64_t)SIZE) : SIZE;
    while (offset < end) {
        uint8_t block[4096];
        const size_t n = (size_t)LUDC_MIN(end - offset, sizeof(block));
        memcpy(block, s->bytes + offset, n);
        if (s->damage && offset == 0) block[7] ^= 1, s->damage--;
        fault->kind = LUD_HUB_FATAL;
        LUDC_TRY(sink(arg, block, n));
        offset += n;
        s->sent += n;
    }
    if (s->overlong) return sink(arg, "x", 1);
    fault->kind = LUD_HUB_RETRY;
    return offset < SIZE ? ludc_fail(err, LUD_E_HUB, "cut") : LUD_OK;
}

static char root[256];
static uint8_t content[SIZE];
static char hash[65];

static lud_status run(script *s, const char *sum, char msg[256]) {
    static const lud_hub_vt vt = {.struct_size = sizeof(vt), .fetch = fetch};
    ludc_hub hub = {.settings = {.cache = root}, .backoff = 0.001};
    ludc_hub_ref ref = {.hub = "hf", .repo = "o/n", .revision = "main"};
    char folder[300];
    snprintf(folder, sizeof(folder), "%s/models--o--n", root);
    ludc_hub_job job = {.hub = &hub, .ref = &ref, .folder = folder, .commit = COMMIT};
    const ludc_hub_link link = {.vt = &vt, .self = s};
    ludc_hub_entry e = {.path = (char *)"sub/big.bin", .size = SIZE};
    lud_error err = LUDC_ERROR_INIT;
    strcpy(e.hash, sum);
    s->bytes = content;
    const lud_status status = ludc_hub_transfer(&job, &link, &e, &err);
    ludc_alloc_fail_after(-1, false);
    if (status == LUD_OK) {
        CHECK(ludc_hub_have(folder, COMMIT, &e));
        CHECK_INT(atomic_load(&job.done), SIZE);
    }
    snprintf(msg, 256, "%.250s", err.msg);
    return status;
}

static bool there(const char *suffix) {
    char path[600];
    snprintf(path, sizeof(path), "%s/models--o--n/blobs/%s%s", root, hash, suffix);
    return ludc_path_exists(path);
}

/* An empty cache. */
static void forget(void) {
    char folder[300];
    snprintf(folder, sizeof(folder), "%s/models--o--n", root);
    CHECK_INT(ludc_dir_remove(folder, NULL), LUD_OK);
    snprintf(folder, sizeof(folder), "%s/models--o--n/blobs", root);
    CHECK_INT(ludc_dir_make(folder, NULL), LUD_OK);
}

static void test_cuts(void) {
    char msg[256];
    script s = {.cut_every = SIZE / 10};
    CHECK_INT(run(&s, hash, msg), LUD_OK);
    CHECK_INT(s.calls, 10);
    CHECK_INT(s.sent, SIZE);
    for (int i = 0; i < 10; i++)
        CHECK_INT(s.from[i], i * (SIZE / 10));
    CHECK(there("") && !there(".incomplete"));
    script again = {0};
    CHECK_INT(run(&again, hash, msg), LUD_OK); /* there already */
    CHECK_INT(again.calls, 0);
    forget();
}

/* A transfer that was given up is taken up by the next process. */
static void test_resume(void) {
    char msg[256];
    script stuck = {.refuse = 100, .kind = LUD_HUB_UNREACHABLE}, second = {0};
    CHECK_INT(run(&stuck, hash, msg), LUD_E_HUB);
    CHECK_INT(stuck.calls, 6);
    char path[600];
    snprintf(path, sizeof(path), "%s/models--o--n/blobs/%s.incomplete", root, hash);
    CHECK_INT(ludc_file_write(path, content, 1234567, NULL), LUD_OK);
    CHECK_INT(run(&second, hash, msg), LUD_OK);
    CHECK_INT(second.calls, 1);
    CHECK_INT(second.from[0], 1234567);
    CHECK_INT(second.sent, SIZE - 1234567);
    forget();
}

/* What an earlier attempt left is not believed: only the hash counts. */
static void test_bad_part(void) {
    char msg[256], path[600];
    script s = {0}, t = {0};
    snprintf(path, sizeof(path), "%s/models--o--n/blobs/%s.incomplete", root, hash);
    CHECK_INT(ludc_file_write(path, "not the beginning", 17, NULL), LUD_OK);
    CHECK_INT(run(&s, hash, msg), LUD_OK);
    CHECK_INT(s.calls, 2);
    forget();
    CHECK_INT(ludc_dir_make(path, NULL), LUD_OK); /* a folder in its place */
    CHECK_INT(run(&t, hash, msg), LUD_E_IO);
    forget();
}

static void test_damage(void) {
    char msg[256];
    script once = {.damage = 1}, always = {.damage = 100};
    CHECK_INT(run(&once, hash, msg), LUD_OK);
    CHECK_INT(once.calls, 2);
    forget();
    CHECK_INT(run(&always, hash, msg), LUD_E_HUB);
    CHECK(strstr(msg, "damaged twice"));
    CHECK(!there("") && !there(".incomplete"));
    forget();
}

static void test_lies(void) {
    char msg[256];
    script overlong = {.overlong = 1}, range = {.cut_every = SIZE / 2, .range_at = 2};
    CHECK_INT(run(&overlong, hash, msg), LUD_E_HUB);
    CHECK(strstr(msg, "more than") && !there(""));
    forget();
    CHECK_INT(run(&range, hash, msg), LUD_OK); /* half, refused, from the beginning, the other half */
    CHECK_INT(range.from[2], 0);
    forget();
    script denied = {.refuse = 100, .kind = LUD_HUB_DENIED};
    CHECK_INT(run(&denied, hash, msg), LUD_E_HUB);
    CHECK_INT(denied.calls, 1); /* not asked again */
    script passing = {.refuse = 4, .kind = LUD_HUB_RETRY};
    CHECK_INT(run(&passing, hash, msg), LUD_OK);
    forget();
}

static void test_no_memory(void) {
    for (int64_t n = 0; n < 40; n++) {
        char msg[256];
        script s = {.cut_every = SIZE / 2};
        forget();
        ludc_alloc_fail_after(n, false);
        const lud_status status = run(&s, hash, msg);
        CHECK(status == LUD_OK || status == LUD_E_NOMEM);
        CHECK(status != LUD_OK || there(""));
    }
    forget();
}

static void test_interrupt(void) {
    char msg[256];
    script s = {0};
    ludc_cancel_request();
    CHECK_INT(run(&s, hash, msg), LUD_E_CANCELLED);
    ludc_cancel_clear();
    CHECK(!there(""));
    forget();
}

int main(void) {
    char folder[] = "/tmp/ludwig-transfer-XXXXXX";
    CHECK(mkdtemp(folder) != NULL);
    snprintf(root, sizeof(root), "%s", folder);
    for (size_t i = 0; i < SIZE; i++)
        content[i] = (uint8_t)(ludc_random_uniform(1, i) * 256);
    ludc_digest *d = ludc_digest_new(64, SIZE);
    ludc_digest_add(d, content, SIZE);
    ludc_digest_end(d, hash);
    forget();
    test_cuts();
    test_resume();
    test_bad_part();
    test_damage();
    test_lies();
    test_no_memory();
    test_interrupt();
    CHECK_INT(ludc_dir_remove(folder, NULL), LUD_OK);
    return check_done();
}
