/* SPDX-License-Identifier: Apache-2.0
 * The `trainer` section read once: lengths, optimizer, clipping, what is watched. */
#include "internal.h"

#include <math.h>
#include <string.h>

static int64_t int_or(const ludc_value *v, const char *key, int64_t dflt) {
    const ludc_value *node = ludc_value_find(v, key);
    return node && node->type == LUD_CFG_INT ? node->u.i : dflt;
}

static lud_status read_optimizer(const ludc_value *trainer, ludc_settings *s, lud_error *err) {
    const ludc_value *o = ludc_value_get(trainer, "optimizer");
    const lud_str type = ludc_get_str(o, "type", LUDC_STR("adam"));
    const ludc_value *betas = ludc_value_get(o, "betas");
    s->scalars[2] = (float)ludc_get_float(o, "weight_decay", 0.0);
    s->scalars[4] = (float)ludc_get_float(betas, "0", 0.9);
    s->scalars[5] = (float)ludc_get_float(betas, "1", 0.999);
    s->scalars[6] = (float)ludc_get_float(o, "eps", 1e-8);
    if (ludc_str_eq(type, "sgd")) {
        s->kind = LUDC_OPT_SGD;
        s->scalars[4] = (float)ludc_get_float(o, "momentum", 0.0);
        s->scalars[7] = ludc_get_bool(o, "nesterov", false) ? 1.0f : 0.0f;
        s->momentum = s->scalars[4] != 0.0f;
        return LUD_OK;
    }
    if (ludc_str_eq(type, "adam") || ludc_str_eq(type, "adamw")) {
        s->kind = ludc_str_eq(type, "adam") ? LUDC_OPT_ADAM : LUDC_OPT_ADAMW;
        s->scalars[3] = s->kind == LUDC_OPT_ADAMW ? 1.0f : 0.0f;
        return LUD_OK;
    }
    return ludc_fail(err, LUD_E_INVALID,
                     "trainer.optimizer.type: '%.*s' is known, not available yet (adam, adamw, sgd)", LUDC_ARG(type));
}

/* The two norms of Ludwig are the same clip; the smaller one decides. */
static double clip_norm(const ludc_value *clipping) {
    const double global = ludc_get_float(clipping, "clipglobalnorm", 0.0);
    const double norm = ludc_get_float(clipping, "clipnorm", 0.0);
    return global > 0 && norm > 0 ? fmin(global, norm) : fmax(global, norm);
}

/* "auto": a power of two up to 128 that leaves at least 20 steps in an epoch. */
static int64_t batch_size(const ludc_value *trainer, int64_t rows) {
    const ludc_value *v = ludc_value_get(trainer, "batch_size");
    int64_t size = 1;
    if (!v || v->type != LUD_CFG_STR) return LUDC_MAX(1, int_or(trainer, "batch_size", 1));
    while (size < 128 && 2 * size * 20 <= rows)
        size *= 2;
    return size;
}

static void read_lengths(const ludc_value *trainer, size_t n_rows, ludc_settings *s) {
    const int64_t rows = (int64_t)LUDC_MAX(n_rows, 1);
    const int64_t effective = int_or(trainer, "effective_batch_size", 0);
    const int64_t size = batch_size(trainer, rows);
    s->batch_rows = effective > 0 ? effective : size * LUDC_MAX(1, int_or(trainer, "gradient_accumulation_steps", 1));
    s->batch_rows = LUDC_MIN(s->batch_rows, rows);
    s->steps_per_epoch = (rows + s->batch_rows - 1) / s->batch_rows;
    s->epochs = int_or(trainer, "epochs", 3);
    s->total_steps = s->epochs * s->steps_per_epoch;
    const int64_t train_steps = int_or(trainer, "train_steps", 0);
    if (train_steps > 0) {
        s->total_steps = train_steps;
        s->epochs = (train_steps + s->steps_per_epoch - 1) / s->steps_per_epoch;
    }
    const int64_t every = int_or(trainer, "steps_per_checkpoint", 0);
    const int64_t per_epoch = LUDC_MAX(1, int_or(trainer, "checkpoints_per_epoch", 1));
    s->steps_per_evaluation = every > 0 ? every : LUDC_MAX(1, (s->steps_per_epoch + per_epoch - 1) / per_epoch);
}

lud_status ludc_settings_read(const ludc_value *trainer, size_t n_rows, ludc_settings *s, lud_error *err) {
    memset(s, 0, sizeof(*s));
    read_lengths(trainer, n_rows, s);
    s->early_stop = int_or(trainer, "early_stop", 5);
    s->shuffle = ludc_get_bool(trainer, "should_shuffle", true);
    s->skip_evaluation = ludc_get_bool(trainer, "skip_all_evaluation", false);
    s->evaluate_training_set = ludc_get_bool(trainer, "evaluate_training_set", false);
    const int64_t eval_steps = int_or(trainer, "eval_steps", -1);
    s->max_eval_rows = eval_steps > 0 ? eval_steps * LUDC_MAX(1, int_or(trainer, "eval_batch_size", 2)) : -1;
    s->field = ludc_get_str(trainer, "validation_field", LUDC_STR("combined"));
    s->metric = ludc_get_str(trainer, "validation_metric", LUDC_STR("loss"));
    s->plateau_on_validation = ludc_str_eq(
        ludc_get_str(trainer, "learning_rate_scheduler.reduce_eval_split", LUDC_STR("training")), "validation");
    s->clip_norm = clip_norm(ludc_value_get(trainer, "gradient_clipping"));
    s->clip_value = ludc_get_float(trainer, "gradient_clipping.clipvalue", 0.0);
    return read_optimizer(trainer, s, err);
}
