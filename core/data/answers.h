/* SPDX-License-Identifier: Apache-2.0
 * answers: what the activated scores of one row say, as the prediction columns of Ludwig.
 * Metrics and columns read scores with the same functions, so that a row counted as right is also printed as right. */
#ifndef LUDC_ANSWERS_H
#define LUDC_ANSWERS_H

#include <base.h>

/* Class of the highest score; the first of equal ones. */
int64_t ludc_answer_class(const float *scores, int64_t width);
/* A binary or set score is a yes from here on: feature.threshold, 0.5 if absent. */
float ludc_answer_threshold(const ludc_value *feature);

#endif
