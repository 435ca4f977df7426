/* SPDX-License-Identifier: Apache-2.0
 * model_type ecd, Ludwig's default: not built yet as a whole, so only its top-level names are known. */
#include "schema_tables.h"

static const char *const none[] = {NULL}, *const planned[] = {"ecd", "gbm", NULL};

const ludc_key ludc_schema_ecd[] = {
    KEY_WORD("model_type", LUDC_T_STR, 0, "\"ecd\"", none, planned, "kind of model"),
    KEY_FREE("input_features", "inputs"),
    KEY_FREE("output_features", "outputs"),
    KEY_FREE("combiner", "joins the inputs"),
    KEY_FREE("preprocessing", "preprocessing"),
    KEY_FREE("defaults", "defaults by feature type"),
    KEY_FREE("trainer", "training"),
    KEY_FREE("hyperopt", "search over configs"),
    KEY_FREE("backend", "device"),
    KEY_FREE("ludwig_version", "version that wrote the config"),
    KEY_FREE("preset", "named set of defaults"),
    KEY_FREE("random_seed", "seed of everything random"),
    KEY_END,
};
