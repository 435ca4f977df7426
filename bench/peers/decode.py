# SPDX-License-Identifier: Apache-2.0
"""llama.cpp through llama-cpp-python: decoding one token after the other and prefill of 512 tokens, the best of 1 and 2
threads, by its own counters. usage: decode.py FILE.gguf
Prints one JSON object: decode and prefill in tokens per second."""
import ctypes
import json
import sys

import llama_cpp

best = {"decode": 0.0, "prefill": 0.0}
for threads in (1, 2):
    llama = llama_cpp.Llama(sys.argv[1], n_ctx=1024, n_batch=512, n_ubatch=512, n_threads=threads,
                            n_threads_batch=threads, verbose=False)
    prompt = (llama.tokenize(b"The history of the town begins in the year 1204, when ") * 60)[:512]
    for _ in range(3):
        llama.reset()
        llama_cpp.llama_perf_context_reset(llama.ctx)
        llama.eval(prompt)
        for _ in range(128):
            llama.eval([llama.sample(temp=0.0)])
        perf = llama_cpp.llama_perf_context(llama.ctx)
        best["prefill"] = max(best["prefill"], 1e3 * perf.n_p_eval / perf.t_p_eval_ms)
        best["decode"] = max(best["decode"], 1e3 * perf.n_eval / perf.t_eval_ms)
print(json.dumps(best))
