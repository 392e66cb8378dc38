"""TensorFlow is loaded once, whoever asks first."""

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import threading, time
from cifarviz.experiment.experiment import Data, Experiment
from cifarviz.experiment.presets import PRESETS
from cifarviz.ui import cache

preset = PRESETS["cifar10-starter"].experiment
small = {"data": Data(train_images=64), "batch_size": 32, "epochs": 1}
cache.warm_up()
time.sleep(DELAY)
worker = cache.worker()
run = worker.wait(worker.submit(Experiment.make(**{**dict(preset), **small}), "first").id)
print(run.state, run.message)
"""


def test_the_first_run_may_meet_the_warm_up() -> None:
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    environment.pop("CIFARVIZ_WARM_UP", None)
    # The warm-up begins after a second: before, at about the same time, and in the middle.
    for delay in ("0", "0.9", "1.6"):
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT.replace("DELAY", delay)],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout.strip() == "finished None", done.stderr
