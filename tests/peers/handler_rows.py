# SPDX-License-Identifier: Apache-2.0
"""Rows of every kind that handler.py reads, made from a table of texts: usage: handler_rows.py TEXTS.csv OUT.csv"""
import csv
import random
import sys

random.seed(1)
with open(sys.argv[1], encoding="utf-8") as f:
    rows = list(csv.DictReader(f))
kept = sorted({r["category"] for r in rows})[:6]
rows = [r for r in rows if r["category"] in kept]
random.shuffle(rows)
with open(sys.argv[2], "w", newline="", encoding="utf-8") as f:
    out = csv.writer(f)
    out.writerow(["text", "n", "color", "flag", "y", "z", "ok"])
    for i, r in enumerate(rows[:400]):
        out.writerow([r["text"], round(random.uniform(-5, 20), 3) if i % 17 else "", random.choice(["red", "green", "blue"]),
                      random.choice(["yes", "no"]), r["category"], len(r["text"]) / 10, "spam" if len(r["text"]) > 60 else "ham"])
