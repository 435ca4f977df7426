/* SPDX-License-Identifier: Apache-2.0
 * ludwig render_config. */
#include "cli.h"

static lud_status to_file(void *arg, lud_str text) {
    FILE *f = arg;
    return fwrite(text.ptr, 1, text.len, f) == text.len && fputc('\n', f) != EOF ? LUD_OK : LUD_E_IO;
}

lud_status cmd_render_config(const cli_options *o, lud_error *err) {
    lud_config_source source;
    if (!cli_config_source(o, &source)) return LUD_E_INVALID;
    if (!o->output) return lud_config_render(&source, to_file, stdout, err);
    FILE *f = fopen(o->output, "we");
    if (!f) {
        fprintf(stderr, "error: %s: cannot create the file\n", o->output);
        return LUD_E_IO;
    }
    const lud_status status = lud_config_render(&source, to_file, f, err);
    if (fclose(f) != 0 && status == LUD_OK) return LUD_E_IO;
    return status;
}
