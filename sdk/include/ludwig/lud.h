/* SPDX-License-Identifier: Apache-2.0
 * The plugin boundary: basic types, the host table, the plugin descriptor, configuration access.
 * Everything a plugin may call arrives through `lud_host`; a plugin links to nothing of Ludwig's.
 *
 * Rules (hold for every struct and function of the SDK):
 *  - `struct_size` first in every growable struct; fields are only appended; a callee uses a field only if
 *    `struct_size` covers it (LUD_HAS). Structs marked FROZEN never change.
 *  - Memory is freed by the side that allocated it. Strings and tables of a descriptor are static.
 *  - Outputs: the caller zeroes them and sets struct_size. A status other than LUD_OK means that `lud_error` is
 *    filled and no output was touched.
 *  - Thread tags: [main] the thread that called lud_model_*; [any] any thread; [executor] the one thread that
 *    drives a device. An instance is never entered twice at once.
 */
#ifndef LUDWIG_LUD_H
#define LUDWIG_LUD_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LUD_ABI_MAJOR         1 /* part of the entry symbol's name: a bump breaks every plugin */
#define LUD_ABI_MINOR         0 /* informative; struct_size decides what exists */
#define LUD_EXPORT            __attribute__((visibility("default")))
#define LUD_SIZEOF_THRU(T, f) (offsetof(T, f) + sizeof(((T *)0)->f))
/* True if the struct that p points to reaches field f and f is set. */
#define LUD_HAS(p, T, f) ((p)->struct_size >= LUD_SIZEOF_THRU(T, f) && (p)->f != 0)

typedef int32_t lud_status; /* one of LUD_OK, LUD_E_*; never a C enum in a struct */
#define LUD_STATUS_MAP(X)                                                                                              \
    X(LUD_OK, 0, "ok")                                                                                                 \
    X(LUD_E_INVALID, -1, "invalid argument or configuration")                                                          \
    X(LUD_E_NOMEM, -2, "out of memory")                                                                                \
    X(LUD_E_IO, -3, "file or disk error")                                                                              \
    X(LUD_E_NOT_FOUND, -4, "not found")                                                                                \
    X(LUD_E_UNSUPPORTED, -5, "not supported")                                                                          \
    X(LUD_E_ABI, -6, "plugin load or ABI error")                                                                       \
    X(LUD_E_NUMERIC, -7, "numeric error")                                                                              \
    X(LUD_E_CANCELLED, -8, "cancelled")                                                                                \
    X(LUD_E_INTERNAL, -9, "internal error")                                                                            \
    X(LUD_E_DATA, -10, "data error")                                                                                   \
    X(LUD_E_HUB, -11, "hub or network error")
enum {
#define LUD_STATUS_ENUM(name, code, text) name = (code),
    LUD_STATUS_MAP(LUD_STATUS_ENUM)
#undef LUD_STATUS_ENUM
};

/* The caller's error record. The first writer wins; a message that does not fit keeps its tail. */
typedef struct lud_error {
    uint32_t struct_size;
    lud_status code;
    char plugin[64]; /* the plugin that failed, "" = core */
    char msg[2048];  /* UTF-8: what, where, got and wanted, next step; may hold several lines */
} lud_error;

/* Text is always pointer and length; it may hold U+0000 and need not end in it. FROZEN */
typedef struct lud_str {
    const char *ptr;
    size_t len;
} lud_str;

/* Opaque to plugins. */
typedef struct lud_host_ctx lud_host_ctx;
typedef struct lud_cfg lud_cfg;         /* one node of a read-only configuration tree */
typedef struct lud_cfg_out lud_cfg_out; /* an object being written by a plugin */
typedef struct lud_graph lud_graph;
typedef struct lud_weights lud_weights; /* access to parameter values, see adapter.h */

/* ---- Configuration nodes ---------------------------------------------------------------------------------- */
enum {
    LUD_CFG_ABSENT,
    LUD_CFG_NULL,
    LUD_CFG_BOOL,
    LUD_CFG_INT,
    LUD_CFG_FLOAT,
    LUD_CFG_STR,
    LUD_CFG_LIST,
    LUD_CFG_OBJECT
};

/* Read access to the tree that `open` receives, and write access to an object that a slot fills.
 * Nodes are borrowed and live until the instance is closed. Every function accepts a NULL node and then answers
 * ABSENT, 0 or NULL. [any] */
typedef struct lud_cfg_api {
    uint32_t struct_size, reserved;
    int32_t (*type)(const lud_cfg *);                            /* LUD_CFG_* */
    size_t (*len)(const lud_cfg *);                              /* items of a list, members of an object */
    const lud_cfg *(*at)(const lud_cfg *, size_t i);             /* i-th item or member value */
    lud_str (*key_at)(const lud_cfg *, size_t i);                /* key of the i-th member */
    const lud_cfg *(*find)(const lud_cfg *, const char *dotted); /* "config.r"; NULL if absent */
    /* Scalar conversion. type BOOL: int32_t *, INT: int64_t *, FLOAT: double * (an integer converts),
     * STR: lud_str *. LUD_E_INVALID if the node has another type, LUD_E_NOT_FOUND if it is absent or null; then
     * *out is untouched, so that it can hold the default. */
    lud_status (*get)(const lud_cfg *, int32_t type, void *out);
    /* Writing. NULL key: append to a list. Later writes of a key replace earlier ones. A copy is taken. */
    lud_status (*set_null)(lud_cfg_out *, const char *key);
    lud_status (*set_bool)(lud_cfg_out *, const char *key, int32_t v);
    lud_status (*set_int)(lud_cfg_out *, const char *key, int64_t v);
    lud_status (*set_float)(lud_cfg_out *, const char *key, double v);
    lud_status (*set_str)(lud_cfg_out *, const char *key, lud_str v);
    lud_status (*set_copy)(lud_cfg_out *, const char *key, const lud_cfg *v); /* a whole subtree */
    lud_cfg_out *(*set_list)(lud_cfg_out *, const char *key);                 /* NULL on failure */
    lud_cfg_out *(*set_object)(lud_cfg_out *, const char *key);
} lud_cfg_api;

