/* SPDX-License-Identifier: Apache-2.0
 * How a row of a schema table is written, and the tables of the sections. A table ends with KEY_END. */
#ifndef LUDC_SCHEMA_TABLES_H
#define LUDC_SCHEMA_TABLES_H

#include <config.h>
#include <float.h>

/* Bounds of numbers. Open ends at zero are the smallest positive number. */
#define POSITIVE DBL_MIN
#define NO_LIMIT DBL_MAX
#define MAX_INT  2147483647.0

#define KEY_BOOL(key, default_, doc_)                                                                                  \
    { .name = (key), .types = LUDC_T_BOOL, .dflt = (default_), .min = 1, .max = 0, .doc = (doc_) }
#define KEY_NUMBER(key, types_, default_, min_, max_, doc_)                                                            \
    { .name = (key), .types = (types_), .dflt = (default_), .min = (min_), .max = (max_), .doc = (doc_) }
#define KEY_NUMBER_OR_WORD(key, types_, default_, min_, max_, words_, planned_, doc_)                                  \
    {                                                                                                                  \
        .name = (key), .types = (types_), .dflt = (default_), .min = (min_), .max = (max_), .words = (words_),         \
        .planned = (planned_), .doc = (doc_)                                                                           \
    }
#define KEY_TEXT(key, types_, flags_, default_, doc_)                                                                  \
    { .name = (key), .types = (types_), .flags = (flags_), .dflt = (default_), .min = 1, .max = 0, .doc = (doc_) }
#define KEY_WORD(key, types_, flags_, default_, words_, planned_, doc_)                                                \
    {                                                                                                                  \
        .name = (key), .types = (types_), .flags = (flags_), .dflt = (default_), .min = 1, .max = 0,                   \
        .words = (words_), .planned = (planned_), .doc = (doc_)                                                        \
    }
#define KEY_NUMBERS(key, types_, default_, min_, max_, doc_)                                                           \
    {                                                                                                                  \
        .name = (key), .types = (types_), .flags = LUDC_KEY_NUMBERS, .dflt = (default_), .min = (min_), .max = (max_), \
        .doc = (doc_)                                                                                                  \
    }
#define KEY_SECTION(key, types_, flags_, default_, section_, doc_)                                                     \
    {                                                                                                                  \
        .name = (key), .types = (types_), .flags = (flags_), .dflt = (default_), .min = 1, .max = 0,                   \
        .section = (section_), .doc = (doc_)                                                                           \
    }
/* A key that Ludwig has and this program does not yet: only its default is taken. */
#define KEY_PLANNED(key, default_, doc_)                                                                               \
    { .name = (key), .flags = LUDC_KEY_PLANNED | LUDC_KEY_ANY, .dflt = (default_), .min = 1, .max = 0, .doc = (doc_) }
#define KEY_FREE(key, doc_)                                                                                            \
    { .name = (key), .flags = LUDC_KEY_ANY, .min = 1, .max = 0, .doc = (doc_) }
#define KEY_END                                                                                                        \
    { .name = NULL }

extern const ludc_key ludc_schema_generation[], ludc_schema_trainer[], ludc_schema_input[], ludc_schema_output[],
    ludc_schema_adapter[], ludc_schema_ecd[];

#endif
