"""How TensorFlow uses the processor's cores.

TensorFlow by default lets every operation use all cores, one operation after the other. On two
cores it trains faster the other way round: each operation keeps to one core, and two halves of a
batch go side by side (docs/performance.md). That was measured on two cores, so with more of them
TensorFlow's own choice stays, unless ``TF_NUM_INTRAOP_THREADS`` and ``TF_NUM_INTEROP_THREADS``
say otherwise.
"""

import os
import sys
import threading

import tensorflow as tf

_INTRA, _INTER = "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"
# How much nicer than the rest of the process TensorFlow's threads are, and the nicest there is.
_LESS_URGENT, _LEAST_URGENT = 10, 19
# Fewer images than this in each part, and starting its operations costs more than is won.
_FEWEST_IMAGES = 8


def configure_threads() -> None:
    """Set the threads of this process, unless the environment does or TensorFlow is at work."""
    if _INTRA not in os.environ and _INTER not in os.environ and cores() == 2:
        try:
            tf.config.threading.set_intra_op_parallelism_threads(1)
            tf.config.threading.set_inter_op_parallelism_threads(2)
        except RuntimeError:
            # Somebody has used TensorFlow before; then it stays as it is.
            return


def start_threads() -> None:
    """Start TensorFlow's threads, less urgent than the rest of the process where Linux has it so.

    Pages, and a browser on the same machine, go first: they need little, and are waited for.
    """
    starter = threading.Thread(target=_start_with_low_priority)
    starter.start()
    starter.join()


def _start_with_low_priority() -> None:
    # New threads are as urgent as the one that starts them.
    if sys.platform == "linux":
        own = threading.get_native_id()
        urgency = min(os.getpriority(os.PRIO_PROCESS, own) + _LESS_URGENT, _LEAST_URGENT)
        os.setpriority(os.PRIO_PROCESS, own, urgency)
    tf.config.list_logical_devices()


def cores() -> int:
    """The cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def batch_parts(images: int) -> int:
    """Into how many parts a batch of so many images is cut, to be worked on side by side.

    A GPU works on a batch whole.
    """
    if tf.config.list_physical_devices("GPU"):
        return 1
    intra = tf.config.threading.get_intra_op_parallelism_threads() or _number(_INTRA)
    inter = tf.config.threading.get_inter_op_parallelism_threads() or _number(_INTER)
    if intra != 1 or inter < 2:
        return 1
    return max(min(inter, images // _FEWEST_IMAGES), 1)


def split_batch(values: tf.Tensor, parts: int) -> list[tf.Tensor]:
    """``values`` in so many parts of about equal length, in order."""
    if parts == 1:
        return [values]
    length = tf.shape(values)[0]
    return [values[length * part // parts : length * (part + 1) // parts] for part in range(parts)]


def _number(variable: str) -> int:
    text = os.environ.get(variable, "")
    return int(text) if text.isdecimal() else 0


configure_threads()
