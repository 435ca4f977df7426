/* SPDX-License-Identifier: Apache-2.0
 * What each kind of component must bring: the size of its vtable at the first release, and the slots that core calls
 * without asking. Invariant: these numbers never grow; a later slot is optional. Kinds that this program does not know
 * pass: they come from a newer SDK and are never looked up. */
#include "internal.h"

#include <ludwig/adapter.h>
#include <ludwig/backend.h>
#include <ludwig/combiner.h>
#include <ludwig/decoder.h>
#include <ludwig/encoder.h>
#include <ludwig/hub.h>
#include <string.h>

typedef struct slot {
    const char *name; /* NULL ends the list */
    size_t offset;
} slot;

#define SLOT(vt, field)                                                                                                \
    { #field, offsetof(vt, field) }

static const slot encoder_slots[] = {SLOT(lud_encoder_vt, inst), SLOT(lud_encoder_vt, build), {0}};
/* Of an encoder that names model types: its parameters lie in files. */
static const slot model_slots[] = {SLOT(lud_encoder_vt, info), SLOT(lud_encoder_vt, sources), {0}};
static const slot decoder_slots[] = {SLOT(lud_decoder_vt, inst), SLOT(lud_decoder_vt, build), {0}};
static const slot combiner_slots[] = {SLOT(lud_combiner_vt, inst), SLOT(lud_combiner_vt, build), {0}};
static const slot adapter_slots[] = {SLOT(lud_adapter_vt, inst), SLOT(lud_adapter_vt, apply), {0}};
static const slot hub_slots[] = {SLOT(lud_hub_vt, inst), {0}};
static const slot backend_slots[] = {SLOT(lud_backend_vt, probe),
                                     SLOT(lud_backend_vt, open),
                                     SLOT(lud_backend_vt, close),
                                     SLOT(lud_backend_vt, buf_new),
                                     SLOT(lud_backend_vt, buf_free),
                                     SLOT(lud_backend_vt, upload),
                                     SLOT(lud_backend_vt, download),
                                     SLOT(lud_backend_vt, supports_op),
                                     SLOT(lud_backend_vt, compile),
                                     SLOT(lud_backend_vt, run),
                                     SLOT(lud_backend_vt, exe_free),
                                     SLOT(lud_backend_vt, sync),
                                     {0}};

static const struct {
    int32_t kind;
    bool has_inst;
    size_t first_release; /* bytes */
    const slot *required;
} kinds[] = {
    {LUD_KIND_ENCODER, true, LUD_SIZEOF_THRU(lud_encoder_vt, sources), encoder_slots},
    {LUD_KIND_DECODER, true, LUD_SIZEOF_THRU(lud_decoder_vt, build), decoder_slots},
    {LUD_KIND_COMBINER, true, LUD_SIZEOF_THRU(lud_combiner_vt, build), combiner_slots},
    {LUD_KIND_ADAPTER, true, LUD_SIZEOF_THRU(lud_adapter_vt, apply), adapter_slots},
    {LUD_KIND_HUB, true, LUD_SIZEOF_THRU(lud_hub_vt, abort), hub_slots},
    {LUD_KIND_BACKEND, false, LUD_SIZEOF_THRU(lud_backend_vt, sync), backend_slots},
};

/* The kinds with instances begin alike. */
static char *inst_fault(const lud_component *c) {
    const lud_inst *inst = ((const lud_decoder_vt *)c->vtable)->inst;
    if (inst->struct_size >= LUD_SIZEOF_THRU(lud_inst, close) && inst->open && inst->close) return NULL;
    return ludc_text("component %s: inst without open or close, or its struct_size is too small", c->id);
}

static char *slots_fault(const lud_component *c, const slot *s) {
    for (; s->name; s++) {
        uintptr_t value; /* of a data or a function pointer */
        memcpy(&value, (const char *)c->vtable + s->offset, sizeof(value));
        if (!value) return ludc_text("component %s: %s.%s is NULL", c->id, ludc_kind_name(c->kind), s->name);
    }
    return NULL;
}

char *ludc_vtable_fault(const lud_component *c) {
    if (!c->vtable) return ludc_text("component %s: no vtable", c->id);
    const uint32_t size = *(const uint32_t *)c->vtable;
    for (size_t i = 0; i < LUDC_COUNT(kinds); i++) {
        if (kinds[i].kind != c->kind) continue;
        if (size < kinds[i].first_release)
            return ludc_text("component %s: %s vtable of %u bytes, want at least %zu", c->id, ludc_kind_name(c->kind),
                             size, kinds[i].first_release);
        char *fault = slots_fault(c, kinds[i].required);
        if (!fault && c->kind == LUD_KIND_ENCODER && c->model_types) fault = slots_fault(c, model_slots);
        return !fault && kinds[i].has_inst ? inst_fault(c) : fault;
    }
    return NULL;
}
