/* SPDX-License-Identifier: Apache-2.0
 * base: errors, the allocation seam, strings, log, value trees, files, threads, random numbers.
 * Everything in core allocates, writes files and draws random numbers through here. */
#ifndef LUDC_BASE_H
#define LUDC_BASE_H

#include <ludwig/lud.h>
#include <ludwig/random.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LUDC_VERSION      "0.1.0"
#define LUDC_MIN(a, b)    ((a) < (b) ? (a) : (b))
#define LUDC_MAX(a, b)    ((a) > (b) ? (a) : (b))
#define LUDC_COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define LUDC_PRINTF(f, a) __attribute__((format(printf, f, a)))
/* Leaves the calling function with a failed status. Only where nothing is owned yet. */
#define LUDC_TRY(expr)                                                                                                 \
    do {                                                                                                               \
        lud_status ludc_try_ = (expr);                                                                                 \
        if (ludc_try_ != LUD_OK) return ludc_try_;                                                                     \
    } while (0)

/* ---- Errors (error.c) ---- */
#define LUDC_ERROR_INIT ((lud_error){.struct_size = sizeof(lud_error)})
/* Fills *err unless it already holds an error (first writer wins); returns code. err may be NULL. */
lud_status ludc_fail(lud_error *err, lud_status code, const char *fmt, ...) LUDC_PRINTF(3, 4);
/* LUD_E_NOMEM: "what: out of memory"; what may be NULL. */
lud_status ludc_no_memory(lud_error *err, const char *what);
const char *ludc_status_text(lud_status);

/* ---- Memory (memory.c). One seam, counted, and able to fail on demand. [any] ---- */
/* Zeroed; NULL if out of memory; n = 0 is valid. 64-byte aligned from 256 bytes on, below that as malloc aligns. */
void *ludc_alloc(size_t n);
void *ludc_alloc_aligned(size_t n, size_t align);    /* align: a power of two; at least 64 is given */
void *ludc_realloc(void *p, size_t old_n, size_t n); /* growth is zeroed; on failure p stays valid and NULL returns */
/* Room for one more item behind `len`; list: the address of the pointer to them. False: out of memory, all as it was.
 */
bool ludc_grow(void *list, size_t len, size_t *cap, size_t item_size);
void ludc_free(void *p); /* accepts NULL */
char *ludc_strdup(const char *s);
char *ludc_strndup(const char *s, size_t n);            /* n bytes and a closing NUL */
uint64_t ludc_alloc_count(void);                        /* allocations since start: tests count those of a step */
void ludc_alloc_fail_after(int64_t n, bool persistent); /* after n more: 0 = the next one fails; n < 0: off */

/* ---- Growable byte string (text.c). Zero-initialised is empty; `failed` is sticky, check once. ---- */
typedef struct ludc_buf {
    char *ptr; /* NUL-terminated after every call */
    size_t len, cap;
    bool failed;
} ludc_buf;
void ludc_buf_add(ludc_buf *, const void *bytes, size_t n);
void ludc_buf_adds(ludc_buf *, const char *s);
void ludc_buf_addf(ludc_buf *, const char *fmt, ...) LUDC_PRINTF(2, 3);
void ludc_buf_clear(ludc_buf *); /* keeps the memory */
void ludc_buf_free(ludc_buf *);

/* ---- Text helpers (text.c). Text is (pointer, length); it may hold NULs. ---- */
#define LUDC_STR(literal) ((lud_str){(literal), sizeof(literal) - 1})
lud_str ludc_str(const char *s);
#define LUDC_ARG(s)        (int)(s).len, (s).ptr /* of "%.*s" */
#define LUDC_ARG_CUT(s, n) (int)LUDC_MIN((s).len, (size_t)(n)), (s).ptr
bool ludc_str_eq(lud_str a, const char *b);
bool ludc_str_same(lud_str a, lud_str b);
bool ludc_str_ends(lud_str, const char *tail);
lud_str ludc_str_trim(lud_str);
size_t ludc_utf8_decode(const char *s, size_t n, uint32_t *cp); /* bytes used (>= 1); invalid: 1 byte, U+FFFD */
size_t ludc_utf8_encode(uint32_t cp, char out[4]);
bool ludc_utf8_valid(const char *s, size_t n);
/* Damerau-Levenshtein distance, and the nearest of `names` within 2 edits (1 for words under 5 letters), or NULL. */
int ludc_edit_distance(lud_str a, lud_str b);
const char *ludc_nearest(lud_str word, const char *const *names, size_t n);

