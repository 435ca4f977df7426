/* SPDX-License-Identifier: Apache-2.0
 * ludwig predict, ludwig evaluate. */
#include "cli.h"

static lud_status run(const cli_options *o, bool evaluate, lud_error *err) {
    uint64_t limit;
    if (!cli_number("limit", o->limit, 0, &limit)) return LUD_E_INVALID;
    cli_session s;
    lud_model *model = NULL;
    const lud_predict_opts opts = {.struct_size = sizeof(opts),
                                   .data = cli_data(o),
                                   .split = o->split,
                                   .output_path = o->output  ? o->output
                                                  : evaluate ? NULL
                                                             : "predictions.csv",
                                   .output_directory = o->output_directory,
                                   .generation = o->generation,
                                   .limit = (int64_t)limit};
    lud_status status = cli_open(&s, o, err);
    if (status == LUD_OK) status = cli_open_model(o, &s, &model, err);
    if (status == LUD_OK)
        status =
            evaluate ? lud_model_evaluate(model, &opts, cli_print, NULL, err) : lud_model_predict(model, &opts, err);
    report_progress_end(&s.progress);
    if (status == LUD_OK && evaluate) putchar('\n');
    if (status == LUD_OK && opts.output_path) fprintf(stderr, "Saved to: %s\n", opts.output_path);
    lud_model_free(model);
    cli_close(&s);
    return status;
}

lud_status cmd_predict(const cli_options *o, lud_error *err) {
    return run(o, false, err);
}

lud_status cmd_evaluate(const cli_options *o, lud_error *err) {
    return run(o, true, err);
}
