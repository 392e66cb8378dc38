"""A contender: Keras' ``fit``, tuned by hand as its guides suggest.

oneDNN on (by the environment), ``tf.data`` with the data in memory and prefetched, many steps in
one call, mixed precision on request. Networks, images and optimizer as in ``plain_keras.py``.
The tuner of ``tf.data`` is off: with it, an epoch of less than 5 s may end only when the tuner's
pause does, 5.1 s after its start.

    python -m benchmarks.tuned_keras PRESET BATCH_SIZE IMAGES PRECISION
"""

import sys
import time

import keras
import tensorflow as tf

from benchmarks.plain_keras import prepare

_STEPS_PER_CALL = 50


def main() -> None:
    """Compile and warm up with two epochs; then train one for each line."""
    preset, batch_size, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    precision = sys.argv[4]
    if precision == "bfloat16":
        keras.mixed_precision.set_global_policy("mixed_bfloat16")
    model, images, labels = prepare(preset, count)
    steps = count // batch_size
    model.compile(
        keras.optimizers.Adam(float(model.optimizer.learning_rate)),
        model.loss,
        metrics=["accuracy"],
        steps_per_execution=min(_STEPS_PER_CALL, steps),
    )
    without_tuner = tf.data.Options()
    without_tuner.autotune.enabled = False
    data = (
        tf.data.Dataset.from_tensor_slices((images, labels))
        .shuffle(count, reshuffle_each_iteration=True)
        .batch(batch_size, drop_remainder=True)
        .prefetch(4)
        .with_options(without_tuner)
    )
    model.fit(data, epochs=2, verbose=0)
    print("ready", flush=True)
    for _ in sys.stdin:
        began = time.perf_counter()
        model.fit(data, epochs=1, verbose=0)
        print(steps * batch_size / (time.perf_counter() - began), flush=True)


if __name__ == "__main__":
    main()