/* ---- Hash map from text to int64 (map.c). Keys are copied. ---- */
typedef struct ludc_map ludc_map;
ludc_map *ludc_map_new(size_t expected);
void ludc_map_free(ludc_map *);
bool ludc_map_put(ludc_map *, lud_str key, int64_t value); /* replaces; false if out of memory */
bool ludc_map_get(const ludc_map *, lud_str key, int64_t *value);
size_t ludc_map_len(const ludc_map *);
uint64_t ludc_hash(const void *p, size_t n); /* 64-bit, not for integrity */

/* ---- Log (log.c). stderr, or the sink that the embedding program sets. [any] ---- */
typedef void (*ludc_log_fn)(void *arg, int32_t level, const char *text);
void ludc_log_set(ludc_log_fn fn, void *arg, int32_t min_level); /* fn NULL: stderr */
void ludc_log(int32_t level, const char *fmt, ...) LUDC_PRINTF(2, 3);

/* ---- Value tree (value.c): what JSON, YAML and configs are read into; lud_cfg of the SDK. ----
 * A node is owned by its parent; ludc_value_free on the root frees all. Text lives in the node. */
typedef struct lud_cfg ludc_value;
typedef struct ludc_value_index ludc_value_index;
struct lud_cfg {
    int32_t type;      /* LUD_CFG_* */
    int32_t line, col; /* 1-based position in the source file; 0 = none */
    union {
        int32_t b;
        int64_t i;
        double f;
        lud_str s;
    } u;
    size_t len, cap;
    lud_str *keys;           /* objects: len keys (each NUL-terminated, NULs inside allowed) */
    ludc_value **items;      /* lists and objects: len children */
    int32_t *key_pos;        /* objects: room for 2 * cap: line, col of each key; NULL = none */
    ludc_value_index *index; /* objects with many keys; kept by put, append and remove */
    ludc_value *block;       /* lists made by ludc_value_block: the children and their texts; NULL = each of its own */
};
ludc_value *ludc_value_new(int32_t type);
ludc_value *ludc_value_bool(bool);
ludc_value *ludc_value_int(int64_t);
ludc_value *ludc_value_float(double);
ludc_value *ludc_value_str(lud_str);
ludc_value *ludc_value_text(const char *); /* NULL: null */
/* A list of n nulls, to be made numbers and texts in place: one piece of memory, with *text bytes of room behind *room
 * for texts, since a vocabulary has 100,000 of them. Nothing can be pushed to it. */
ludc_value *ludc_value_block(size_t n, size_t text, char **room);
void ludc_value_free(ludc_value *); /* accepts NULL */
ludc_value *ludc_value_copy(const ludc_value *);
bool ludc_value_equal(const ludc_value *, const ludc_value *);
/* Take ownership of `child` (even on failure); NULL child or no memory: false. put replaces an existing key. */
bool ludc_value_put(ludc_value *object, const char *key, ludc_value *child);
bool ludc_value_putn(ludc_value *object, lud_str key, ludc_value *child);
/* putn without the search for an existing key, for readers that refuse duplicates themselves: O(1). */
bool ludc_value_append(ludc_value *object, lud_str key, ludc_value *child);
bool ludc_value_push(ludc_value *list, ludc_value *child);
bool ludc_value_remove(ludc_value *object, const char *key);
ludc_value *ludc_value_get(const ludc_value *object, const char *key); /* borrowed; NULL if absent */
/* "a.b.c", list items by number; a key that itself holds the rest of the dots ("llama.block_count") comes first. */
ludc_value *ludc_value_find(const ludc_value *root, const char *dotted);
/* Typed reads with a default for absent, null or another type. */
int64_t ludc_get_int(const ludc_value *, const char *dotted, int64_t dflt);
double ludc_get_float(const ludc_value *, const char *dotted, double dflt);
bool ludc_get_bool(const ludc_value *, const char *dotted, bool dflt);
lud_str ludc_get_str(const ludc_value *, const char *dotted, lud_str dflt);
lud_str ludc_get_text(const ludc_value *, const char *dotted); /* "" by default */
bool ludc_text_is(const ludc_value *, const char *dotted, const char *word);
bool ludc_is_null(const ludc_value *); /* NULL pointer or LUD_CFG_NULL */
/* JSON text: indent < 0 one line, else that many blanks a level. Floats print shortest that reads back equal. */
lud_status ludc_value_to_json(const ludc_value *, int indent, ludc_buf *out);
void ludc_json_str(lud_str, ludc_buf *out); /* quoted and escaped */
void ludc_json_float(float, ludc_buf *out); /* shortest that reads back as the same float; not finite: null */
/* The SDK's cfg functions over this tree. A lud_cfg_out is a ludc_value of type object or list. */
const lud_cfg_api *ludc_cfg_api(void);