/* ---- Host table ------------------------------------------------------------------------------------------- */
enum { LUD_LOG_DEBUG, LUD_LOG_INFO, LUD_LOG_WARN, LUD_LOG_ERROR };

typedef struct lud_host {
    uint32_t struct_size, abi_minor;
    lud_host_ctx *ctx; /* first argument of every function below */
    const lud_cfg_api *cfg;
    /* align is a power of two; NULL if memory is out. [any] */
    void *(*alloc)(lud_host_ctx *, size_t n, size_t align);
    void (*free)(lud_host_ctx *, void *);                         /* accepts NULL. [any] */
    void (*log)(lud_host_ctx *, int32_t level, const char *utf8); /* [any] */
    int32_t (*cancelled)(lud_host_ctx *);                         /* nonzero: return LUD_E_CANCELLED soon. [any] */
    /* Calls fn(arg, begin, end) over [0, n) in chunks of `grain` items on the host's threads; returns when all are
     * done. Which thread takes a chunk is not defined; the chunks' borders are. Not to be nested. [executor] */
    void (*parallel_for)(lud_host_ctx *, int64_t n, int64_t grain, void (*fn)(void *arg, int64_t begin, int64_t end),
                         void *arg);
    int32_t (*threads)(lud_host_ctx *); /* size of the host's thread pool, the caller included. [any] */
    const void *(*get_service)(lud_host_ctx *, const char *id); /* "lud.graph/1", "lud.team/1"; NULL if unknown */
} lud_host;

/* Service "lud.team/1": one fork for a whole program. run calls fn(arg, rank, size) once on each thread of the pool,
 * rank 0 on the caller; barrier waits for all of them and may only be called inside. [executor] */
#define LUD_SERVICE_TEAM "lud.team/1"
typedef struct lud_team_api {
    uint32_t struct_size, reserved;
    void (*run)(lud_host_ctx *, void (*fn)(void *arg, int32_t rank, int32_t size), void *arg);
    void (*barrier)(lud_host_ctx *);
} lud_team_api;

/* ---- Plugins and components ------------------------------------------------------------------------------- */
#define LUD_KIND_MAP(X)                                                                                                \
    X(ENCODER, 1, "encoder")                                                                                           \
    X(DECODER, 2, "decoder")                                                                                           \
    X(ADAPTER, 3, "adapter")                                                                                           \
    X(BACKEND, 4, "backend")                                                                                           \
    X(HUB, 5, "hub")                                                                                                   \
    X(COMBINER, 6, "combiner")                                                                                         \
    X(COLLECTIVE, 7, "collective")                                                                                     \
    X(READER, 8, "reader")                                                                                             \
    X(OBSERVER, 9, "observer")
enum {
#define LUD_KIND_ENUM(name, code, text) LUD_KIND_##name = (code),
    LUD_KIND_MAP(LUD_KIND_ENUM)
#undef LUD_KIND_ENUM
};

/* Common head of encoder, decoder, adapter and hub vtables.
 * `cfg` has the children `config` (what the user wrote, defaults filled), `model` (config.json), `gguf` (raw
 * metadata) and `metadata` (features); those that do not apply are absent. */
typedef struct lud_inst {
    uint32_t struct_size, reserved;
    lud_status (*open)(lud_host_ctx *, const lud_cfg *cfg, void **self, lud_error *); /* [main] */
    void (*close)(void *self);                                                        /* accepts NULL. [main] */
} lud_inst;

/* One thing that a plugin offers. The registry key is (kind, feature type, config_name). */
typedef struct lud_component {
    uint32_t struct_size;
    int32_t kind;                     /* LUD_KIND_* */
    const char *id;                   /* "org.ludwig.lora", permanent and unique */
    const char *config_name;          /* the word in the config: "lora" */
    const char *summary;              /* one line */
    const char *config_schema;        /* JSON text of the keys it takes (docs/plugins.md), or NULL */
    const void *vtable;               /* lud_encoder_vt, lud_decoder_vt ... by kind; begins with its struct_size */
    const char *const *feature_types; /* NULL-terminated: "text", "number" ...; NULL = any */
    const char *const *model_types;   /* encoders: model_type of config.json and GGUF architectures; NULL = none */
} lud_component;

typedef struct lud_plugin {
    uint32_t struct_size, abi_minor;
    const char *name, *version, *vendor, *license, *url;
    const lud_component *const *components;
    uint32_t n_components, reserved;
    lud_status (*init)(const lud_host *, lud_error *); /* once, before anything else; touches no driver. [main] */
    void (*fini)(void);                                /* once, only after init succeeded. [main] */
    const void *(*get_extension)(const char *id);      /* NULL for an unknown id; may itself be NULL */
} lud_plugin;

/* The one exported symbol of a plugin. Pure: no allocation, no I/O, no driver; equal on every call. */
#define LUD_PLUGIN_ENTRY lud_plugin_v1
LUD_EXPORT const lud_plugin *lud_plugin_v1(void);

#ifdef __cplusplus
}
#endif
#endif
