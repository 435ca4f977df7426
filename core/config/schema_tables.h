/* SPDX-License-Identifier: Apache-2.0
 * How a row of a schema table is written, and the tables of the sections. A table ends with KEY_END. */
#ifndef LUDC_SCHEMA_TABLES_H
#define LUDC_SCHEMA_TABLES_H

#include <config.h>
#include <float.h>

/* What a value may be: REAL OR_NULL. */
#define BOOL    LUDC_T_BOOL
#define INT     LUDC_T_INT
#define REAL    LUDC_T_FLOAT
#define TEXT    LUDC_T_STR
#define LIST    LUDC_T_LIST
#define OBJECT  LUDC_T_OBJECT
#define OR_NULL | LUDC_T_NULL

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
/* A section whose keys depend on its type. */
#define KEY_TYPED(key, types_, flags_, default_, section_, variants_, type_, doc_)                                     \
    {                                                                                                                  \
        .name = (key), .types = (types_), .flags = (flags_), .dflt = (default_), .min = 1, .max = 0,                   \
        .section = (section_), .doc = (doc_), .variants = (variants_), .type = (type_)                                 \
    }
#define KEY_SECTION(key, types_, flags_, default_, section_, doc_)                                                     \
    {                                                                                                                  \
        .name = (key), .types = (types_), .flags = (flags_), .dflt = (default_), .min = 1, .max = 0,                   \
        .section = (section_), .doc = (doc_)                                                                           \
    }
/* A key that Ludwig has and this program does not yet: only its default is taken. */
#define PLANNED(key, default_)                                                                                         \
    { .name = (key), .flags = LUDC_KEY_PLANNED | LUDC_KEY_ANY, .dflt = (default_), .min = 1, .max = 0 }
#define KEY_FREE(key, doc_)                                                                                            \
    { .name = (key), .flags = LUDC_KEY_ANY, .min = 1, .max = 0, .doc = (doc_) }
#define KEY_END                                                                                                        \
    { .name = NULL }

extern const ludc_key ludc_schema_generation[], ludc_schema_trainer[], ludc_schema_input[], ludc_schema_output[],
    ludc_schema_adapter[], ludc_schema_llm_preprocessing[], ludc_schema_backend[], ludc_schema_model_parameters[];
extern const ludc_variant ludc_variants_adapter[], ludc_variants_llm_output[];
/* model_type ecd */
extern const ludc_key ludc_schema_ecd[], ludc_schema_ecd_input[], ludc_schema_ecd_output[], ludc_schema_ecd_trainer[],
    ludc_schema_ecd_preprocessing[], ludc_schema_text[], ludc_schema_text_encoder[], ludc_schema_encoder[],
    ludc_schema_decoder[], ludc_schema_text_decoder[], ludc_schema_combiner[], ludc_schema_no_keys[];
extern const ludc_variant ludc_variants_input[], ludc_variants_output[];
/* what inputs and outputs have by type */
extern const ludc_key ludc_schema_text_input[], ludc_schema_number_input[], ludc_schema_category_input[],
    ludc_schema_binary_input[], ludc_schema_items_input[], ludc_schema_vector_input[], ludc_schema_category_output[],
    ludc_schema_binary_output[], ludc_schema_number_output[], ludc_schema_set_output[], ludc_schema_vector_output[];
/* preprocessing and loss of its outputs, by type */
extern const ludc_key ludc_schema_category_out[], ludc_schema_binary_out[], ludc_schema_number_out[],
    ludc_schema_set_out[], ludc_schema_vector_out[], ludc_schema_category_loss[], ludc_schema_binary_loss[],
    ludc_schema_number_loss[], ludc_schema_set_loss[], ludc_schema_vector_loss[];
extern const ludc_variant ludc_variants_category_loss[], ludc_variants_binary_loss[], ludc_variants_number_loss[],
    ludc_variants_set_loss[];

#endif
