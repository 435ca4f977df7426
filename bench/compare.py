# SPDX-License-Identifier: Apache-2.0
"""Ours and the peers' on the same work, in turn, on the same machine. usage: compare.py [ROW ...]; started by compare.sh.

A row is one kind of work: how we do it, how a peer does it, what is wanted. Each round runs ours, then each peer; the
medians of the rounds count, against the best peer. A gate compares what was computed (losses, accuracies); without it a
ratio does not count. The share is our rate times the operations or bytes of the work, by the peak that bench_peak
measures in the same run. A round on a machine that others use is not judged. Prints a table; writes bench.json."""
import collections
import csv
import json
import os
import re
import statistics
import subprocess
import sys
import time

LUDWIG = "build/release/bin/ludwig"
PEAK = "build/release/bin/bench_peak"
PYTHON = os.path.join(os.environ["LUDWIG_PEERS"], "bin/python")
PYTHON_LUDWIG = os.path.join(os.environ["LUDWIG_PEERS_LUDWIG"], "bin/python")
MODELS, SHARED, TMP = os.environ["LUDWIG_MODELS"], os.environ["LUDWIG_SHARED"], os.environ["BENCH_TMP"]
GGUF = f"{MODELS}/SmolLM2-135M-Instruct.Q4_1.gguf"
MINILM = f"{MODELS}/all-MiniLM-L6-v2"
HF = f"{TMP}/hf"  # SmolLM2 as the peers read it
BANKING = f"{SHARED}/data/banking77_train.csv"
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
STEPS = 12


# ---- Work ----
def alpaca():
    """Instruction rows of mixed length."""
    path = f"{TMP}/alpaca.jsonl"
    template = "### Instruction:\n{instruction}\n\n### Input:\n{input}\n\n### Response:\n"
    with open(path, "w", encoding="utf-8") as f:
        for r in json.load(open(f"{SHARED}/data/code_alpaca_2k.json", encoding="utf-8"))[:STEPS * 8]:
            f.write(json.dumps({"instruction": template.format(**r), "output": r["output"]}) + "\n")
    return path


def full_rows():
    """Rows longer than 256 tokens, nearly all of them targets."""
    path = f"{TMP}/full.jsonl"
    rows = json.load(open(f"{SHARED}/data/code_alpaca_2k.json", encoding="utf-8"))
    with open(path, "w", encoding="utf-8") as f:
        for i in range(STEPS * 4):
            text = "\n".join(r["instruction"] + "\n" + r["output"] for r in rows[i * 15:i * 15 + 15])
            f.write(json.dumps({"instruction": "Write:", "output": text}) + "\n")
    return path


# ---- Running things ----
def run(command, **kwargs):
    done = subprocess.run(command, capture_output=True, text=True, **kwargs)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    return done


def peer(script, *args, python=PYTHON):
    return json.loads(run([python, f"bench/peers/{script}.py", *map(str, args)]).stdout.splitlines()[-1])


def number(text, name):
    return float(re.search(rf"\| {name} +\| ([0-9.]+)", text).group(1))


def logged(command):
    """A run of ours: its log, and when each step was told of."""
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    log, steps = "", []
    for line in child.stderr:
        log += line
        if line.startswith("output, step "):
            steps.append(time.perf_counter())
    if child.wait():
        sys.exit(f"{' '.join(command)} failed:\n{log[-6000:]}")
    return log, steps


