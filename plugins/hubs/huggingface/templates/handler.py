# SPDX-License-Identifier: Apache-2.0
"""Answers of a predictive Ludwig model without Ludwig: torch, transformers and safetensors read this repository.

    from handler import EndpointHandler
    EndpointHandler(".")({"inputs": [{"text": "hello"}]})

`inputs`: a row (column -> value), a list of rows, or, where the model has one input, its bare values. The answer has
the columns of `ludwig predict`, one object a row. What this file cannot compute is refused when it is loaded.
"""
import json
import math
import os

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from transformers import AutoModel, AutoTokenizer

ACTIVATIONS = {None: lambda x: x, "relu": F.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid, "gelu": F.gelu,
               "silu": F.silu, "swish": F.silu}
TRUE_WORDS, FALSE_WORDS = {"yes", "y", "true", "t", "1", "1.0"}, {"no", "n", "false", "f", "0", "0.0", "-1", "-1.0"}
VOID = {"", "nan", "NaN", "NA", "N/A", "n/a", "null", "NULL", "None", "-nan", "-NaN", "<NA>", "#N/A", "#N/A N/A", "#NA"}


def refuse(what):
    raise NotImplementedError(f"{what} is not computed by handler.py; use Ludwig to predict with this model")


class Weights:
    """The trained tensors below one name."""

    def __init__(self, tensors, scope):
        self.tensors, self.scope = tensors, scope

    def get(self, name):
        return self.tensors.get(self.scope + name)

    def dense(self, name, x):
        return F.linear(x, self.tensors[f"{self.scope}{name}.weight"], self.get(f"{name}.bias"))

    def names(self):
        return [k[len(self.scope):] for k in self.tensors if k.startswith(self.scope)]

    def stack(self, x, section, count, prefix="", act_prefix="", dflt=0):
        """linear -> norm -> activation, any number of times, as in ludwig/fc.h."""
        layers = section.get("fc_layers") or [{}] * section.get(count, dflt)
        for i, own in enumerate(layers):
            def key(name, where, default):
                return own[name] if name in own else section.get(where + name, default)

            y = self.dense(f"fc_stack.{i}", x)
            if key("norm", prefix, None) == "layer":
                eps = (key("norm_params", prefix, None) or {}).get("eps", 1e-5)
                norm = f"{self.scope}fc_stack.{i}.norm."
                y = F.layer_norm(y, y.shape[-1:], self.tensors[norm + "weight"], self.tensors[norm + "bias"], eps)
            y = ACTIVATIONS[key("activation", act_prefix, "relu")](y)
            same = section.get(act_prefix + "residual", False) and x.shape == y.shape
            x = x + y if same else y
        return x


# ---- Inputs -----------------------------------------------------------------------------------------------------
def fill_of(feature, default):
    """What a missing cell becomes; a function that refuses where that needs the other rows."""
    how = feature["preprocessing"].get("missing_value_strategy", "fill_with_const")
    if how not in ("fill_with_const", "fill_with_mean", "fill_with_mode", "fill_with_false", "fill_with_true"):
        refuse(f"missing_value_strategy {how} of '{feature['name']}'")
    return how, feature["preprocessing"].get("fill_value", default)


