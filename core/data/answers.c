/* SPDX-License-Identifier: Apache-2.0
 * What the activated scores of one row say. */
#include "answers.h"

int64_t ludc_answer_class(const float *scores, int64_t width) {
    int64_t best = 0;
    for (int64_t k = 1; k < width; k++)
        if (scores[k] > scores[best]) best = k;
    return best;
}

float ludc_answer_threshold(const ludc_value *feature) {
    return (float)ludc_get_float(feature, "threshold", 0.5);
}