def train(config, data, *options):
    """Trains; rate, peak memory and the loss of each evaluation period. Where all rows are full, and so all steps alike,
    the rate is that of the steps behind the first one, as the peers measure theirs."""
    path = f"{TMP}/config.json"
    json.dump(config, open(path, "w"))
    run(["rm", "-rf", f"{TMP}/run"])
    log, steps = logged([LUDWIG, "train", "-c", path, "--training_set", data, "--output_directory", f"{TMP}/run", *options])
    statistics_file = json.load(open(f"{TMP}/run/experiment_run/training_statistics.json"))
    rows = re.search(r"\| Rows per second +\| ([0-9.]+)", log)
    if rows:
        rate = per_row = float(rows.group(1))
    else:
        rate = number(log, "Real tokens per second")
        n, tokens = (int(x) for x in re.search(r"data: (\d+) training, .*; (\d+) training tokens", log).groups())
        per_row = rate * n / tokens
        length = config.get("preprocessing", {}).get("global_max_sequence_length")
        if length and tokens == n * length and len(steps) == STEPS:
            rate = tokens / STEPS * (STEPS - 1) / (steps[-1] - steps[0])
    return {"rate": rate, "rows": per_row, "peak_mib": number(log, "Peak memory"), "log": log,
            "losses": statistics_file["training"].get("combined", {}).get("loss", [])}


def language(precision, kind, batch, length):
    c = {"model_type": "llm", "base_model": GGUF, "input_features": [{"name": "instruction", "type": "text"}],
         "output_features": [{"name": "output", "type": "text"}], "prompt": {"template": "{instruction}"},
         "preprocessing": {"global_max_sequence_length": length}, "backend": {"precision": precision},
         "trainer": {"type": "finetune", "batch_size": batch, "train_steps": STEPS, "steps_per_checkpoint": 1,
                     "should_shuffle": False, "learning_rate": 5e-4 if kind == "lora" else 2e-5,
                     "optimizer": {"type": "adamw"}}}
    if kind == "lora":
        c["adapter"] = {"type": "lora", "r": 8, "dropout": 0.0}
    return c


def defaults(batch):
    """One epoch of LoRA with the defaults of each tool, but for the batch where it is not 0."""
    trainer = {"type": "finetune", "epochs": 1, "skip_all_evaluation": True, **({"batch_size": batch} if batch else {})}
    c = {**language("auto", "lora", 1, 512), "adapter": {"type": "lora"}, "trainer": trainer}
    return train(c, alpaca())


def peer_ludwig(batch):
    run(["tests/peers/setup-ludwig.sh"])
    return peer("ludwig", HF, alpaca(), batch, 512, f"{TMP}/ludwig", python=PYTHON_LUDWIG)


def predictive(precision, **trainer):
    return {"model_type": "ecd", "backend": {"precision": precision, "cache_dir": f"{TMP}/cache_{precision}"},
            "input_features": [{"name": "text", "type": "text", "preprocessing": {"cache_encoder_embeddings": True},
                                "encoder": {"type": "auto_transformer", "reduce_output": "mean",
                                            "pretrained_model_name_or_path": MINILM}}],
            "output_features": [{"name": "category", "type": "category",
                                 "decoder": {"num_fc_layers": 1, "fc_output_size": 256}}],
            "trainer": {"batch_size": 128, "early_stop": -1, "skip_all_evaluation": True, **trainer}}


def taken(config, data):
    """Trains beside a process that keeps one core."""
    busy = subprocess.Popen(["sh", "-c", "while :; do :; done"])
    try:
        return train(config, data)
    finally:
        busy.kill()
        busy.wait()


def ours_embed(precision):
    run(["rm", "-rf", f"{TMP}/cache_{precision}"])
    log = train(predictive(precision, epochs=1), BANKING)["log"]
    texts, seconds = re.search(r"(\d+) encoded in ([0-9.]+) s", log).groups()
    return {"rate": int(texts) / float(seconds)}


def ours_decode(gguf, precision, new=128):
    path = f"{TMP}/generate.json"
    json.dump({"model_type": "llm", "base_model": gguf, "backend": {"precision": precision},
               "input_features": [{"name": "a", "type": "text"}],
               "output_features": [{"name": "b", "type": "text"}],
               "generation": {"max_new_tokens": new, "min_new_tokens": new, "do_sample": False}}, open(path, "w"))
    prompt = "The history of the town begins in the year 1204, when " * 32  # 512 tokens
    log = "".join(run([LUDWIG, "generate", "-c", path, "-p", prompt]).stderr for _ in range(3))  # the best, as the peer's
    found = re.findall(r"prompt: (\d+) tokens, ([0-9.]+) tokens/s; then \d+ tokens, ([0-9.]+)", log)
    return {"prefill": max(float(f[1]) for f in found), "decode": max(float(f[2]) for f in found)}