class Text:
    def __init__(self, path, feature, metadata, weights):
        section = feature["encoder"]
        base = section.get("pretrained_model_name_or_path") or section.get("base_model")
        if not base:
            refuse(f"the text encoder '{section.get('type')}' of '{feature['name']}'")
        self.how, self.fill = fill_of(feature, "<UNK>")
        self.weights, self.reduce = weights, section.get("reduce_output")
        own = os.path.join(path, base)
        name, _, revision = (own, "", "") if os.path.isdir(own) else base.partition("@")
        name = name.removeprefix("hf://")
        options = {"revision": revision} if revision else {}
        self.tokenizer = AutoTokenizer.from_pretrained(name, **options)
        self.model = AutoModel.from_pretrained(name, torch_dtype=torch.float32, **options).eval()
        positions = getattr(self.model.config, "max_position_embeddings", None) or 1 << 30
        if getattr(self.model.config, "model_type", "") in ("roberta", "xlm-roberta", "camembert"):
            positions -= self.model.config.pad_token_id + 1
        self.longest = min(positions, section.get("max_sequence_length") or 1 << 30,
                           feature["preprocessing"].get("max_sequence_length") or 256)
        if self.reduce not in ("mean", "avg", "sum", "max", "last", "cls", "cls_pooled", "attention"):
            refuse(f"reduce_output {self.reduce} of '{feature['name']}'")
        self.take_trained(section.get("adapter"))

    def parameter(self, name):
        """Ours is the name in a whole model; AutoModel leaves out the part before the first dot."""
        own = dict(self.model.named_parameters())
        for candidate in (name, name.partition(".")[2]):
            if candidate in own:
                module = self.model.get_submodule(candidate.rpartition(".")[0])
                turned = type(module).__name__ == "Conv1D" and candidate.endswith(".weight")
                return own[candidate], turned
        refuse(f"the trained tensor '{name}'")

    @torch.no_grad()
    def take_trained(self, adapter):
        adapter = adapter if isinstance(adapter, dict) else {}
        if adapter and (adapter.get("type") != "lora" or adapter.get("alpha_pattern") or adapter.get("use_dora")):
            refuse(f"the adapter {adapter.get('type')}")
        for name in self.weights.names():
            value = self.weights.get(name)
            if name.startswith("reduce.") or name.endswith(".lora_B.weight"):
                continue
            if name.endswith(".lora_A.weight"):
                module, rank = name[:-len(".lora_A.weight")], value.shape[0]
                alpha = adapter.get("alpha") or 2 * adapter.get("r", 8)
                scale = alpha / (math.sqrt(rank) if adapter.get("use_rslora") else rank)
                target, turned = self.parameter(module + ".weight")
                delta = scale * (self.weights.get(module + ".lora_B.weight") @ value)
                target += delta.T if turned else delta
            else:
                target, turned = self.parameter(name)
                target.copy_(value.T if turned else value)

    def pool(self, out, mask):
        x, m = out.last_hidden_state, mask.unsqueeze(-1)
        if self.reduce in ("mean", "avg"):
            return (x * m).sum(1) / m.sum(1)
        if self.reduce == "sum":
            return (x * m).sum(1)
        if self.reduce == "max":
            return x.masked_fill(m == 0, -torch.inf).amax(1)
        if self.reduce == "last":
            return x[torch.arange(len(x)), mask.sum(1).long() - 1]
        if self.reduce == "attention":
            score = self.weights.dense("reduce.fc2", torch.tanh(self.weights.dense("reduce.fc1", x)))
            return (x * score.masked_fill(m == 0, -torch.inf).softmax(1)).sum(1)
        pooled = getattr(out, "pooler_output", None)
        return pooled if self.reduce == "cls_pooled" and pooled is not None else x[:, 0]

    def __call__(self, values):
        texts = [self.fill if v is None else str(v) for v in values]
        lists = self.tokenizer(texts, truncation=True, max_length=self.longest)["input_ids"]
        width = max(1, max(len(ids) for ids in lists))
        pad = self.tokenizer.pad_token_id or 0
        ids = torch.tensor([row + [pad] * (width - len(row)) for row in lists])
        mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in lists])
        return self.pool(self.model(input_ids=ids, attention_mask=mask), mask.to(torch.float32))


class Number:
    def __init__(self, feature, metadata):
        if feature["preprocessing"].get("outlier_strategy"):
            refuse(f"outlier_strategy of '{feature['name']}'")
        fill_of(feature, 0)
        self.fill, self.log, self.centre, self.scale = metadata["fill_value"], *affine(metadata)

    def __call__(self, values):
        return torch.tensor([[self.normal(v)] for v in values], dtype=torch.float32)

    def normal(self, v):
        try:
            x = float(v)
        except (TypeError, ValueError):
            x = math.nan
        x = x if math.isfinite(x) else self.fill
        return ((math.log1p(x) if self.log else x) - self.centre) / self.scale


def affine(metadata):
    """log, centre, scale"""
    how = metadata.get("normalization")
    centre, scale = {"zscore": (metadata["mean"], metadata["std"]),
                     "minmax": (metadata["min"], metadata["max"] - metadata["min"]),
                     "iq": (metadata["q2"], metadata["q3"] - metadata["q1"])}.get(how, (0, 1))
    return how == "log1p", centre, scale if scale > 0 else 1


