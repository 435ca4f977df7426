/* SPDX-License-Identifier: Apache-2.0
 * ludwig upload hf_hub: prints the commit's address. */
#include "cli.h"

#include <string.h>

lud_status cmd_upload(const cli_options *o, lud_error *err) {
    if (o->n_rest != 1 || strcmp(o->rest[0], "hf_hub") != 0 || !o->repo_id || !o->model_path) {
        fprintf(stderr, "usage: ludwig upload hf_hub -r ORG/NAME -m RUN [--private] [--repo_type model]\n"
                        "         [--commit_message TEXT] [--commit_description TEXT] [--dry_run]\n");
        return LUD_E_INVALID;
    }
    cli_session s;
    const lud_upload_opts opts = {.struct_size = sizeof(opts),
                                  .private_repo = o->private_repo,
                                  .dry_run = o->dry_run,
                                  .repo = o->repo_id,
                                  .repo_type = o->repo_type,
                                  .commit_message = o->commit_message,
                                  .commit_description = o->commit_description};
    lud_status status = cli_open(&s, o, err);
    if (status == LUD_OK) status = lud_model_upload(s.session, o->model_path, &opts, cli_print, NULL, err);
    cli_close(&s);
    return status;
}
