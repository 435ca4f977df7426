/* SPDX-License-Identifier: Apache-2.0
 * ludwig export. */
#include "cli.h"

lud_status cmd_export(const cli_options *o, lud_error *err) {
    cli_session s;
    lud_model *model = NULL;
    const lud_export_opts opts = {
        .struct_size = sizeof(opts), .format = o->format, .output = o->output, .type = o->type};
    if (!o->format || !o->output) {
        fprintf(stderr, "error: export wants --format peft, merged, gguf or gguf_adapter, and --output\n");
        return LUD_E_INVALID;
    }
    lud_status status = cli_open(&s, o, err);
    if (status == LUD_OK) status = cli_open_model(o, &s, &model, err);
    if (status == LUD_OK) status = lud_model_export(model, &opts, err);
    if (status == LUD_OK) fprintf(stderr, "Saved to: %s\n", o->output);
    lud_model_free(model);
    cli_close(&s);
    return status;
}
