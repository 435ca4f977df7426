#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes cases.json for test_cases.c: tokenizers small enough to commit, trained or put together here, and what the
tokenizers library (0.23.3) makes of some texts with them. Usage: make_cases.py > cases.json"""
import base64
import json
import struct
import sys

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

CORPUS = ["the quick brown fox jumps over the lazy dog", "a café in Zürich: naïve façade, déjà vu",
          "unaffordable prices are affecting able buyers", "low lower lowest, new newer newest, wide wider widest",
          "日本語 テキスト 中文", "don't we'll they're I'd", "1 22 333 4444 3.14", "antidisestablishmentarianism"] * 4
TEXTS = ["", " ", "a", "The quick brown fox", "  two  blanks and a tab\there ", "line\r\nbreak\n\n", "unaffable lowers",
         "Café cafe\u0301 CAFÉ", "naïve façade ß İ", "日本語テキスト中文！한국어", "emoji 👩‍👩‍👧 👍🏽 x", "don't I'D",
         "3.14 2024-01-31 ½²", "x\u0001y\u200bz\ufeffw\u00a0v\u0085u", "[CLS] <s> </s><unk> [MASK]!", "ﬁ ① ｱﾊﾟ ™ \u1e9b\u0323",
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "▁ ▁▁x▁", "हिन्दी e\u0301\u0316\u0327", "<0x41><0xE2>",
         "?!... , . don 't ' s", "\ufffd\u0000a", "ＡＢＣ　ｄ", "é́", "lowest lowest"]


def charsmap(rules):
    """SentencePiece's precompiled_charsmap, as bytes: a double-array trie in the layout of darts-clone, then texts."""
    trie, texts, at = {}, b"", {}
    for key, value in rules.items():
        if value not in at:
            at[value] = len(texts)
            texts += value.encode() + b"\0"
        node = trie
        for c in key.encode():
            node = node.setdefault(c, {})
        node[None] = at[value]
    units, bases, first = {0: 0}, set(), 1
    todo = [(0, trie)]
    while todo:
        pos, node = todo.pop(0)
        labels = [0 if c is None else c for c in node]
        while first in units:
            first += 1
        base = next(b for b in range(max(first - 255, 1), 1 << 21)
                    if b not in bases and all(b ^ c not in units for c in labels))
        bases.add(base)
        units[pos] |= (base ^ pos) << 10 | (1 << 8 if None in node else 0)
        for c, child in node.items():
            if c is None:
                units[base] = 1 << 31 | child
            else:
                units[base ^ c] = c
                todo.append((base ^ c, child))
    size = (max(units) | 255) + 1
    return struct.pack(f"<I{size}I", size * 4, *(units.get(i, 0) for i in range(size))) + texts


SMALL_MAP = {"\t": " ", "\n": " ", "\r": " ", "\u00a0": " ", "\u3000": " ", "\u200b": "", "ﬁ": "fi", "①": "1", "™": "TM",
             "e\u0301": "é", "é": "é", "İ": "i\u0307", "Ａ": "A", "Ｂ": "B", "Ｃ": "C", "ｱ": "ア", "ｄ": "d", "½": "1⁄2",
             "\u1e9b\u0323": "ṩ", "x": "y"}


def unigram(**options):
    """A model trained on the corpus, with other options."""
    t = Tokenizer(models.Unigram())
    t.pre_tokenizer = pre_tokenizers.Metaspace()
    t.train_from_iterator(CORPUS, trainers.UnigramTrainer(
        vocab_size=options.pop("size", 80), unk_token="<unk>", special_tokens=["<s>", "<pad>", "</s>", "<unk>"],
        show_progress=False))
    vocab = [(p, round(s, 6)) for p, s in map(tuple, json.loads(t.to_str())["model"]["vocab"])]
    return models.Unigram(vocab + options.pop("more", []), **options)


def bert(**options):
    t = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    t.normalizer = normalizers.BertNormalizer(**options)
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.decoder = decoders.WordPiece()
    t.train_from_iterator(CORPUS, trainers.WordPieceTrainer(
        vocab_size=105, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], show_progress=False))
    t.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    t.enable_truncation(8)
    t.enable_padding(length=16)
    return t


