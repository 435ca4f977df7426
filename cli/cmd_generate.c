/* SPDX-License-Identifier: Apache-2.0
 * ludwig generate: one prompt, streamed to stdout. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

/* All of stdin; heap. */
static char *read_stdin(size_t *len) {
    size_t cap = 1 << 16;
    char *text = malloc(cap);
    for (*len = 0; text && !feof(stdin) && !ferror(stdin);) {
        *len += fread(text + *len, 1, cap - *len, stdin);
        char *more = *len == cap ? realloc(text, cap *= 2) : text;
        if (!more) free(text);
        text = more;
    }
    return text;
}

static lud_status generate(const cli_options *o, lud_str prompt, cli_session *s, lud_error *err) {
    lud_model *model = NULL;
    lud_config_source source;
    lud_status status = LUD_E_INVALID;
    if (o->model_path)
        status = lud_model_load(s->session, o->model_path, &model, err);
    else if (cli_config_source(o, &source))
        status = lud_model_create(s->session, &source, &model, err);
    if (status == LUD_OK) status = lud_model_generate(model, prompt, o->generation, cli_print, NULL, err);
    if (status == LUD_OK) putchar('\n');
    lud_model_free(model);
    return status;
}

lud_status cmd_generate(const cli_options *o, lud_error *err) {
    cli_session s;
    size_t len = o->prompt ? strlen(o->prompt) : 0;
    char *text = o->prompt ? NULL : read_stdin(&len);
    if (!o->prompt && !text) return LUD_E_NOMEM;
    lud_status status = cli_open(&s, o, err);
    if (status == LUD_OK) status = generate(o, (lud_str){o->prompt ? o->prompt : text, len}, &s, err);
    cli_close(&s);
    free(text);
    return status;
}
