/* SPDX-License-Identifier: Apache-2.0
 * lud_model_export: a model in the files of others. Everything is written under a temporary name, opened again and
 * asked the same eight prompts; only what answers as the model does gets its name. */
#include "internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { PEFT, MERGED, GGUF, GGUF_ADAPTER };
static const char *const formats[] = {"peft", "merged", "gguf", "gguf_adapter"};
static const struct {
    const char *word;
    int32_t dtype;
    double cost; /* by how much its rounding may move logits (ludc_probe_compare): four bits by as much as they like */
} types[] = {{"F32", LUDC_F32, 1e-3},
             {"F16", LUDC_F16, 0.05},
             {"BF16", LUDC_BF16, 0.25},
             {"Q8_0", LUDC_Q8_0, 0.5},
             {"Q4_0", LUDC_Q4_0, HUGE_VAL}};
#define SAME 1e-3 /* weights equal bit by bit: only the order of sums may differ */

typedef struct job {
    lud_model *m;
    int format, type;
    char *temp; /* where it is written first */
    const char *output;
} job;

static lud_status find_word(const char *what, const char *word, const char *(*at)(size_t), size_t n, int *out,
                            lud_error *err) {
    ludc_buf list = {0};
    for (size_t i = 0; i < n; i++) {
        if (strcasecmp(word, at(i)) == 0) return ludc_buf_free(&list), *out = (int)i, LUD_OK;
        ludc_buf_addf(&list, "%s%s", i ? ", " : "", at(i));
    }
    const lud_status status =
        ludc_fail(err, LUD_E_INVALID, "export: %s '%s' is not one of %s", what, word, list.ptr ? list.ptr : "?");
    ludc_buf_free(&list);
    return status;
}

static const char *format_at(size_t i) {
    return formats[i];
}

static const char *type_at(size_t i) {
    return types[i].word;
}

static lud_status read_opts(job *j, const lud_export_opts *o, lud_error *err) {
    const char *word = LUD_HAS(o, lud_export_opts, type) && o->type ? o->type : "F32";
    LUDC_TRY(find_word("format", o->format ? o->format : "", format_at, LUDC_COUNT(formats), &j->format, err));
    if (j->format == GGUF && (!LUD_HAS(o, lud_export_opts, type) || !o->type)) word = "F16";
    LUDC_TRY(find_word("type", word, type_at, LUDC_COUNT(types), &j->type, err));
    if ((j->format == MERGED && j->type > 2) || ((j->format == PEFT || j->format == GGUF_ADAPTER) && j->type > 0))
        return ludc_fail(err, LUD_E_INVALID, "export: %s is not written as %s", formats[j->format], word);
    j->output = o->output;
    if (!o->output || !o->output[0]) return ludc_fail(err, LUD_E_INVALID, "export: name an output folder or file");
    if (ludc_path_exists(o->output))
        return ludc_fail(err, LUD_E_IO, "%s: exists already; name a new folder or file", o->output);
    LUDC_TRY(ludc_path_can_make(o->output, true, err));
    ludc_buf temp = {0};
    ludc_buf_addf(&temp, "%s.partial%s", o->output, j->format >= GGUF ? ".gguf" : "");
    j->temp = temp.ptr;
    return temp.failed ? ludc_fail(err, LUD_E_NOMEM, "out of memory") : LUD_OK;
}

/* "x/y.gguf" -> "y" */
static lud_status write_gguf(const job *j, lud_error *err) {
    const char *slash = strrchr(j->output, '/'), *base = slash ? slash + 1 : j->output, *dot = strrchr(base, '.');
    char *name = ludc_strndup(base, dot && dot > base ? (size_t)(dot - base) : strlen(base));
    char *parent = slash && slash > j->output ? ludc_strndup(j->output, (size_t)(slash - j->output)) : NULL;
    lud_status status = name ? LUD_OK : ludc_fail(err, LUD_E_NOMEM, "out of memory");
    if (status == LUD_OK && parent) status = ludc_dir_make(parent, err);
    if (status == LUD_OK)
        status = j->format == GGUF ? ludc_model_save_gguf(j->m->model, j->temp, name, types[j->type].dtype, err)
                                   : ludc_model_save_gguf_adapter(j->m->model, j->temp, name, err);
    ludc_free(parent);
    ludc_free(name);
    return status;
}

static lud_status ask(const job *j, const ludc_value *config, const char *base, const char *adapter, bool rounded,
                      ludc_probe *out, lud_error *err) {
    const ludc_model_spec spec = {
        .host = j->m->session->host, .config = config, .base_model = base, .adapter_dir = adapter, .seed = j->m->seed};
    ludc_model *again = NULL;
    lud_status status = ludc_model_open(&spec, &again, err);
    if (status == LUD_OK && rounded)
        status = ludc_model_take_rounded(again, j->m->model, j->format == GGUF, types[j->type].dtype, err);
    if (status == LUD_OK) status = ludc_probe_take(again, out, err);
    ludc_model_free(again);
    return status;
}