def xlm_roberta():
    t = Tokenizer(unigram(unk_id=3))
    t.normalizer = normalizers.Sequence([normalizers.Precompiled(charsmap(SMALL_MAP)), normalizers.Strip(False, True),
                                         normalizers.Replace(Regex(" {2,}"), "▁")])
    t.pre_tokenizer = pre_tokenizers.Metaspace()
    t.decoder = decoders.Metaspace()
    t.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    t.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>"])
    return t


def albert():
    t = Tokenizer(unigram(unk_id=3))
    t.normalizer = normalizers.Sequence([normalizers.Replace("``", '"'), normalizers.NFKD(), normalizers.StripAccents(),
                                         normalizers.Lowercase(), normalizers.Precompiled(charsmap(SMALL_MAP))])
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(),
                                               pre_tokenizers.Metaspace(prepend_scheme="first")])
    t.decoder = decoders.Metaspace()
    return t


def unigram_bytes():
    more = [(f"<0x{b:02X}>", -15.0) for b in range(256)] + [("ab", -3.5), ("ab", -1.25), ("", 0.0), ("bc", -2.0)]
    t = Tokenizer(unigram(size=60, unk_id=3, byte_fallback=True, more=more))
    t.normalizer = normalizers.Nmt()
    t.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never", split=False)
    t.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace(prepend_scheme="never"), decoders.Fuse()])
    return t


def bpe(vocab, merges, **options):
    return models.BPE(vocab={piece: i for i, piece in enumerate(vocab)}, merges=merges, **options)


def llama(fuse):
    """BPE as SentencePiece trains it: bytes for what is unknown."""
    vocab = ["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256) if fuse or b < 0xE0]
    t = Tokenizer(bpe(vocab + list("▁abcdefghijklmnopqrstuvwxyz") + ["▁t", "he", "▁the", "lo", "low", "es", "est"],
                      [("▁", "t"), ("h", "e"), ("▁t", "he"), ("l", "o"), ("lo", "w"), ("e", "s"), ("es", "t")],
                      unk_token="<unk>", byte_fallback=True, fuse_unk=fuse))
    t.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    t.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(),
                                   decoders.Strip(" ", 1, 0)])
    t.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    t.add_special_tokens(["<unk>", "<s>", "</s>"])
    return t


def affixes(**options):
    """Pieces inside a word begin with ##, those at its end with </w>."""
    inside = ["##" + c for c in "abcdefghijklmnopqrstuvwxyz"]
    last = [c + "</w>" for c in inside] + [c + "</w>" for c in "abcdefghijklmnopqrstuvwxyz"]
    t = Tokenizer(bpe(["?"] + list("abcdefghijklmnopqrstuvwxyz") + inside + last + ["lo", "low", "low</w>", "##est</w>", "##es"],
                      [("l", "##o"), ("lo", "##w"), ("lo", "##w</w>"), ("##e", "##s"), ("##es", "##t</w>")],
                      continuing_subword_prefix="##", end_of_word_suffix="</w>", unk_token="?", **options))
    t.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    t.pre_tokenizer = pre_tokenizers.Whitespace()
    t.decoder = decoders.BPEDecoder()
    return t


def roberta():
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    t.decoder = decoders.ByteLevel()
    t.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=330, show_progress=False,
                          special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
                          initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    t.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    return t


def main():
    made = {"bert": bert(), "bert_plain": bert(clean_text=False, handle_chinese_chars=False, lowercase=False, strip_accents=True),
            "xlm_roberta": xlm_roberta(), "albert": albert(), "unigram_bytes": unigram_bytes(), "llama": llama(True),
            "llama_holes": llama(False), "affixes": affixes(), "affixes_fused": affixes(fuse_unk=True),
            "affixes_whole": affixes(ignore_merges=True), "roberta": roberta()}
    out = {"texts": TEXTS}
    for name, t in made.items():
        file = json.loads(t.to_str())
        t.no_truncation()
        t.no_padding()
        cases = []
        for text in TEXTS:
            ids = t.encode(text).ids
            cases.append([ids, t.decode(ids, skip_special_tokens=False)])
        out[name] = {"tokenizer": file, "cases": cases}
    lines = [f"{json.dumps(k)}:{json.dumps(v, ensure_ascii=False, separators=(',', ':'))}" for k, v in out.items()]
    sys.stdout.write("{" + ",\n".join(lines) + "}\n")


if __name__ == "__main__":
    main()
