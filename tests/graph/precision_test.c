/* SPDX-License-Identifier: Apache-2.0
 * LUD_OP_BF16: with bf16, the maps of sites and attention carry it, and so do their gradients; what else is emitted
 * does not; without, nothing does. LUD_OP_INT8: forward maps of frozen sites that the hook names carry it. A precision
 * is taken by the device that is faster with it, or has it. */
#include "rig.h"

typedef struct flags {
    uint32_t flagged[64], plain[64], int8[64];
} flags;

static void record(void *arg, const lud_program *p) {
    flags *f = arg;
    for (uint32_t i = 0; i < p->n_ops; i++)
        (p->ops[i]->flags & LUD_OP_BF16 ? f->flagged : f->plain)[p->ops[i]->opcode]++;
    for (uint32_t i = 0; i < p->n_ops; i++)
        f->int8[p->ops[i]->opcode] += (p->ops[i]->flags & LUD_OP_INT8) != 0;
}

/* x -> trained map, emitted as an adapter does -> attention -> frozen site -> trained site -> loss */
static void build(lud_graph *g, rig *r) {
    const lud_graph_api *api = ludc_graph_api();
    int32_t e = ludc_graph_extent(g, 4), s1 = ludc_graph_extent(g, 2);
    lud_shape shape = rig_shape(LUD_REAL, 2, -e, 6, 0), rows = rig_shape(LUD_REAL, 2, -e, 5, 0);
    lud_shape offsets = rig_shape(LUD_I32, 1, -s1, 0, 0);
    lud_t x = ludc_graph_input(g, "x", &shape), dy = ludc_graph_input(g, "dy", &rows);
    lud_t low = OP(g, LINEAR, NULL, x, rig_param(r, g, "t.low", 6, 6));
    const lud_attr_shape heads = {.rank = 3, .dim = {-e, 2, 3}}, flat = {.rank = 2, .dim = {-e, 6}};
    const lud_attr_attention causal = {.scale = 0.5f, .causal = 1, .left = -1, .right = -1, .cache_slot = -1};
    low = OP(g, RESHAPE, &heads, low);
    low = OP(g, ATTENTION, &causal, low, low, low, ludc_graph_input(g, "seg", &offsets));
    low = OP(g, RESHAPE, &flat, low);
    lud_site frozen = {.struct_size = sizeof frozen, .groups = 1, .name = "frozen", .d_in = 6, .d_out = 7};
    lud_site trained = {.struct_size = sizeof trained, .groups = 1, .name = "trained", .d_in = 7, .d_out = 5};
    frozen.weight = rig_param(r, g, "frozen.weight", 7, 6);
    trained.weight = rig_param(r, g, "t.trained", 5, 7);
    lud_t y = api->linear(g, &trained, api->linear(g, &frozen, low));
    CHECK_OK(ludc_graph_backward(g, y, dy, &r->err), r->err);
}

static bool name_frozen(void *arg, const lud_site *site) {
    (void)arg;
    return strcmp(site->name, "frozen") == 0;
}
static bool name_all(void *arg, const lud_site *site) {
    (void)arg, (void)site;
    return true;
}

static flags flags_of(bool bf16, bool (*int8)(void *, const lud_site *)) {
    rig r;
    flags f = {{0}, {0}, {0}};
    ludc_program *p = NULL;
    if (!rig_open(&r, RIG_WATCH, LUD_F32)) return f;
    rig_on_compile(record, &f);
    ludc_graph_hooks hooks = *rig_trains();
    hooks.int8 = int8;
    const ludc_graph_opts opts = {.store = r.store, .real = LUD_F32, .bf16 = bf16, .hooks = &hooks};
    lud_graph *g = ludc_graph_new(&opts, &r.err);
    build(g, &r);
    CHECK_OK(ludc_store_seal(r.store, 0, &r.err), r.err);
    CHECK_OK(ludc_program_new(g, NULL, 0, &r.devices, r.store, &p, &r.err), r.err);
    rig_on_compile(NULL, NULL);
    ludc_program_free(p);
    ludc_graph_free(g);
    rig_close(&r);
    return f;
}

static void check_precision(void) {
    rig r;
    if (!rig_open(&r, RIG_WATCH, LUD_F32)) return;
    const char *const words[] = {"auto", "fp32", "bf16"};
    for (int has = 0; has < 2; has++) {
        for (int i = 0; i < 3; i++) {
            r.devices.primary.info.caps = has ? LUD_CAP_BF16 : 0;
            ludc_devices_set_precision(&r.devices, ludc_str(words[i]));
            CHECK(r.devices.bf16 == (has && i != 1));
        }
    }
    CHECK(strstr(r.devices.why, "bf16 products") != NULL);
    for (uint32_t caps = 0; caps < 2 * (LUD_CAP_BF16 | LUD_CAP_INT8); caps++) {
        r.devices.primary.info.caps = caps;
        ludc_devices_set_precision(&r.devices, LUDC_STR("int8"));
        CHECK(r.devices.bf16 == ((caps & LUD_CAP_BF16) != 0) && r.devices.int8 == ((caps & LUD_CAP_INT8) != 0));
    }
    ludc_devices_set_precision(&r.devices, LUDC_STR("auto"));
    CHECK(!r.devices.int8);
    rig_close(&r);
}

int main(void) {
    flags with = flags_of(true, NULL), without = flags_of(false, NULL);
    CHECK_INT(with.flagged[LUD_OP_LINEAR], 1); /* nobody reads the last map itself */
    CHECK_INT(with.plain[LUD_OP_LINEAR], 1);
    CHECK_INT(with.flagged[LUD_OP_LINEAR_GRAD_INPUT], 2);
    CHECK_INT(with.flagged[LUD_OP_ATTENTION], 1);
    CHECK_INT(with.flagged[LUD_OP_ATTENTION_GRAD], 1);
    CHECK_INT(with.flagged[LUD_OP_LINEAR_GRAD_WEIGHT], 1);
    CHECK_INT(with.plain[LUD_OP_LINEAR_GRAD_WEIGHT], 1);
    CHECK_INT(without.plain[LUD_OP_LINEAR], 2);
    for (int i = 0; i < 64; i++)
        CHECK_INT(without.flagged[i], 0);
    bool (*const hooks[])(void *, const lud_site *) = {NULL, name_frozen, name_all};
    for (int i = 0; i < 3; i++) {
        flags f = flags_of(i != 1, hooks[i]);
        for (int op = 0; op < 64; op++)
            CHECK_INT(f.int8[op], op == LUD_OP_LINEAR && i > 0); /* the frozen one alone */
    }
    check_precision();
    return check_done();
}
