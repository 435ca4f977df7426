# SPDX-License-Identifier: Apache-2.0
"""GGUF files of `ludwig export` in llama.cpp: the small models of every architecture give the same ids and logits, the
exports of a real run go on with the tokens that we would choose, and so do base and adapter in two files.
usage: llama_cpp_reads.py LUDWIG LOGITS MODELS EXPORTS BASE_GGUF: our program that writes logits; a folder of small models; the
folder that export.py has filled, and the base model of its run"""
import itertools
import json
import os
import subprocess
import sys
import tempfile

import numpy
from llama_cpp import Llama

ludwig, logits, models, exports, base = sys.argv[1:]
TEXT = "Hello, world! It's 12:34; def f(x): return x**2"
PROMPTS = ["The capital of France is", "def add(a, b):", "Once upon a time", "### Instruction:\nSay hello.\n\n### Response:\n",
           "1, 2, 3,", "I can't", "{\"name\":", "Dear Sir or Madam,"]
TOKENS, F32 = 16, 0
failed = 0
tmp = tempfile.mkdtemp()


def report(what, good, detail):
    global failed
    failed += not good
    print(f"{what}: {detail}: {'pass' if good else 'FAILED'}", flush=True)


def ours(model, text, n, adapter=""):
    subprocess.run([logits, model, adapter, text, tmp + "/rows"], check=True)
    return numpy.fromfile(tmp + "/rows", dtype=numpy.float32).reshape(n, -1)


def load(path, rows=256, **more):
    return Llama(path, n_ctx=rows, n_batch=rows, logits_all=True, verbose=False, type_k=F32, type_v=F32, n_threads=1, n_threads_batch=1, **more)


# ---- Small models ----
# Configs beside the folder's own: what of rope scaling a GGUF can say.
ROPE = {"qwen2": {"rope_type": "yarn", "factor": 2.0, "original_max_position_embeddings": 512, "attention_factor": 1.3},
        "phi3": {"rope_type": "longrope", "original_max_position_embeddings": 512}}


def variant(name, word, config):
    folder = f"{tmp}/{name}{word}"
    os.mkdir(folder)
    for f in os.listdir(f"{models}/{name}"):
        if f != "config.json":
            os.symlink(os.path.abspath(f"{models}/{name}/{f}"), f"{folder}/{f}")
    with open(folder + "/config.json", "w") as f:
        json.dump(config, f)
    return folder


