# SPDX-License-Identifier: Apache-2.0
"""Ludwig (Python) fine-tunes with LoRA on rows of JSON Lines {"instruction", "output"}, one epoch, its own defaults but for
the length, and the batch if BATCH is not 0. usage: ludwig.py FOLDER ROWS BATCH LENGTH OUT; run by the interpreter of tests/peers/setup-ludwig.sh.
Prints one JSON object: real tokens per second without the first step (mean tokens of a row, times rows), peak memory in
MiB, rows of a step, seconds of each step but the first."""
import json
import logging
import os
import resource
import sys
import time

os.environ["HF_HUB_OFFLINE"] = "1"
sys.path.pop(0)  # this file has the package's name
import pandas
from ludwig.api import LudwigModel
from ludwig.callbacks import Callback
from transformers import AutoTokenizer

base, data, batch, length, out = sys.argv[1:]
rows = pandas.read_json(data, lines=True)
tokenizer = AutoTokenizer.from_pretrained(base)
tokens = sum(min(len(tokenizer(r.instruction).input_ids) + len(tokenizer(r.output).input_ids) + 1, int(length))
             for r in rows.itertuples()) / len(rows)


class Clock(Callback):
    """Seconds between the ends of steps: with loading of batches, without evaluation and saving."""
    ends, batch = [], 1

    def on_batch_end(self, trainer, progress_tracker, save_path, sync_step=True, **kwargs):
        self.ends.append(time.perf_counter())
        self.batch = trainer.batch_size


config = {"model_type": "llm", "base_model": base, "input_features": [{"name": "instruction", "type": "text"}],
          "output_features": [{"name": "output", "type": "text"}], "prompt": {"template": "{instruction}"},
          "preprocessing": {"global_max_sequence_length": int(length)}, "adapter": {"type": "lora"},
          "trainer": {"type": "finetune", "epochs": 1, "skip_all_evaluation": True}, "backend": {"type": "local"}}
if batch != "0":
    config["trainer"]["batch_size"] = int(batch)
clock = Clock()
model = LudwigModel(config, logging_level=logging.ERROR, callbacks=[clock])
model.train(training_set=rows, output_directory=out, skip_save_processed_input=True, skip_save_model=True,
            skip_save_progress=True, skip_save_log=True)
steps = len(clock.ends) - 1
print(json.dumps({"rate": steps * clock.batch * tokens / (clock.ends[-1] - clock.ends[0]),
                  "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10, "batch": clock.batch,
                  "seconds": [b - a for a, b in zip(clock.ends, clock.ends[1:])]}))
