"""How TensorFlow uses the processor's cores.

By default TensorFlow runs operations one after the other, each on all cores. On two cores it trains
faster if each operation uses a single core, and two halves of a batch run in parallel
(docs/performance.md). That was measured on two cores, so with more cores TensorFlow's default
stays, unless ``TF_NUM_INTRAOP_THREADS`` and ``TF_NUM_INTEROP_THREADS`` are set.
"""

import os
import sys
import threading

import tensorflow as tf

_INTRA, _INTER = "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"
# The niceness of TensorFlow's threads above that of the process, and the highest niceness.
_EXTRA_NICENESS, _MAX_NICENESS = 10, 19
# With fewer images in each part, starting its operations costs more than it gains.
_MIN_IMAGES = 8


def configure_threads() -> None:
    """Set the threads of this process, unless the environment does or TensorFlow has started."""
    if _INTRA not in os.environ and _INTER not in os.environ and cores() == 2:
        try:
            tf.config.threading.set_intra_op_parallelism_threads(1)
            tf.config.threading.set_inter_op_parallelism_threads(2)
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


def cores() -> int:
    """Return the number of cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def batch_parts(images: int) -> int:
    """Return into how many parts a batch of so many images is split, to run in parallel.

    On a GPU a batch is not split.
    """
    if tf.config.list_physical_devices("GPU"):
        return 1
    intra = tf.config.threading.get_intra_op_parallelism_threads() or _number(_INTRA)
    inter = tf.config.threading.get_inter_op_parallelism_threads() or _number(_INTER)
    if intra != 1 or inter < 2:
        return 1
    return max(min(inter, images // _MIN_IMAGES), 1)


def split_batch(values: tf.Tensor, parts: int) -> list[tf.Tensor]:
    """Split ``values`` into so many parts of about equal length, in order."""
    if parts == 1:
        return [values]
    length = tf.shape(values)[0]
    return [values[length * part // parts : length * (part + 1) // parts] for part in range(parts)]


def _number(variable: str) -> int:
    text = os.environ.get(variable, "")
    return int(text) if text.isdecimal() else 0


configure_threads()
