/* SPDX-License-Identifier: Apache-2.0
 * A whole small predictor for tests: two texts, a number and a category in; a category, and a number that depends on
 * it, out. */
#ifndef TESTS_TASK_H
#define TESTS_TASK_H

#include "golden.h"

#include <predictor.h>

enum { TASK_ROWS = 10, TASK_CLASSES = 3 };

typedef struct task {
    ludc_config config;
    ludc_value *metadata;
    ludc_predictor *p;
    ludc_task_rows rows; /* TASK_ROWS of them; row 3 has no category, row 7 no number */
} task;
/* encoder: a model folder; how: more keys of both encoder sections, ", trainable: true"; second: more keys of the
 * second text input, ", tied: a". NULL weights: fresh parameters. */
lud_status task_open(const golden *, const char *encoder, const char *how, const char *second, const char *device,
                     int32_t real, const char *weights, task *, lud_error *);
void task_close(task *);
/* The model folder in the source tree; heap. */
char *task_encoder(void);

#endif
