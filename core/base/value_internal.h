/* SPDX-License-Identifier: Apache-2.0
 * The key index of large objects: value.c keeps it up to date, value_index.c is it. */
#ifndef LUDC_VALUE_INTERNAL_H
#define LUDC_VALUE_INTERNAL_H

#include "base.h"

void ludc_value_index_add(ludc_value *object);  /* after a key was appended */
void ludc_value_index_drop(ludc_value *object); /* before a key is taken out */
/* Position of the key; the first one, if a reader appended it twice. */
bool ludc_value_index_find(const ludc_value *object, lud_str key, size_t *at);

#endif
