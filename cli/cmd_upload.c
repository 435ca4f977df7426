/* SPDX-License-Identifier: Apache-2.0
 * ludwig upload: prints the commit's address. The hub is hf_hub, as in Ludwig, or the name of a hub's plugin. */
#include "cli.h"

#include <string.h>

lud_status cmd_upload(const cli_options *o, lud_error *err) {
    if (o->n_rest != 1 || !o->repo_id || !o->model_path) {
        fprintf(stderr, "usage: ludwig upload hf_hub|local -r ORG/NAME -m RUN [--private] [--repo_type model]\n"
                        "         [--commit_message TEXT] [--commit_description TEXT] [--dry_run]\n");
        return LUD_E_INVALID;
    }
    cli_session s;
    char repo[512];
    const bool named = strcmp(o->rest[0], "hf_hub") != 0;
    (void)snprintf(repo, sizeof(repo), "%s%s%s", named ? o->rest[0] : "", named ? "://" : "", o->repo_id);
    const lud_upload_opts opts = {.struct_size = sizeof(opts),
                                  .private_repo = o->private_repo,
                                  .dry_run = o->dry_run,
                                  .repo = repo,
                                  .repo_type = o->repo_type,
                                  .commit_message = o->commit_message,
                                  .commit_description = o->commit_description};
    lud_status status = cli_open(&s, o, err);
    if (status == LUD_OK) status = lud_model_upload(s.session, o->model_path, &opts, cli_print, NULL, err);
    cli_close(&s);
    return status;
}
