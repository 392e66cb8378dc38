"""A contender: a large matrix product, the most a processor multiplies in a second.

For each line on standard input it prints operations a second, the best of several products.

    python -m benchmarks.matrix_product PRECISION
"""

import sys
import time

import tensorflow as tf

_SIDE = 4096
_PRODUCTS = 4


def main() -> None:
    """Multiply once to warm up; then a few times for each line."""
    precision = tf.dtypes.as_dtype(sys.argv[1])
    first, second = (tf.cast(tf.random.normal((_SIDE, _SIDE)), precision) for _ in range(2))
    _seconds(first, second)
    print("ready", flush=True)
    for _ in sys.stdin:
        seconds = min(_seconds(first, second) for _ in range(_PRODUCTS))
        print(2 * _SIDE**3 / seconds, flush=True)


def _seconds(first: tf.Tensor, second: tf.Tensor) -> float:
    began = time.perf_counter()
    tf.matmul(first, second)[0, 0].numpy()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
