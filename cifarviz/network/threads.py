"""TensorFlow's threads, and batches split into parts that are computed side by side.

How many there are of both is decided in ``cifarviz/processor.py``.
"""

import os
import sys
import threading

import tensorflow as tf

from cifarviz import processor

# The niceness of TensorFlow's threads above that of the process, and the highest niceness.
_EXTRA_NICENESS, _MAX_NICENESS = 10, 19
# With fewer images in each part, starting its operations costs more than it gains.
_MIN_IMAGES = 8


def configure_threads() -> None:
    """Set the threads of this process, unless TensorFlow has started."""
    use = processor.in_use()
    try:
        tf.config.threading.set_intra_op_parallelism_threads(use.intra_threads)
        tf.config.threading.set_inter_op_parallelism_threads(use.inter_threads)
    except RuntimeError:
        # TensorFlow was used before; its settings can no longer change.
        return


def start_threads() -> None:
    """Start TensorFlow's threads, on Linux with lower priority than the rest of the process.

    Pages, and a browser on the same machine, go first: they need little, and users wait for them.
    """
    starter = threading.Thread(target=_start_with_low_priority)
    starter.start()
    starter.join()


def _start_with_low_priority() -> None:
    # New threads inherit the priority of the thread that starts them.
    if sys.platform == "linux":
        own = threading.get_native_id()
        niceness = min(os.getpriority(os.PRIO_PROCESS, own) + _EXTRA_NICENESS, _MAX_NICENESS)
        os.setpriority(os.PRIO_PROCESS, own, niceness)
    tf.config.list_logical_devices()


def batch_parts(images: int) -> int:
    """Return into how many parts a batch of so many images is split, to run in parallel.

    On a GPU a batch is not split, nor where TensorFlow started with other threads.
    """
    use = processor.in_use()
    threads = (
        tf.config.threading.get_intra_op_parallelism_threads(),
        tf.config.threading.get_inter_op_parallelism_threads(),
    )
    if threads != (use.intra_threads, use.inter_threads) or tf.config.list_physical_devices("GPU"):
        return 1
    return max(min(use.batch_parts, images // _MIN_IMAGES), 1)


def split_batch(values: tf.Tensor, parts: int) -> list[tf.Tensor]:
    """Split ``values`` into so many parts of about equal length, in order."""
    if parts == 1:
        return [values]
    length = tf.shape(values)[0]
    return [values[length * part // parts : length * (part + 1) // parts] for part in range(parts)]


configure_threads()