def gguf_of(kind):
    """SmolLM2 in another type of GGUF: what one step of LoRA leaves of it."""
    path = f"{TMP}/smol-{kind}.gguf"
    if not os.path.exists(path):
        config = language("auto", "lora", 1, 64)
        config["trainer"]["train_steps"] = 1
        train(config, alpaca())
        run([LUDWIG, "export", "-m", f"{TMP}/run/experiment_run", "--format", "gguf", "--type", kind, "-o", path])
    return path


def ours_start():
    """Seconds from launch to the line that says that training begins."""
    c = language("auto", "lora", 1, 512)
    json.dump(c, open(f"{TMP}/start.json", "w"))
    begin = time.perf_counter()
    child = subprocess.Popen([LUDWIG, "train", "-c", f"{TMP}/start.json", "--training_set", alpaca(), "--output_directory",
                              f"{TMP}/run", "-l", "debug"], stderr=subprocess.PIPE, text=True)
    for line in child.stderr:
        if "training begins" in line:
            break
    took = time.perf_counter() - begin
    child.kill()
    child.wait()
    return took


def wall(f, *args):
    begin = time.perf_counter()
    f(*args)
    return time.perf_counter() - begin


FEW_SHOT = ("<|im_start|>system\nYou label sentences of film reviews. Answer with 1 if the sentence is positive and with "
            "0 if it is negative, and with nothing else.<|im_end|>\n"
            "<|im_start|>user\nSentence: a gorgeous , witty , seductive movie\nLabel:<|im_end|>\n<|im_start|>assistant\n1"
            "<|im_end|>\n<|im_start|>user\nSentence: a dull mess from the first minute to the last\nLabel:<|im_end|>\n"
            "<|im_start|>assistant\n0<|im_end|>\n<|im_start|>user\nSentence: {text}\nLabel:<|im_end|>\n"
            "<|im_start|>assistant\n")
FEW_ROWS, PEER_ROWS = 500, 60


def sentences():
    lines = open(f"{SHARED}/data/sst2_train.tsv", encoding="utf-8").read().split("\n")[3000:3000 + FEW_ROWS]
    return [line.split("\t")[0] for line in lines]


def ours_predict():
    """Without starting: all rows less one row."""
    config = {"model_type": "llm", "base_model": GGUF, "input_features": [{"name": "text", "type": "text"}],
              "output_features": [{"name": "label", "type": "text"}], "prompt": {"template": FEW_SHOT},
              "generation": {"max_new_tokens": 8, "do_sample": False}}
    json.dump(config, open(f"{TMP}/predict.json", "w"))
    with open(f"{TMP}/sentences.jsonl", "w", encoding="utf-8") as f:
        f.writelines(json.dumps({"text": t}) + "\n" for t in sentences())
    command = [LUDWIG, "predict", "-c", f"{TMP}/predict.json", "--dataset", f"{TMP}/sentences.jsonl", "-o",
               f"{TMP}/answers.jsonl"]
    one, everything = wall(run, command + ["--limit", "1"]), wall(run, command)
    answers = [json.loads(line)["label_response"] for line in open(f"{TMP}/answers.jsonl", encoding="utf-8")]
    return {"rate": FEW_ROWS / (everything - one), "answers": answers[:PEER_ROWS]}


def peer_predict():
    with open(f"{TMP}/prompts.jsonl", "w", encoding="utf-8") as f:
        f.writelines(json.dumps({"prompt": FEW_SHOT.replace("{text}", t)}) + "\n" for t in sentences())
    return peer("predict", HF, f"{TMP}/prompts.jsonl", PEER_ROWS)


