"""The processor's rate in a large matrix product, and the upper limit of training speed.

A training step takes three times the multiplications of the forward pass: forward, and the
gradients of the inputs and of the weights. The limit assumes that all of them run at the rate of a
large product and that nothing else takes time.

    python -m benchmarks.bench_processor [ROUNDS]
"""

import os
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tensorflow as tf

from benchmarks.results_file import write_results
from cifarviz.experiment.presets import PRESETS
from cifarviz.processor import machine_name

_SIDE = 4096


def main() -> None:
    """Print rates and limits and write them to the results."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    print(machine_name())
    rates = {
        "float32": _operations_per_second(tf.float32, rounds),
        "bfloat16": _operations_per_second(tf.bfloat16, rounds),
    }
    limits = {}
    for name in ("cifar10-vgg", "cifar10-starter", "cifar10-ensemble", "cifar10-fast"):
        operations = 6 * PRESETS[name].experiment.architecture.trace().operations
        limits[name] = {precision: rate / operations for precision, rate in rates.items()}
    for precision, rate in rates.items():
        speeds = ", ".join(f"{name} {limit[precision]:,.0f}" for name, limit in limits.items())
        print(f"{precision}: {rate / 1e12:.2f} TFLOP/s; upper limits in images/s: {speeds}")
    content = {"operations_per_second": rates, "images_per_second_at_most": limits}
    write_results("processor", "python -m benchmarks.bench_processor", content)


def _operations_per_second(precision: tf.DType, rounds: int) -> float:
    """Return the best of several rounds, on all cores."""
    first, second = (tf.cast(tf.random.normal((_SIDE, _SIDE)), precision) for _ in range(2))
    seconds = []
    for _ in range(rounds + 1):
        began = time.perf_counter()
        tf.matmul(first, second)[0, 0].numpy()
        seconds.append(time.perf_counter() - began)
    return 2 * _SIDE**3 / min(seconds[1:])


if __name__ == "__main__":
    main()
