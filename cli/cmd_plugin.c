/* SPDX-License-Identifier: Apache-2.0
 * ludwig plugin list, ludwig plugin check. */
#include "cli.h"

#include <string.h>

lud_status cmd_plugin(const cli_options *o, lud_error *err) {
    const char *action = o->n_rest ? o->rest[0] : "list";
    const bool check = strcmp(action, "check") == 0;
    if ((!check && strcmp(action, "list") != 0) || (check && o->n_rest != 2)) {
        fprintf(stderr, "usage: ludwig plugin list [-v] [--json], ludwig plugin check FILE\n");
        return LUD_E_INVALID;
    }
    cli_session s;
    lud_status status = cli_open(&s, o, err);
    if (status == LUD_OK && check)
        status = lud_plugin_check(s.session, o->rest[1], cli_print, NULL, err);
    else if (status == LUD_OK)
        status = lud_plugin_list(s.session, o->json ? 1 : o->verbose ? 2 : 0, cli_print, NULL, err);
    cli_close(&s);
    return status;
}