def cached(**trainer):
    return train(predictive("fp32", **trainer), BANKING)


def not_cached(tuned=False, **trainer):
    c = predictive("fp32", **trainer)
    c["input_features"][0]["preprocessing"]["cache_encoder_embeddings"] = False
    c["input_features"][0]["encoder"]["trainable"] = tuned
    return train(c, BANKING)


def epochs_50(f, epochs, **options):
    """Fifty epochs with evaluation each, from nothing; all cost the same, so that few are run of what is slow."""
    run(["rm", "-rf", f"{TMP}/cache_fp32"])
    data = dict(epochs=epochs, skip_all_evaluation=False, evaluate_training_set=False, **options)
    return {"rate": 1 / (wall(lambda: f(**data)) * 50 / epochs)}


# ---- Gates: what a round computed; None = as wanted ----
def same_losses(limit):
    def check(ours, theirs):
        if len(ours["losses"]) != len(theirs["losses"]):
            return f"{len(ours['losses'])} losses, {len(theirs['losses'])} of the peer"
        worst = max(abs(a / b - 1) for a, b in zip(ours["losses"], theirs["losses"]))
        return None if worst <= limit else f"losses differ by {100 * worst:.1f} %"
    return check


def none(ours, theirs):
    return None


def same_answers(ours, theirs):
    other = sum(a.strip() != b.strip() for a, b in zip(ours["answers"], theirs["answers"]))
    return f"{other} of {PEER_ROWS} answers differ" if other else None


# ---- Rows ----
# what is done; how we do it; {peer: how it does}; gate; [(figure, wanted ratio)]; the peak, the operations or bytes per
# unit and the wanted share of it; the wanted ratio of memory.
Row = collections.namedtuple("Row", "what ours peers gate figures peak work share memory")


def lm_row(what, precision, peer_precision, kind, data, batch, length, wanted, peak, flop, share, memory, losses=0.01):
    return (what, lambda: train(language(precision, kind, batch, length), data()),
            {"peft" if kind == "lora" else "torch":
             lambda: peer("lm", HF, data(), STEPS, batch, length, peer_precision, kind)},
            same_losses(losses), [("rate", wanted)], peak, flop, share, memory)


def decode_row(name, file, wanted, prefill, megabytes, share, precision="auto"):
    """A token reads the weights once, and the keys and values before it: 577 on average, of 30 layers and 3 heads of 64."""
    megabytes += 577 * 30 * 2 * 3 * 64 * (2 if precision == "bf16" else 4) * 1e-6
    return (f"{name}: batch-1 decode, and prefill of 512 tokens", lambda: ours_decode(file(), precision),
            {"llama.cpp": lambda: peer("decode", file())}, none, [("decode", wanted)] + ([("prefill", prefill)] if prefill else []),
            "read", megabytes * 1e6, share, None)


def head_row(library, wanted):
    def theirs():
        if not os.path.exists(f"{TMP}/vectors.npz"):
            peer("embed", MINILM, "fp32", BANKING, f"{TMP}/vectors.npz")
        return peer("head", f"{TMP}/vectors.npz", library)
    return ("head 384 -> 256 -> 77 on cached vectors, batch 128, adam", lambda: train(predictive("fp32", epochs=30), BANKING),
            {library: theirs}, none, [("rate", wanted)], "fp32", 0.52e6, 0, None)


