/* SPDX-License-Identifier: Apache-2.0
 * predict RUN_FOLDER DATA OUT: what a program does with libludwig: loads a trained model, writes predictions. */
#include <ludwig/ludwig.h>
#include <stdio.h>

int main(int argc, char **argv) {
    lud_session *session = NULL;
    lud_model *model = NULL;
    lud_error err = {.struct_size = sizeof err};
    if (argc != 4) {
        fprintf(stderr, "usage: predict RUN_FOLDER DATA OUT\n");
        return 2;
    }
    const lud_session_opts session_opts = {.struct_size = sizeof session_opts, .log_level = LUD_LOG_WARN};
    const lud_predict_opts opts = {.struct_size = sizeof opts,
                                   .data = {.struct_size = sizeof opts.data, .dataset = argv[2]},
                                   .output_path = argv[3]};
    lud_status status = lud_session_open(&session_opts, &session, &err);
    if (status == LUD_OK) status = lud_model_load(session, argv[1], &model, &err);
    if (status == LUD_OK) status = lud_model_predict(model, &opts, &err);
    if (status != LUD_OK) fprintf(stderr, "predict: %s\n", err.msg);
    lud_model_free(model);
    lud_session_close(session);
    return lud_exit_code(status);
}
