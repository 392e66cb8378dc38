"""TensorFlow is loaded once, by whichever thread needs it first."""

import os
import subprocess
import sys

import pytest

from cifarviz.experiment.choices import Data
from cifarviz.layers.dense import Dense
from cifarviz.layers.flatten import Flatten
from scripts.app_server import ROOT
from tests import stored_runs

SCRIPT = """
import gc, sys, time
from cifarviz.experiment.experiment import Experiment
from cifarviz.ui import cache

experiment = Experiment.from_json(sys.stdin.read())
cache.warm_up()
time.sleep(DELAY)
worker = cache.worker()
run = worker.wait(worker.submit(experiment, "first").id)
print(run.state, run.message)
# What stays for good is not looked through after each run of a page.
print(gc.get_freeze_count() > 100_000)
"""


# The warm-up begins after a second: before, at about the same time, and in the middle.
@pytest.mark.parametrize("delay", ["0", "0.9", "1.6"])
def test_a_run_can_train_during_the_warm_up(delay: str) -> None:
    # What counts is who imports TensorFlow first, so the network is the smallest there can be.
    experiment = stored_runs.experiment(
        Flatten(),
        Dense(units=10, activation="softmax"),
        data=Data(train_images=64),
        batch_size=32,
        epochs=1,
        precision="float32",
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("CIFARVIZ_WARM_UP", None)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.replace("DELAY", delay)],
        env=environment,
        input=experiment.to_json(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split("\n")[:2] == ["finished None", "True"], done.stderr
