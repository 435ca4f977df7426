# SPDX-License-Identifier: Apache-2.0
"""usage: ratios.py ROUNDS: a line per round: our tokens/s and peak MiB, then peft's. Prints the medians of the ratios."""
import statistics
import sys

rounds = [[float(x) for x in line.split()] for line in open(sys.argv[1])]
for speed, memory, peft_speed, peft_memory in rounds:
    print(f"ours {speed:.0f} tokens/s, {memory:.0f} MiB; peft {peft_speed:.0f} tokens/s, {peft_memory:.0f} MiB")
faster = statistics.median(r[0] / r[2] for r in rounds)
smaller = statistics.median(r[1] / r[3] for r in rounds)
print(f"real tokens/s, ours by peft's: {faster:.2f}, wanted 2.5 or more: {'pass' if faster >= 2.5 else 'FAILED'}")
print(f"peak memory, ours by peft's: {smaller:.2f}, wanted 0.40 or less: {'pass' if smaller <= 0.4 else 'FAILED'}")
sys.exit(faster < 2.5 or smaller > 0.4)
