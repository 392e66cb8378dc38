"""A batch is cut only where the cores are used one an operation."""

import os
import subprocess
import sys

import pytest
import tensorflow as tf

from cifarviz.network.threads import cut

SCRIPT = """
import cifarviz.network.threads as threads
threads.cores = lambda: {cores}
threads.configure()
import tensorflow as tf
print(
    tf.config.threading.get_intra_op_parallelism_threads(),
    *map(threads.batch_parts, (1, 15, 16, 40)),
)
"""


@pytest.mark.parametrize(
    ("cores", "asked", "expected"),
    [
        (2, {}, "1 1 1 2 2"),
        (1, {"TF_NUM_INTRAOP_THREADS": "2"}, "0 1 1 1 1"),
        (2, {"TF_NUM_INTRAOP_THREADS": "2"}, "0 1 1 1 1"),
        (4, {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "4"}, "0 1 1 2 4"),
    ],
)
def test_parts_follow_the_threads(cores: int, asked: dict[str, str], expected: str) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TF_NUM_")} | asked
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(cores=cores)],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split("\n")[0] == expected


def test_parts_are_of_about_equal_length_and_in_order() -> None:
    parts = [part.numpy().tolist() for part in cut(tf.range(7), 3)]
    assert parts == [[0, 1], [2, 3], [4, 5, 6]]
