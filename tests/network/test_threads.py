"""A batch is split only if each operation uses one core."""

import json
import os
import subprocess
import sys

import tensorflow as tf

from cifarviz.network.threads import split_batch

# Before TensorFlow is used, its threads can be set again and again.
SCRIPT = """
import json, sys
import tensorflow as tf
import cifarviz.network.threads as threads
from cifarviz import processor
for cores, asked in json.loads(sys.argv[1]):
    processor.usable_cores = lambda: cores
    processor._in_use = processor.default_use().with_environment(asked)
    threads.configure_threads()
    intra = tf.config.threading.get_intra_op_parallelism_threads()
    print(intra, *map(threads.batch_parts, (1, 15, 16, 40)))
"""
CASES: list[tuple[int, dict[str, str], str]] = [
    (2, {}, "1 1 1 2 2"),
    (4, {}, "0 1 1 1 1"),
    (1, {"TF_NUM_INTRAOP_THREADS": "2"}, "2 1 1 1 1"),
    (2, {"TF_NUM_INTRAOP_THREADS": "2"}, "2 1 1 1 1"),
    (4, {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "4"}, "1 1 1 2 4"),
    (4, {"CIFARVIZ_BATCH_PARTS": "2"}, "0 1 1 2 2"),
]


def test_the_number_of_parts_depends_on_the_threads() -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TF_NUM_")}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps([case[:2] for case in CASES])],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == [case[2] for case in CASES]


# Draws examples of an augmentation before anything that builds a network is imported.
EXAMPLES = """
import pathlib
import numpy as np
from cifarviz import processor
processor.configure(pathlib.Path("."))
from cifarviz.experiment.choices import Augmentation
from cifarviz.training.augmentation_examples import make_examples
images = np.zeros((2, 4, 4, 3), np.uint8)
make_examples(images, Augmentation(flip=True), None, seed=1, times=1)
from cifarviz.network.threads import batch_parts
print(batch_parts(40))
"""


def test_examples_of_augmentation_leave_training_its_threads() -> None:
    asked = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "4"}
    done = subprocess.run(
        [sys.executable, "-c", EXAMPLES],
        env={**os.environ, **asked},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["4"]


def test_parts_are_of_about_equal_length_and_in_order() -> None:
    parts = [part.numpy().tolist() for part in split_batch(tf.range(7), 3)]
    assert parts == [[0, 1], [2, 3], [4, 5, 6]]