MINILM_FLOP = 21.7e6  # per token, with the attention of short texts; perf.md 2.3
ROWS = {
    "lora_fp32": lm_row("LoRA r=8 q,v, full rows T=256, fp32", "fp32", "fp32", "lora", full_rows, 4, 256,
                        1.6, "fp32", 572e6, 0.80, 0.35),
    "lora_bf16": lm_row("the same in bf16", "bf16", "bf16", "lora", full_rows, 4, 256, 1.7, "bf16", 572e6, 0.65, 0.35),
    "mixed_fp32": lm_row("LoRA, code_alpaca rows of mixed length, ours auto, PEFT fp32", "auto", "fp32", "lora", alpaca,
                         8, 512, 6, None, 0, 0, 0.35, losses=0.03),
    "mixed_bf16": lm_row("the same, PEFT bf16", "auto", "bf16", "lora", alpaca, 8, 512, 3.5, None, 0, 0, 0.35, losses=0.03),
    "mixed_ludwig": ("LoRA, code_alpaca rows of mixed length, each tool's defaults (batch 1)", lambda: defaults(0),
                     {"Ludwig": lambda: peer_ludwig(0)}, none, [("rate", 10)], None, 0, 0, None),
    "mixed_ludwig_8": ("the same in batches of 8", lambda: defaults(8), {"Ludwig": lambda: peer_ludwig(8)}, none,
                       [("rate", 10)], None, 0, 0, None),
    "full_bf16": lm_row("full fine-tuning, bf16 products, fp32 weights", "bf16", "autocast", "full", full_rows, 4, 256,
                        1.4, "bf16", 838e6, 0, 0.7),
    "taken": ("LoRA r=8 q,v, full rows T=256, one core taken by another process",
              lambda: taken(language("auto", "lora", 4, 256), full_rows()),
              {"the quiet machine": lambda: train(language("auto", "lora", 4, 256), full_rows())}, same_losses(0),
              [("rate", 0.65)], None, 0, 0, None),
    "embed_fp32": ("MiniLM, banking77, fp32", lambda: ours_embed("fp32"),
                   {"best of two": lambda: peer("embed", MINILM, "fp32", BANKING, f"{TMP}/vectors.npz")}, none,
                   [("rate", 2)], "fp32", None, 0.60, None),
    "embed_bf16": ("MiniLM, banking77, bf16", lambda: ours_embed("bf16"),
                   {"best of two": lambda: peer("embed", MINILM, "bf16", BANKING, f"{TMP}/vectors_bf16.npz")}, none,
                   [("rate", 2.2)], "bf16", None, 0.60, None),
    "head_sklearn": head_row("sklearn", 4),
    "head_torch": head_row("torch", 3.5),
    "cache_epoch": ("the training part of an epoch: embeddings cached", lambda: cached(epochs=30),
                    {"not cached": lambda: not_cached(epochs=1)}, none, [("rows", 200)], None, 0, 0, None),
    "cache_50": ("50 epochs with evaluation, the cache's filling included",
                 lambda: epochs_50(cached, 50), {"frozen encoder anew": lambda: epochs_50(not_cached, 1)}, none,
                 [("rate", 35)], None, 0, 0, None),
    "cache_50_tuned": ("the same", lambda: epochs_50(cached, 50),
                       {"whole encoder tuned": lambda: epochs_50(not_cached, 1, tuned=True)}, none, [("rate", 100)], None,
                       0, 0, None),
    "predict": ("500 rows, few-shot prompt, label as text", ours_predict, {"transformers": peer_predict}, same_answers,
                [("rate", 10)], None, 0, 0, None),
    "decode_q4_1": decode_row("Q4_1", lambda: GGUF, 4, 4, 96.6, 0.60),
    "decode_q4_0": decode_row("Q4_0", lambda: gguf_of("Q4_0"), 3, None, 90.0, 0.60),
    "decode_q8_0": decode_row("Q8_0", lambda: gguf_of("Q8_0"), 2.5, None, 143.0, 0.70),
    "decode_bf16": decode_row("bf16", lambda: gguf_of("BF16"), 2, 2, 269.1, 0.70, "bf16"),
    "start": ("launch to the first step", lambda: {"rate": 1 / ours_start()},
              {"peft": lambda: {"rate": 1 / wall(run, [PYTHON, "bench/peers/start.py", HF, alpaca()])}}, none,
              [("rate", 20)], None, 0, 0, None),
}
ROWS = {name: Row(*row) for name, row in ROWS.items()}
ASKED_FOR = {"mixed_ludwig", "mixed_ludwig_8"}  # their environment takes 7 GB: only where they are named


