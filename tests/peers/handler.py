# SPDX-License-Identifier: Apache-2.0
"""handler.py of an uploaded predictive model against the predictions of Ludwig: probabilities and numbers within 1e-4.
usage: handler.py HANDLER RUN_FOLDER ROWS.csv PREDICTIONS.csv WORDS: what the model is, for the report"""
import csv
import importlib.util
import json
import shutil
import sys
import tempfile

handler, run, rows, predictions, words = sys.argv[1:]
with tempfile.TemporaryDirectory() as repo:  # as upload lays it out
    for name in ("model_weights/model.safetensors", "training_set_metadata.json"):
        shutil.copy(f"{run}/model/{name}", repo)
    shutil.copy(f"{run}/model/model_hyperparameters.json", repo + "/ludwig_config.json")
    spec = importlib.util.spec_from_file_location("handler", handler)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with open(rows, encoding="utf-8") as f:
        inputs = list(csv.DictReader(f))[:100]
    answers = module.EndpointHandler(repo)({"inputs": inputs})
worst, other = 0.0, 0
with open(predictions, encoding="utf-8") as f:
    wanted = list(csv.DictReader(f))[:len(inputs)]
for got, want in zip(answers, wanted):
    other += list(got) != list(want)
    for key, cell in want.items():
        value = got.get(key)
        if isinstance(value, float):
            worst = max(worst, abs(value - float(cell)) / max(1.0, abs(float(cell))))
        elif isinstance(value, list) and value and isinstance(value[0], float):
            worst = max([worst] + [abs(a - b) for a, b in zip(value, json.loads(cell))])
        else:
            other += (json.dumps(value) != json.dumps(json.loads(cell))) if isinstance(value, list) else value != cell
good = worst <= 1e-4 and other == 0 and len(answers) == 100
print(f"handler.py, {words}: {len(answers)} rows, largest difference {worst:.2g}, other answers {other}: "
      f"{'pass' if good else 'FAILED'}")
sys.exit(not good)