class Binary:
    def __init__(self, feature, metadata):
        self.how, self.fill = fill_of(feature, None)
        self.known = metadata["str2bool"]
        self.words = all(k.lower() in TRUE_WORDS | FALSE_WORDS for k in self.known)
        if self.how in ("fill_with_mean", "fill_with_mode"):
            refuse(f"missing_value_strategy {self.how} of '{feature['name']}'")

    def value(self, v):
        text = "" if v is None else str(v).strip()
        if text not in VOID:
            if text in self.known:
                return float(self.known[text])
            if self.words and text.lower() in TRUE_WORDS | FALSE_WORDS:
                return float(text.lower() in TRUE_WORDS)
        if self.how == "fill_with_const" and self.fill is not None:
            fill = str(self.fill)
            return float(self.known[fill] if fill in self.known else fill.lower() in TRUE_WORDS)
        return float(self.how == "fill_with_true")

    def __call__(self, values):
        return torch.tensor([[self.value(v)] for v in values], dtype=torch.float32)


class Category:
    def __init__(self, feature, metadata):
        self.how, self.fill = fill_of(feature, "<UNK>")
        self.ids, self.lower = metadata["str2idx"], feature["preprocessing"].get("lowercase")
        if self.how != "fill_with_const":
            refuse(f"missing_value_strategy {self.how} of '{feature['name']}'")

    def __call__(self, values):
        texts = [str(self.fill if v is None or str(v).strip() == "" else v).strip() for v in values]
        return torch.tensor([self.ids.get(t.lower() if self.lower and t != "<UNK>" else t, 0) for t in texts])


class Column:
    """A number, binary or category with its encoder."""

    def __init__(self, feature, metadata, weights):
        kind, self.section, self.weights = feature["type"], feature["encoder"], weights
        self.read = {"number": Number, "binary": Binary, "category": Category}[kind](feature, metadata)
        self.width = metadata["width"]
        self.encode = {("category", "dense"): self.embed, ("category", "onehot"): self.onehot,
                       ("category", "sparse"): self.onehot, ("category", "passthrough"): self.plain,
                       ("number", "passthrough"): self.plain, ("binary", "passthrough"): self.plain,
                       ("number", "dense"): self.dense, ("binary", "dense"): self.dense
                       }.get((kind, self.section.get("type")))
        if not self.encode:
            refuse(f"the encoder '{self.section.get('type')}' of '{feature['name']}'")

    def embed(self, ids):
        table = self.weights.get("embeddings.weight")
        return self.onehot(ids) if table is None else table[ids]

    def onehot(self, ids):
        return F.one_hot(ids, self.width).to(torch.float32)

    def plain(self, x):
        return x if x.dim() == 2 else x.to(torch.float32).unsqueeze(1)

    def dense(self, x):
        return self.weights.stack(x, self.section, "num_layers", dflt=1)

    def __call__(self, values):
        return self.encode(self.read(values))


# ---- Outputs ----------------------------------------------------------------------------------------------------
class Output:
    def __init__(self, feature, metadata, weights):
        self.feature, self.metadata, self.weights = feature, metadata, weights
        self.name, self.section, self.kind = feature["name"], feature["decoder"], feature["type"]
        self.temperature = metadata.get("calibration_temperature", 1.0)
        wanted = {"category": "classifier", "set": "classifier", "number": "regressor", "binary": "regressor"}
        if wanted.get(self.kind) != self.section.get("type"):
            refuse(f"the output '{self.name}' of type {self.kind} with the decoder '{self.section.get('type')}'")

    def hidden(self, x):
        return self.weights.stack(x, self.section, "num_fc_layers", "fc_", "fc_")

    def answers(self, hidden):
        scores = self.weights.dense("dense", hidden).double()
        return [getattr(self, self.kind)(row) for row in scores]

    def probabilities(self, labels, p):
        n = self.name
        return {f"{n}_probabilities": p, f"{n}_probability": max(p),
                **{f"{n}_probabilities_{label}": x for label, x in zip(labels, p)}}

    def category(self, row):
        labels, p = self.metadata["idx2str"], (row / self.temperature).softmax(0).float().tolist()
        order = sorted(range(len(p)), key=lambda k: -p[k])
        out = {f"{self.name}_predictions": labels[order[0]], **self.probabilities(labels, p)}
        top = min(self.feature.get("top_k", 3), len(p))
        if top > 1:
            out[f"{self.name}_predictions_top_k"] = [labels[k] for k in order[:top]]
        return out

    def binary(self, row):
        yes = (row[0] / self.temperature).sigmoid().item()
        labels = self.metadata.get("bool2str") or ["False", "True"]
        answer = labels[yes >= self.feature.get("threshold", 0.5)]
        return {f"{self.name}_predictions": answer, **self.probabilities(labels, [1 - yes, yes])}

    def set(self, row):
        p, labels = (row / self.temperature).sigmoid().float().tolist(), self.metadata["idx2str"]
        kept = [k for k, x in enumerate(p) if x >= self.feature.get("threshold", 0.5)]
        return {f"{self.name}_predictions": [labels[k] for k in kept],
                f"{self.name}_probabilities": [p[k] for k in kept], f"{self.name}_probability": max(p)}

    def number(self, row):
        log, centre, scale = affine(self.metadata)
        x = math.expm1(row[0].item()) if log else row[0].item() * scale + centre
        clip = self.feature.get("clip")
        if clip:
            x = x if clip[0] is None else max(x, float(clip[0]))
            x = x if clip[1] is None else min(x, float(clip[1]))
        return {f"{self.name}_predictions": x}


