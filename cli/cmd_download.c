/* SPDX-License-Identifier: Apache-2.0
 * ludwig download: a repository, or one file of it, into the cache; prints where it is. */
#include "cli.h"

static lud_status print_line(void *unused, lud_str path) {
    const lud_status status = cli_print(unused, path);
    return status == LUD_OK ? cli_print(unused, (lud_str){"\n", 1}) : status;
}

lud_status cmd_download(const cli_options *o, lud_error *err) {
    if (o->n_rest == 0) {
        fprintf(stderr,
                "usage: ludwig download REFERENCE...   (org/name[@revision], hf://[datasets/]org/name[/FILE])\n");
        return LUD_E_INVALID;
    }
    cli_session s;
    lud_status status = cli_open(&s, o, err);
    for (size_t i = 0; status == LUD_OK && i < o->n_rest; i++)
        status = lud_hub_download(s.session, o->rest[i], print_line, NULL, err);
    cli_close(&s);
    return status;
}