def folders(name):
    with open(f"{models}/{name}/config.json") as f:
        config = json.load(f)
    head = config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]
    if "query_pre_attn_scalar" in config:  # llama.cpp takes these from the architecture
        config["query_pre_attn_scalar"] = head
    if "no_rope_layers" in config:
        config["no_rope_layers"] = [int((i + 1) % 4 != 0) for i in range(config["num_hidden_layers"])]
    yield name, variant(name, "", config)
    if name not in ROPE:
        return
    config.update(max_position_embeddings=1024, rope_parameters={"rope_theta": 10000.0, **ROPE[name]})
    config.pop("original_max_position_embeddings", None)
    if name == "phi3":
        config["rope_parameters"].update(short_factor=[1.0 + i / 4 for i in range(head // 2)], long_factor=[9.0] * (head // 2))
    yield f"{name}, {ROPE[name]['rope_type']}", variant(name, "_rope", config)


def sentence_piece():
    """A Llama with random weights, and the small tokenizer with a token for every byte of tests/text."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM
    folder = tmp + "/sentence_piece"
    with open(os.path.dirname(os.path.abspath(__file__)) + "/../text/cases.json", encoding="utf-8") as f:
        tokenizer = json.load(f)["llama"]["tokenizer"]
    torch.manual_seed(1)
    LlamaForCausalLM(LlamaConfig(
        vocab_size=len(tokenizer["model"]["vocab"]), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=256, bos_token_id=1, eos_token_id=2, initializer_range=0.3)
                     ).save_pretrained(folder)
    words = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    for name, content in (("tokenizer.json", tokenizer), ("tokenizer_config.json", words)):
        with open(f"{folder}/{name}", "w", encoding="utf-8") as f:
            json.dump(content, f)
    return "llama, SentencePiece", folder


def export(folder, number):
    config = {"model_type": "llm", "base_model": folder, "adapter": None, "input_features": [{"name": "q", "type": "text"}],
              "output_features": [{"name": "a", "type": "text"}], "backend": {"precision": "fp32"},
              "preprocessing": {"global_max_sequence_length": 64},
              "trainer": {"type": "finetune", "train_steps": 1, "batch_size": 4, "skip_all_evaluation": True}}
    with open(tmp + "/rows.csv", "w") as f:
        f.write("q,a\n" + "".join(f"what {i},yes\n" for i in range(8)))
    out = f"{tmp}/{number}"  # a name that says nothing: llama.cpp takes some for hints
    for command in (["train", "-cs", json.dumps(config), "--training_set", tmp + "/rows.csv", "-od", out],
                    ["export", "-m", out + "/experiment_run", "--format", "gguf", "--type", "F32", "-o", out + ".gguf"]):
        r = subprocess.run([ludwig, *command, "-q"], text=True, capture_output=True)
        if r.returncode:
            return None, r.stderr.strip().splitlines()[0]
    return out + ".gguf", ""


def small(what, folder, number):
    path, why = export(folder, number)
    if not path:
        return report(f"llama.cpp reads {what}", "cannot say" in why or "encoder" in why, "not written: " + why[-160:])
    model = load(path, 64)
    ids = model.tokenize(TEXT.encode(), add_bos=True, special=True)
    model.eval(ids)
    a = numpy.array(model.scores[:len(ids)])
    b = ours(path, TEXT, len(ids))
    apart = float(numpy.abs(a - b).max() / b.std())
    # llama.cpp takes GELU from a table of half precision, which a norm behind it may bring forward.
    report(f"llama.cpp reads {what}", apart < (3e-3 if "gemma" in what else 1e-5), f"{len(ids)} ids, logits apart by {apart:.2g}")


# ---- The real one ----
def same_tokens(what, least, model, file, adapter=""):
    """How many of the tokens that llama.cpp chooses are our first choice too, and by how much the others are not."""
    good = total = 0
    behind = 0.0
    for prompt in PROMPTS:
        begin = model.tokenize(prompt.encode(), add_bos=True, special=True)
        chosen = list(itertools.islice(itertools.takewhile(lambda t: t != model.token_eos(), model.generate(begin, temp=0.0)), TOKENS))
        text = prompt + model.detokenize(chosen, prev_tokens=begin).decode(errors="ignore")
        ids = model.tokenize(text.encode(), add_bos=True, special=True)
        if ids != begin + chosen:  # a text that has other tokens too
            continue
        rows, chosen = ours(file, text, len(ids), adapter)[len(begin) - 1:-1], numpy.array(chosen)
        good += int((rows.argmax(1) == chosen).sum())
        total += len(chosen)
        behind = max(behind, float((rows.max(1) - rows[numpy.arange(len(chosen)), chosen]).max() / rows.std()))
    report(what, good >= least * total, f"{good} of {total} tokens are our first choice, the others at most {behind:.2g} of the "
           "logits' spread behind it")


def real():
    # Beside weights of 16 bits or less llama.cpp rounds activations too: to F16, to BF16, to 8 bits.
    for kind, least in (("F16", 1.0), ("BF16", 1.0), ("Q8_0", 0.95), ("Q4_0", 0.9)):
        file = f"{exports}/{kind}.gguf"
        same_tokens("llama.cpp goes on from " + kind, least, load(file), file)
    same_tokens("llama.cpp goes on from base and adapter", 0.9, load(base, lora_path=exports + "/adapter.gguf"), base,
                exports + "/peft")


pairs = [pair for name in sorted(os.listdir(models)) for pair in folders(name)]
for number, (what, folder) in enumerate([*pairs, sentence_piece()]):
    small(what, folder, number)
if exports:
    real()
sys.exit(failed > 0)