/* ---- Files (file.c) and folders (path.c). All writes are temp + fsync + rename. Messages name the path and the cause.
 * ---- */
typedef struct ludc_map_file {
    const uint8_t *ptr;
    size_t size;
    void *priv;
} ludc_map_file;
lud_status ludc_file_map(const char *path, ludc_map_file *out, lud_error *); /* read-only mmap; empty file: size 0 */
void ludc_file_unmap(ludc_map_file *);
/* Its pages leave memory until they are read again; it may be a part of a mapped file. */
void ludc_file_release(const ludc_map_file *);
lud_status ludc_file_read(const char *path, ludc_buf *out, lud_error *);
lud_status ludc_file_write(const char *path, const void *bytes, size_t n, lud_error *); /* atomic */
typedef struct ludc_file_writer ludc_file_writer; /* atomic streaming write: nothing at `path` before commit */
lud_status ludc_file_open_writer(const char *path, ludc_file_writer **out, lud_error *);
lud_status ludc_file_append(ludc_file_writer *, const void *bytes, size_t n, lud_error *);
lud_status ludc_file_commit(ludc_file_writer *, lud_error *); /* frees the writer, also on failure */
void ludc_file_abort(ludc_file_writer *);                     /* removes the temp file; accepts NULL */
/* Bytes that are appended, then read (spill.c): past 8 MiB they are in an unnamed file in TMPDIR instead of memory. */
typedef struct ludc_spill {
    ludc_buf held;
    size_t written;
    int file; /* descriptor + 1; 0 = none */
} ludc_spill;
lud_status ludc_spill_add(ludc_spill *, const void *bytes, size_t n, lud_error *);
/* All is there: out maps it, the spill is empty; or out->ptr is NULL and `held` has it, the caller's to free. */
lud_status ludc_spill_end(ludc_spill *, ludc_map_file *out, lud_error *);
void ludc_spill_free(ludc_spill *);
bool ludc_path_exists(const char *path);
bool ludc_path_is_dir(const char *path);
char *ludc_path_join(const char *dir, const char *name); /* heap */
char *ludc_path_absolute(const char *path);              /* heap; does not need to exist */
lud_status ludc_dir_make(const char *path, lud_error *); /* with parents; existing is fine */
/* Whether a file or folder can be made there (what exists may be replaced); parents: with the folders above it. */
lud_status ludc_path_can_make(const char *path, bool parents, lud_error *);
lud_status ludc_dir_remove(const char *path, lud_error *); /* recursive, does not follow links */
lud_status ludc_dir_list(const char *path, char ***names, size_t *n, lud_error *); /* sorted; ludc_dir_list_free */
void ludc_dir_list_free(char **names, size_t n);
lud_status ludc_path_rename(const char *from, const char *to, lud_error *); /* fsyncs the folder */
lud_status ludc_file_copy(const char *from, const char *to, lud_error *);   /* atomic */
const char *ludc_image_file(void); /* the file that this code is run from: the program, or libludwig */
char *ludc_path_of_image(void);    /* its folder; heap */

/* ---- Threads (pool.c). One pool, spin then futex; results never depend on who takes a chunk. ---- */
typedef struct ludc_pool ludc_pool;
ludc_pool *ludc_pool_new(int threads); /* <= 0: LUDWIG_THREADS or the number of usable cores */
void ludc_pool_free(ludc_pool *);
int ludc_pool_size(const ludc_pool *);
void ludc_pool_for(ludc_pool *, int64_t n, int64_t grain, void (*fn)(void *, int64_t, int64_t), void *arg);
void ludc_pool_team(ludc_pool *, void (*fn)(void *, int32_t rank, int32_t size), void *arg);
void ludc_pool_barrier(ludc_pool *);

/* ---- Random numbers (random.c), all keyed; see ludwig/random.h ---- */
uint64_t ludc_permute(uint64_t key, uint64_t n, uint64_t i); /* i-th element of a keyed permutation of 0..n-1 */
double ludc_random_uniform(uint64_t key, uint64_t i);        /* [0, 1) */
double ludc_random_normal(uint64_t key, uint64_t i);
uint64_t ludc_key_of_name(uint64_t seed, lud_str name); /* one stream per named thing */

/* ---- Cancellation: set by a signal handler, polled everywhere (cancel.c) ---- */
void ludc_cancel_request(void);
void ludc_cancel_clear(void);
int ludc_cancel_requested(void); /* number of requests since clear */

double ludc_now(void);        /* monotonic seconds */
uint64_t ludc_peak_rss(void); /* bytes */

#endif
