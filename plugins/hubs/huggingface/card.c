/* SPDX-License-Identifier: Apache-2.0
 * The page of an uploaded model (README.md): a YAML head that the hub's search reads, then what the model is, what it
 * was trained on, what it scores and how to load it; and handler.py beside a predictive model. Text of the user's
 * appears in table cells, code or quoted YAML only. */
#include "card.h"

typedef struct card {
    const lud_cfg_api *c;
    const lud_cfg *facts, *config, *inputs, *outputs;
    hf_text text;
    int is_adapter, is_predictive;
} card;

#define ADD(k, ...) hf_text_addf(&(k)->text, __VA_ARGS__)

static lud_str str_of(const card *k, const lud_cfg *object, const char *key) {
    return lud_str_of(k->c, object, key);
}

/* Inside a cell of a table or a line of code: no line breaks, no bars, no back quotes. */
static void add_cell(card *k, lud_str s) {
    const size_t n = s.len < 200 ? s.len : 200;
    for (size_t i = 0; i < n; i++) {
        const char ch = s.ptr[i];
        hf_text_add(&k->text, (unsigned char)ch < ' ' || ch == '|' || ch == '`' ? " " : &s.ptr[i], 1);
    }
}

/* ---- Base models ---- */
/* "org/name", without "hf://" and "@commit"; len 0: it is no name on this hub. */
static lud_str hub_name(lud_str s) {
    static const char scheme[] = "hf://";
    if (s.len > 5 && memcmp(s.ptr, scheme, 5) == 0) s = (lud_str){s.ptr + 5, s.len - 5};
    size_t n = 0, slashes = 0;
    for (; n < s.len && s.ptr[n] != '@'; n++) {
        const char ch = s.ptr[n];
        if (ch == '/') slashes++;
        if (!((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') || strchr("-_./", ch)))
            return (lud_str){"", 0};
    }
    return slashes == 1 ? (lud_str){s.ptr, n} : (lud_str){"", 0};
}

static lud_str base_of(const card *k, const lud_cfg *section) {
    lud_str s = str_of(k, section, "pretrained_model_name_or_path");
    return s.len ? s : str_of(k, section, "base_model");
}

static const lud_cfg *input_encoder(const card *k, size_t i) {
    return k->c->find(k->c->at(k->inputs, i), "encoder");
}

/* The first base model, as it is written. */
static lud_str any_base(const card *k) {
    lud_str s = base_of(k, k->config);
    for (size_t i = 0; s.len == 0 && i < k->c->len(k->inputs); i++)
        s = base_of(k, input_encoder(k, i));
    return s;
}

/* ---- The head ---- */
static int has_type(const card *k, const lud_cfg *list, const char *type) {
    for (size_t i = 0; i < k->c->len(list); i++)
        if (lud_str_is(str_of(k, k->c->at(list, i), "type"), type)) return 1;
    return 0;
}

static const char *pipeline(const card *k) {
    if (!k->is_predictive) return "text-generation";
    if (has_type(k, k->inputs, "text")) return "text-classification";
    return has_type(k, k->outputs, "number") ? "tabular-regression" : "tabular-classification";
}

static const lud_cfg *adapter_of(const card *k) {
    const lud_cfg *a = k->c->find(k->config, "adapter");
    for (size_t i = 0; !lud_is_set(k->c, a) && i < k->c->len(k->inputs); i++)
        a = k->c->find(input_encoder(k, i), "adapter");
    return lud_is_set(k->c, a) ? a : NULL;
}

static void add_head(card *k) {
    const lud_str base = hub_name(any_base(k)), adapter = str_of(k, adapter_of(k), "type");
    ADD(k, "---\nlibrary_name: %s\npipeline_tag: %s\n",
        k->is_adapter      ? "peft"
        : k->is_predictive ? "ludwig"
                           : "transformers",
        pipeline(k));
    if (base.len)
        ADD(k, "base_model: %.*s\nbase_model_relation: %s\n", (int)base.len, base.ptr,
            k->is_adapter ? "adapter" : "finetune");
    ADD(k, "tags:\n- ludwig\n");
    if (hf_is_word(adapter)) ADD(k, "- %.*s\n", (int)adapter.len, adapter.ptr);
    ADD(k, "---\n");
}

/* ---- What it is ---- */
static void add_features(card *k, const char *title, const lud_cfg *list) {
    ADD(k, "| %s | ", title);
    for (size_t i = 0; i < k->c->len(list); i++) {
        const lud_cfg *f = k->c->at(list, i);
        if (!lud_bool_of(k->c, f, "active", 1)) continue;
        ADD(k, "%s`", i ? ", " : "");
        add_cell(k, str_of(k, f, "name"));
        ADD(k, "` (");
        add_cell(k, str_of(k, f, "type"));
        ADD(k, ")");
    }
    ADD(k, " |\n");
}

static void add_row(card *k, const char *title, lud_str value) {
    if (value.len == 0) return;
    ADD(k, "| %s | `", title);
    add_cell(k, value);
    ADD(k, "` |\n");
}

static void add_model(card *k) {
    const lud_cfg *adapter = adapter_of(k), *trainer = k->c->find(k->config, "trainer");
    const lud_str repo = str_of(k, k->facts, "repo"), version = str_of(k, k->facts, "ludwig_version");
    const lud_str base = any_base(k);
    ADD(k, "# %.*s\n\n%s, trained with Ludwig %.*s.\n\n## Model\n| | |\n|---|---|\n", (int)repo.len, repo.ptr,
        k->is_adapter      ? "An adapter of a language model"
        : k->is_predictive ? "A predictive model"
                           : "A language model",
        (int)version.len, version.ptr);
    add_row(k, "base model", lud_str_is(base, "encoder") ? lud_text("encoder/ of this repository") : base);
    add_row(k, "adapter", str_of(k, adapter, "type"));
    if (lud_int_of(k->c, adapter, "r", 0) > 0)
        ADD(k, "| rank | %lld |\n", (long long)lud_int_of(k->c, adapter, "r", 0));
    add_features(k, "inputs", k->inputs);
    add_features(k, "outputs", k->outputs);
    if (k->is_predictive) add_row(k, "combiner", str_of(k, k->c->find(k->config, "combiner"), "type"));
    add_row(k, "optimizer", str_of(k, k->c->find(trainer, "optimizer"), "type"));
    ADD(k, "| learning rate | %g |\n", lud_float_of(k->c, trainer, "learning_rate", 0));
    const int64_t steps = lud_int_of(k->c, k->c->find(k->facts, "training_progress"), "steps", 0);
    if (steps > 0) ADD(k, "| optimizer steps | %lld |\n", (long long)steps);
}

/* ---- Data ---- */
static void add_data(card *k) {
    static const char *const splits[] = {"training", "validation", "test"};
    static const char *const sources[] = {"dataset", "training_set", "validation_set", "test_set"};
    const lud_cfg *d = k->c->find(k->facts, "description"), *rows = k->c->find(d, "rows"),
                  *hashes = k->c->find(d, "sha256");
    if (!lud_is_set(k->c, d)) return;
    ADD(k, "\n## Data\n");
    for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
        const lud_str name = str_of(k, d, sources[i]);
        if (!name.len) continue;
        ADD(k, "- %s: `", sources[i]);
        add_cell(k, name);
        ADD(k, "`");
        for (size_t h = 0; h < k->c->len(hashes); h++) {
            const lud_str key = k->c->key_at(hashes, h);
            lud_str hash = {"", 0};
            if (key.len != name.len || memcmp(key.ptr, name.ptr, key.len) != 0) continue;
            (void)k->c->get(k->c->at(hashes, h), LUD_CFG_STR, &hash);
            ADD(k, ", SHA-256 `%.*s`", (int)hash.len, hash.ptr);
        }
        ADD(k, "\n");
    }
    if (!lud_is_set(k->c, rows)) return;
    ADD(k, "\n| split | rows |\n|---|---|\n");
    for (size_t i = 0; i < 3; i++)
        ADD(k, "| %s | %lld |\n", splits[i], (long long)lud_int_of(k->c, rows, splits[i], 0));
}

/* ---- Metrics ---- */
/* The value at the best evaluation (of a list), or the value itself; 0: there is none. */
static int metric_at(const card *k, const lud_cfg *v, int64_t best, double *out) {
    if (k->c->type(v) == LUD_CFG_LIST) {
        const size_t n = k->c->len(v), at = best > 0 && (size_t)best <= n ? (size_t)best - 1 : n - 1;
        v = n ? k->c->at(v, at) : NULL;
    }
    return k->c->get(v, LUD_CFG_FLOAT, out) == LUD_OK;
}

static const lud_cfg *member(const card *k, const lud_cfg *object, lud_str key) {
    for (size_t i = 0; i < k->c->len(object); i++) {
        const lud_str own = k->c->key_at(object, i);
        if (own.len == key.len && memcmp(own.ptr, key.ptr, key.len) == 0) return k->c->at(object, i);
    }
    return NULL;
}

static void add_metric(card *k, lud_str feature, lud_str name, int64_t best) {
    static const char *const splits[] = {"training", "validation", "test"};
    const lud_cfg *all = k->c->find(k->facts, "training_statistics"), *test = k->c->find(k->facts, "test_statistics");
    double v;
    int any = metric_at(k, member(k, member(k, test, feature), name), 0, &v);
    for (int i = 0; i < 3; i++)
        any |= metric_at(k, member(k, member(k, k->c->find(all, splits[i]), feature), name), best, &v);
    if (!any) return;
    ADD(k, "| ");
    add_cell(k, feature);
    ADD(k, " | ");
    add_cell(k, name);
    for (int i = 0; i < 3; i++) {
        const int own = i == 2 && metric_at(k, member(k, member(k, test, feature), name), 0, &v);
        if (own || metric_at(k, member(k, member(k, k->c->find(all, splits[i]), feature), name), best, &v))
            ADD(k, " | %.4g", v);
        else
            ADD(k, " | ");
    }
    ADD(k, " |\n");
}

static void add_metrics(card *k) {
    static const char *const sources[] = {"training_statistics.validation", "test_statistics",
                                          "training_statistics.training"};
    const lud_cfg *of = NULL, *progress = k->c->find(k->facts, "training_progress");
    const int64_t best = lud_int_of(k->c, progress, "best_eval_metric_checkpoint_number", 0);
    for (size_t i = 0; k->c->len(of) == 0 && i < sizeof(sources) / sizeof(sources[0]); i++)
        of = k->c->find(k->facts, sources[i]);
    if (k->c->len(of) == 0) return;
    ADD(k, "\n## Metrics\n| feature | metric | training | validation | test |\n|---|---|---|---|---|\n");
    for (size_t i = 0; i < k->c->len(of); i++)
        for (size_t j = 0; j < k->c->len(k->c->at(of, i)); j++)
            add_metric(k, k->c->key_at(of, i), k->c->key_at(k->c->at(of, i), j), best);
}

/* ---- Use ---- */
static void add_use(card *k) {
    const lud_str repo = str_of(k, k->facts, "repo"), base = any_base(k), named = hub_name(base);
    const int n = (int)repo.len;
    ADD(k, "\n## Use\nWith Ludwig:\n```sh\nludwig %s -m hf://%.*s %s\n```\n", k->is_predictive ? "predict" : "generate",
        n, repo.ptr, k->is_predictive ? "--dataset rows.csv -o predictions.csv" : "-p \"...\"");
    if (k->is_predictive) {
        ADD(k,
            "Without Ludwig (torch, transformers, safetensors): `handler.py` of this repository.\n```python\n"
            "from huggingface_hub import snapshot_download\nimport sys\n\npath = snapshot_download(\"%.*s\")\n"
            "sys.path.insert(0, path)\nfrom handler import EndpointHandler\n\n"
            "print(EndpointHandler(path)({\"inputs\": [{...}]}))  # one object per row: column -> value\n```\n",
            n, repo.ptr);
    } else if (k->is_adapter) {
        ADD(k,
            "With peft:\n```python\nfrom peft import PeftModel\nfrom transformers import AutoModelForCausalLM, "
            "AutoTokenizer\n\nbase = AutoModelForCausalLM.from_pretrained(\"%.*s\")%s\n"
            "model = PeftModel.from_pretrained(base, \"%.*s\")\n"
            "tokenizer = AutoTokenizer.from_pretrained(\"%.*s\")\n```\n",
            named.len ? (int)named.len : 3, named.len ? named.ptr : "...",
            named.len ? "" : "  # the base model named above", n, repo.ptr, n, repo.ptr);
    } else {
        ADD(k,
            "With transformers:\n```python\nfrom transformers import AutoModelForCausalLM, AutoTokenizer\n\n"
            "model = AutoModelForCausalLM.from_pretrained(\"%.*s\")\n"
            "tokenizer = AutoTokenizer.from_pretrained(\"%.*s\")\n```\n",
            n, repo.ptr, n, repo.ptr);
    }
}

/* A fence longer than any run of back quotes in the text. */
static void add_config(card *k) {
    char *json = hf_cfg_dump(k->c, k->config);
    size_t longest = 2, run = 0;
    for (const char *s = json; s && *s; s++) {
        run = *s == '`' ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    ADD(k, "\n## Config\n");
    for (int side = 0; side < 2; side++) {
        for (size_t i = 0; i <= longest; i++)
            ADD(k, "`");
        ADD(k, side ? "\n" : "json\n%s\n", json ? json : "");
    }
    k->text.failed |= !json;
    free(json);
}

lud_status hf_describe(void *self, const lud_cfg *facts, lud_status (*file)(void *arg, lud_str path, lud_str content),
                       void *arg, lud_error *err) {
    const lud_cfg_api *c = hf_host->cfg;
    const lud_cfg *config = c->find(facts, "config");
    card k = {.c = c,
              .facts = facts,
              .config = config,
              .inputs = c->find(config, "input_features"),
              .outputs = c->find(config, "output_features")};
    const lud_str kind = lud_str_of(c, facts, "kind");
    (void)self;
    k.is_adapter = lud_str_is(kind, "adapter");
    k.is_predictive = lud_str_is(kind, "predictive");
    add_head(&k);
    add_model(&k);
    add_data(&k);
    add_metrics(&k);
    add_use(&k);
    add_config(&k);
    lud_status status = k.text.failed ? lud_fail(err, LUD_E_NOMEM, "huggingface: out of memory for the model's page")
                                      : file(arg, lud_text("README.md"), (lud_str){k.text.ptr, k.text.len});
    if (status == LUD_OK && k.is_predictive)
        status = file(arg, lud_text("handler.py"), (lud_str){(const char *)hf_handler, hf_handler_len});
    hf_text_free(&k.text);
    return status;
}
