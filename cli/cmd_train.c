/* SPDX-License-Identifier: Apache-2.0
 * ludwig train, ludwig experiment. */
#include "cli.h"

static lud_status train(const cli_options *o, bool evaluate_test, lud_error *err) {
    lud_config_source source;
    uint64_t seed, k_fold;
    if (!cli_config_source(o, &source) || !cli_number("random_seed", o->random_seed, 0, &seed) ||
        !cli_number("k_fold", o->k_fold, 0, &k_fold))
        return LUD_E_INVALID;
    if (o->k_fold && (k_fold < 2 || k_fold > INT32_MAX || !evaluate_test))
        return fprintf(stderr, "error: --k_fold wants 2 folds or more, and the command experiment\n"), LUD_E_INVALID;
    cli_session s;
    lud_model *model = NULL;
    static lud_train_result result; /* 5 KB: not for the stack of a small thread */
    const lud_train_opts opts = {.struct_size = sizeof(opts),
                                 .data = cli_data(o),
                                 .output_directory = o->output_directory,
                                 .experiment_name = o->experiment_name,
                                 .model_name = o->model_name,
                                 .random_seed = seed,
                                 .evaluate_test = evaluate_test,
                                 .command = o->command_line,
                                 .k_fold = (int32_t)k_fold,
                                 .skip_save_k_fold_split_indices = o->skip_save_k_fold_split_indices,
                                 .skip_save_processed_input = o->skip_save_processed_input};
    lud_status status = cli_open(&s, o, err);
    if (status == LUD_OK) status = lud_model_create(s.session, &source, &model, err);
    if (status == LUD_OK) status = lud_model_train(model, &opts, &result, err);
    report_progress_end(&s.progress);
    if (status == LUD_OK) report_training(stderr, &result);
    if (status == LUD_OK && result.interrupted) status = LUD_E_CANCELLED;
    lud_model_free(model);
    cli_close(&s);
    return status;
}

lud_status cmd_train(const cli_options *o, lud_error *err) {
    return train(o, false, err);
}

lud_status cmd_experiment(const cli_options *o, lud_error *err) {
    return train(o, true, err);
}