# ---- Judging ----
def load():
    """Cores that others keep busy, over half a second."""
    def ticks():
        t = [int(x) for x in open("/proc/stat").readline().split()[1:]]
        return sum(t) - t[3] - t[4]
    begin = ticks()
    time.sleep(0.5)
    return (ticks() - begin) / os.sysconf("SC_CLK_TCK") / 0.5


def quiet():
    for _ in range(20):
        if load() < 0.15:
            return True
    return False


def measure(name):
    row, rounds = ROWS[name], []
    for _ in range(ROUNDS):
        calm = quiet()
        mine = row.ours()
        peaks = json.loads(run([PEAK]).stdout)  # at once: what memory gives changes from second to second
        others = {p: f() for p, f in row.peers.items()}
        calm = calm and quiet()
        bad = [m for m in (row.gate(mine, o) for o in others.values()) if m]
        rounds.append((mine, others, peaks, calm, bad))
    return rounds


def median(values):
    return statistics.median(list(values))


def verdict(ok, calm):
    return ("ok" if ok else "MISSED") if calm else "busy"


def report(name, rounds, table, lines):
    what, _, peers, _, figures, peak, work, share, memory = ROWS[name]
    calm, bad = all(r[3] for r in rounds), sorted({m for r in rounds for m in r[4]})
    for figure, wanted in figures:
        mine = median(r[0][figure] for r in rounds)
        best = max(peers, key=lambda p: median(r[1][p][figure] for r in rounds))
        ratio = median(r[0][figure] / r[1][best][figure] for r in rounds)
        row = {"row": name, "what": what, "figure": figure, "ours": mine, "peer": best, "ratio": ratio, "wanted": wanted}
        if peak and work and figure in ("rate", "decode"):
            row["share"] = median(r[0][figure] * work / r[2][peak] for r in rounds)
            row["wanted_share"] = share
        if memory:
            row["memory"] = median(r[0]["peak_mib"] / r[1][best]["peak_mib"] for r in rounds)
            row["wanted_memory"] = memory
        ok = ratio >= wanted and not bad and row.get("share", 1) >= (share or 0) and row.get("memory", 0) <= (memory or 0)
        row["verdict"] = verdict(ok, calm) if not bad else "; ".join(bad)
        table.append(row)
        lines.append(f"| {what}{'' if figure == 'rate' else ': ' + figure} | {ratio:.2f}x {best} (wanted {wanted}x) | "
                     + (f"{100 * row['share']:.0f} % of {peak}" if "share" in row else "")
                     + (f" (wanted {100 * share:.0f} %)" if row.get("share") and share else "")
                     + " | " + (f"{row['memory']:.2f} (wanted {memory})" if memory else "") + f" | {row['verdict']} |")
        print(lines[-1], flush=True)


def main():
    texts = [r["text"] for r in csv.DictReader(open(BANKING, encoding="utf-8"))]
    import transformers

    tokens = sum(len(i) for i in transformers.AutoTokenizer.from_pretrained(MINILM)(texts).input_ids) / len(texts)
    for name in ("embed_fp32", "embed_bf16"):
        ROWS[name] = ROWS[name]._replace(work=MINILM_FLOP * tokens)
    names = sys.argv[1:] or [name for name in ROWS if name not in ASKED_FOR]
    unknown = [n for n in names if n not in ROWS]
    if unknown:
        sys.exit(f"no such row: {', '.join(unknown)}; there are {', '.join(ROWS)}")
    table, lines = [], ["| work | speed | share of the peak | memory | |", "|---|---|---|---|---|"]
    print("\n".join(lines))
    for name in names:
        report(name, measure(name), table, lines)
    json.dump(table, open(f"{TMP}/bench.json", "w"), indent=1)


main()
