/* SPDX-License-Identifier: Apache-2.0
 * scale: multiplies each output of a wrapped map by a learned factor, y = l * (W x + b), as (IA)^3 does for keys,
 * values and feed-forward (Liu et al. 2022, arXiv 2205.05638). l starts at 1, so the model starts unchanged. Merging is
 * core's: the map stays linear. */
#include <ludwig/adapter.h>
#include <ludwig/easy.h>

static const lud_host *host;
static const lud_graph_api *graph;
static char instance; /* the adapter has no settings */

static lud_status open_instance(lud_host_ctx *ctx, const lud_cfg *cfg, void **self, lud_error *err) {
    (void)ctx, (void)cfg, (void)err;
    *self = &instance;
    return LUD_OK;
}

static void close_instance(void *self) {
    (void)self;
}

static lud_t apply(void *self, lud_graph *g, const lud_site *site, lud_t x, lud_t (*next)(void *, lud_t), void *arg) {
    (void)self;
    char name[320];
    const lud_shape shape = lud_dims1(site->d_out);
    const lud_param_spec ones = {.struct_size = sizeof ones, .init = LUD_INIT_CONSTANT, .a = 1.0f};
    const int n = snprintf(name, sizeof name, "%s.scale", site->name);
    if (site->kind == LUD_SITE_EMBEDDING || n < 0 || (size_t)n >= sizeof name) {
        graph->fail(g, LUD_E_UNSUPPORTED, "scale: only linear maps can be wrapped; change adapter.target_modules");
        return 0;
    }
    return lud_mul(graph, g, next(arg, x), graph->param(g, name, &shape, &ones));
}

static lud_status file_key(void *self, const char *param, int32_t site_matched, char *key, size_t cap, lud_error *err) {
    (void)self, (void)site_matched;
    const int n = snprintf(key, cap, "base_model.model.%s", param);
    if (n >= 0 && (size_t)n < cap) return LUD_OK;
    return lud_fail(err, LUD_E_INVALID, "scale: the name '%.80s...' is too long", param);
}

/* The section and adapter_config.json share the choice of sites and nothing else. LOAD comes before there is an
 * instance. */
static lud_status config(void *self, int32_t direction, const lud_cfg *in, lud_cfg_out *out, lud_error *err) {
    static const char *const shared[] = {"target_modules", "exclude_modules", "layers_to_transform", "layers_pattern"};
    (void)self;
    const lud_cfg_api *c = host->cfg;
    const int saving = direction == LUD_CONFIG_SAVE;
    lud_status status = c->set_str(out, saving ? "peft_type" : "type", lud_text(saving ? "SCALE" : "scale"));
    for (size_t i = 0; status == LUD_OK && i < sizeof shared / sizeof shared[0]; i++) {
        const lud_cfg *v = lud_member(c, in, shared[i]);
        if (lud_is_set(c, v)) status = c->set_copy(out, shared[i], v);
    }
    return status == LUD_OK ? LUD_OK : lud_fail(err, status, "scale: out of memory");
}

static lud_status init(const lud_host *h, lud_error *err) {
    graph = h->get_service(h->ctx, LUD_SERVICE_GRAPH);
    if (!graph) return lud_fail(err, LUD_E_ABI, "scale: the host has no service %s", LUD_SERVICE_GRAPH);
    host = h;
    host->log(host->ctx, LUD_LOG_DEBUG, "scale: ready");
    return LUD_OK;
}

static const lud_inst inst = {.struct_size = sizeof inst, .open = open_instance, .close = close_instance};
static const lud_adapter_vt vtable = {
    .struct_size = sizeof vtable,
    .inst = &inst,
    .apply = apply,
    .file_key = file_key,
    .config = config,
    .peft_type = "SCALE",
};
static const lud_component component = {
    .struct_size = sizeof component,
    .kind = LUD_KIND_ADAPTER,
    .id = "org.example.scale",
    .config_name = "scale",
    .summary = "a learned factor for each output of a linear map",
    .config_schema = "{\"properties\": {"
                     "\"target_modules\": {\"type\": [\"array\", \"string\", \"null\"], \"default\": null},"
                     "\"exclude_modules\": {\"type\": [\"array\", \"string\", \"null\"], \"default\": null},"
                     "\"layers_to_transform\": {\"type\": [\"array\", \"integer\", \"null\"], \"default\": null},"
                     "\"layers_pattern\": {\"type\": [\"array\", \"string\", \"null\"], \"default\": null}}}",
    .vtable = &vtable,
};
static const lud_component *const components[] = {&component};
static const lud_plugin plugin = {
    .struct_size = sizeof plugin,
    .abi_minor = LUD_ABI_MINOR,
    .name = "scale",
    .version = "1.0.0",
    .vendor = "Example",
    .license = "Apache-2.0",
    .url = "",
    .components = components,
    .n_components = 1,
    .init = init,
};

LUD_EXPORT const lud_plugin *lud_plugin_v1(void) {
    return &plugin;
}