/* The file must answer as the model does whose weights are rounded in memory, and that about as the model itself. */
static lud_status compare(const job *j, const ludc_value *config, ludc_probe p[3], double *cost, lud_error *err) {
    double apart = 0.0;
    const char *base = ludc_model_info_of(j->m->model)->base->path;
    if (j->format == PEFT) {
        LUDC_TRY(ask(j, config, base, j->temp, false, &p[2], err));
        return ludc_probe_compare(&p[0], &p[2], SAME, &apart, err);
    }
    LUDC_TRY(ask(j, config, base, NULL, true, &p[1], err));
    LUDC_TRY(ludc_probe_compare(&p[0], &p[1], types[j->type].cost, cost, err));
    ludc_model_close(j->m);
    LUDC_TRY(ask(j, config, j->temp, NULL, false, &p[2], err));
    return ludc_probe_compare(&p[1], &p[2], SAME, &apart, err);
}

static lud_status check(const job *j, ludc_probe p[3], lud_error *err) {
    ludc_value *config = ludc_value_copy(j->m->config.full);
    double cost = 0.0;
    lud_error why = LUDC_ERROR_INIT;
    lud_status status = LUD_OK;
    if (!config || !ludc_value_put(config, "adapter", ludc_value_new(LUD_CFG_NULL)))
        status = ludc_fail(err, LUD_E_NOMEM, "out of memory");
    if (status == LUD_OK) status = compare(j, config, p, &cost, &why);
    ludc_value_free(config);
    if (status != LUD_OK)
        return ludc_fail(err, status, "%s: what was exported is not the model and was removed: %s", j->output, why.msg);
    ludc_log(cost > 0.5 ? LUD_LOG_WARN : LUD_LOG_INFO,
             "export: opened again and asked %d prompts; rounding to %s moves the logits by %.2g of their spread",
             LUDC_PROBES, types[j->type].word, cost);
    return LUD_OK;
}

static lud_status write_all(const job *j, lud_error *err) {
    switch (j->format) {
    case PEFT:
        return ludc_model_save_adapter(j->m->model, j->temp, err);
    case MERGED:
        return ludc_model_save_folder(j->m->model, j->temp, types[j->type].dtype, err);
    default:
        return write_gguf(j, err);
    }
}

static lud_status export_language(const job *j, lud_error *err) {
    ludc_probe p[3] = {{.logits = NULL}};
    lud_status status = ludc_probe_take(j->m->model, &p[0], err);
    if (status == LUD_OK) status = write_all(j, err);
    /* llama.cpp's adapter files are read by no encoder here: tests/export proves them. */
    if (status == LUD_OK && j->format != GGUF_ADAPTER) status = check(j, p, err);
    for (size_t i = 0; i < LUDC_COUNT(p); i++)
        ludc_probe_free(&p[i]);
    return status;
}

/* ---- The encoder of a predictive model ---- */
static lud_status export_encoder(const job *j, lud_error *err) {
    ludc_model *tower = NULL;
    const ludc_predictor *p = j->m->predictor;
    for (size_t i = 0; i < p->n_inputs; i++) {
        if (!p->inputs[i].tower || p->inputs[i].tied >= 0) continue;
        if (tower)
            return ludc_fail(err, LUD_E_UNSUPPORTED,
                             "export: this predictive model has several encoders with a base model; only one can be "
                             "exported");
        tower = p->inputs[i].tower;
    }
    if (!tower)
        return ludc_fail(err, LUD_E_INVALID,
                         "export: this predictive model has no encoder with a base model; its run "
                         "folder is all there is");
    if (j->format == PEFT) return ludc_model_save_adapter(tower, j->temp, err);
    if (j->format == MERGED) return ludc_model_save_folder(tower, j->temp, types[j->type].dtype, err);
    return ludc_fail(err, LUD_E_UNSUPPORTED, "export: the encoder of a predictive model is exported as peft or merged");
}

static void remove_temp(const char *temp) {
    if (temp && ludc_path_is_dir(temp))
        (void)ludc_dir_remove(temp, NULL);
    else if (temp)
        (void)remove(temp);
}

LUD_EXPORT lud_status lud_model_export(lud_model *m, const lud_export_opts *o, lud_error *err) {
    job j = {.m = m};
    lud_status status = read_opts(&j, o, err);
    if (status == LUD_OK) status = ludc_model_ready(m, false, err);
    if (status == LUD_OK) {
        status = ludc_is_predictive(m) ? export_encoder(&j, err) : export_language(&j, err);
        if (status == LUD_OK) status = ludc_path_rename(j.temp, j.output, err);
        if (status != LUD_OK) remove_temp(j.temp);
    }
    ludc_free(j.temp);
    return status;
}