def in_order(outputs):
    """Outputs so that those that others depend on come first."""
    done = []
    while len(done) < len(outputs):
        done += [o for o in outputs if o not in done
                 and all(any(d.name == name for d in done) for name in o.feature.get("dependencies") or [])]
    return done


class EndpointHandler:
    def __init__(self, path=""):
        path = path or "."
        with open(os.path.join(path, "ludwig_config.json"), encoding="utf-8") as f:
            config = json.load(f)
        with open(os.path.join(path, "training_set_metadata.json"), encoding="utf-8") as f:
            metadata = json.load(f)
        tensors = load_file(os.path.join(path, "model.safetensors"))
        self.combiner = config["combiner"]
        if self.combiner.get("type") != "concat":
            refuse(f"the combiner '{self.combiner.get('type')}'")
        self.joined = Weights(tensors, "combiner.")
        self.inputs = [(f, self.open_input(path, f, metadata[f["name"]], tensors))
                       for f in config["input_features"] if f.get("active", True)]
        self.outputs = [self.open_output(f, metadata[f["name"]], tensors)
                        for f in config["output_features"] if f.get("active", True)]

    @staticmethod
    def open_output(feature, metadata, tensors):
        return Output(feature, metadata, Weights(tensors, f"output_features.{feature['name']}.decoder."))

    @staticmethod
    def open_input(path, feature, metadata, tensors):
        weights = Weights(tensors, f"input_features.{feature['name']}.encoder.")
        if feature.get("tied"):
            refuse(f"the tied input '{feature['name']}'")
        if feature["type"] == "text":
            return Text(path, feature, metadata, weights)
        if feature["type"] not in ("number", "binary", "category"):
            refuse(f"the input '{feature['name']}' of type {feature['type']}")
        return Column(feature, metadata, weights)

    def rows_of(self, inputs):
        rows = inputs if isinstance(inputs, list) else [inputs]
        if all(isinstance(r, dict) for r in rows):
            return rows
        if len(self.inputs) != 1:
            raise ValueError(f"want objects with the keys {[f['name'] for f, _ in self.inputs]}")
        return [{self.inputs[0][0]["name"]: r} for r in rows]

    @torch.no_grad()
    def __call__(self, data):
        rows = self.rows_of(data["inputs"] if isinstance(data, dict) and "inputs" in data else data)
        if not rows:
            return []
        parts = [encoder([r.get(f.get("column") or f["name"], r.get(f["name"])) for r in rows])
                 for f, encoder in self.inputs]
        combined = self.joined.stack(torch.cat(parts, 1), self.combiner, "num_fc_layers")
        hidden, answers = {}, [{} for _ in rows]
        for out in in_order(self.outputs):
            seen = [hidden[name] for name in out.feature.get("dependencies") or []]
            hidden[out.name] = out.hidden(torch.cat([combined, *seen], 1))
        for out in self.outputs:
            for row, answer in zip(answers, out.answers(hidden[out.name])):
                row.update(answer)
        return answers
