/* SPDX-License-Identifier: Apache-2.0
 * template: format specs, shared by template.c (where they stand) and template_format.c (what they do). */
#ifndef LUDC_TEXT_TEMPLATE_H
#define LUDC_TEXT_TEMPLATE_H

#include "text.h"

typedef struct ludc_float_spec {
    char fill[4]; /* one character */
    size_t fill_len;
    char align; /* '<' '>' '^' '=' */
    char sign;  /* '-' '+' ' ' */
    char type;  /* one of "fFeEgG%" */
    bool comma;
    int width, precision;
} ludc_float_spec;

/* The text after the colon. False, with *why set, if it is no spec of the float kind. */
bool ludc_float_spec_parse(lud_str, ludc_float_spec *, const char **why);
/* Appends the number that `value` spells; false: it spells none. */
bool ludc_float_spec_apply(const ludc_float_spec *, lud_str value, ludc_buf *out);

#endif
