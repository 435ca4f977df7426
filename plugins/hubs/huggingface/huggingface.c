/* SPDX-License-Identifier: Apache-2.0
 * huggingface: the Hugging Face Hub. Opening and closing a client; the component. */
#include "card.h"
#include "upload.h"

const lud_host *hf_host;

static void release(char *s) {
    if (s) explicit_bzero(s, strlen(s));
    hf_host->free(hf_host->ctx, s);
}

static char *copy(lud_str s) {
    char *text = hf_host->alloc(hf_host->ctx, s.len + 1, 1);
    if (!text) return NULL;
    memcpy(text, s.ptr, s.len);
    text[s.len] = '\0';
    return text;
}

static void close_client(void *self) {
    hf_client *c = self;
    if (!c) return;
    curl_easy_cleanup(c->curl);
    release(c->endpoint);
    release(c->token);
    release(c->user_agent);
    hf_host->free(hf_host->ctx, c);
}

static lud_status check_endpoint(hf_client *c, lud_error *err) {
    hf_text url = {0};
    const bool ok = hf_url_resolve(NULL, c->endpoint, &url, &c->origin);
    hf_text_free(&url);
    if (!ok) return lud_fail(err, LUD_E_HUB, "HF_ENDPOINT: '%s' is no http or https address", c->endpoint);
    return LUD_OK;
}

static lud_status open_client(lud_host_ctx *ctx, const lud_cfg *cfg, void **self, lud_error *err) {
    const lud_cfg *config = hf_host->cfg->find(cfg, "config");
    lud_str endpoint = {"https://huggingface.co", 22}, agent = {"ludwig", 6};
    hf_client *c = hf_host->alloc(ctx, sizeof(*c), _Alignof(hf_client));
    if (!c) return lud_fail(err, LUD_E_NOMEM, "huggingface: out of memory");
    (void)hf_host->cfg->get(lud_member(hf_host->cfg, config, "endpoint"), LUD_CFG_STR, &endpoint);
    (void)hf_host->cfg->get(lud_member(hf_host->cfg, config, "user_agent"), LUD_CFG_STR, &agent);
    *c = (hf_client){.curl = curl_easy_init(),
                     .endpoint = copy(endpoint),
                     .user_agent = copy(agent),
                     .connect_timeout = lud_float_of(hf_host->cfg, config, "connect_timeout", 10),
                     .read_timeout = lud_float_of(hf_host->cfg, config, "read_timeout", 10),
                     .allow_http = lud_bool_of(hf_host->cfg, config, "allow_http", 0) != 0};
    lud_status status = c->curl && c->endpoint && c->user_agent
                            ? check_endpoint(c, err)
                            : lud_fail(err, LUD_E_NOMEM, "huggingface: out of memory");
    if (status == LUD_OK)
        *self = c;
    else
        close_client(c);
    return status;
}

static lud_status authorize(void *self, lud_str token, lud_error *err) {
    hf_client *c = self;
    release(c->token);
    c->token = copy(token);
    return c->token ? LUD_OK : lud_fail(err, LUD_E_NOMEM, "huggingface: out of memory");
}

static lud_status init(const lud_host *h, lud_error *err) {
    hf_host = h;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK) return LUD_OK;
    return lud_fail(err, LUD_E_ABI, "huggingface: libcurl does not start");
}

static const lud_inst inst = {.struct_size = sizeof(inst), .open = open_client, .close = close_client};
static const lud_hub_vt vtable = {.struct_size = sizeof(vtable),
                                  .inst = &inst,
                                  .authorize = authorize,
                                  .resolve = hf_resolve,
                                  .fetch = hf_fetch,
                                  .begin = hf_begin,
                                  .add = hf_add,
                                  .commit = hf_commit,
                                  .abort = hf_abort,
                                  .describe = hf_describe};
static const lud_component component = {.struct_size = sizeof(component),
                                        .kind = LUD_KIND_HUB,
                                        .id = "org.ludwig.huggingface",
                                        .config_name = "hf",
                                        .summary = "the Hugging Face Hub: hf://org/name",
                                        .vtable = &vtable};
static const lud_component *const components[] = {&component};
static const lud_plugin plugin = {.struct_size = sizeof(plugin),
                                  .abi_minor = LUD_ABI_MINOR,
                                  .name = "huggingface",
                                  .version = "0.1.0",
                                  .vendor = "Ludwig",
                                  .license = "Apache-2.0",
                                  .url = "",
                                  .components = components,
                                  .n_components = 1,
                                  .init = init,
                                  .fini = curl_global_cleanup};

LUD_EXPORT const lud_plugin *lud_plugin_v1(void) {
    return &plugin;
}
