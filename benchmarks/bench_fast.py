"""Seconds of ``cifar10-fast`` to the accuracy that ``cifar10-vgg`` was published with, 73.63 %.

Five seeds on all 50,000 images, each evaluated once, at its end, on the 10,000 test images; once
with the known precision of the previous run, and once with the precision measured again. Plain
Keras trains ``cifar10-vgg`` alternately, an epoch each time. It stops after these five epochs, so
that the ratio is a lower bound; with --full it trains up to 30, and the ratio is to its first epoch
at 73.63 % test accuracy, else to all 30.

    python -m benchmarks.bench_fast [--full]

It needs the full CIFAR-10 in ``CIFARVIZ_HOME``.
"""

import sys
from itertools import accumulate
from typing import Any

from benchmarks.alternating import Contender, Process, Spread
from benchmarks.results_file import write_results
from cifarviz.data.library import status
from cifarviz.processor import instruction_set, machine_name
from cifarviz.settings import Settings

_TARGET = 0.7363
_SEEDS = (1, 2, 3, 4, 5)
_EPOCHS = 30
_LIMITS = {"AMX": 7.5}
_USUAL_LIMIT, _RATIO = 30.0, 40.0


def main() -> None:
    """Print both times and their ratio, and write them to the results."""
    full = "--full" in sys.argv[1:]
    if not status("cifar10", Settings.from_environment()).full_available:
        print("The full CIFAR-10 is missing: python -m cifarviz data fetch cifar10")
        return
    print(machine_name())
    known, new, keras = _measure(_EPOCHS if full else len(_SEEDS))
    accuracies = [accuracy for _, accuracy in (*known, *new)]
    print(f"test accuracy of five seeds: {', '.join(f'{a:.2%}' for _, a in known)}")
    print(f"all at {_TARGET:.2%}: {'yes' if min(accuracies) >= _TARGET else 'NO'}")
    ours = Spread(tuple(seconds for seconds, _ in known))
    ours_new = Spread(tuple(seconds for seconds, _ in new))
    limit = _LIMITS.get(instruction_set(), _USUAL_LIMIT)
    print(f"precision known: median {ours.median:.1f} s (limit {limit:g})")
    print(f"precision measured: median {ours_new.median:.1f} s")
    comparison = _compare(ours, keras)
    print(
        f"plain Keras, cifar10-vgg: {comparison['seconds']:,.0f} s for "
        f"{comparison['epochs']} epochs, "
        f"{comparison['accuracy']:.2%}: {'' if comparison['whole'] else 'at least '}"
        f"{comparison['ratio']:.0f} times as long (goal {_RATIO:.0f})"
    )
    content = {
        "accuracies": [accuracy for _, accuracy in known],
        "seconds": ours.to_dict(),
        "seconds_precision_anew": ours_new.to_dict(),
        "plain_keras_epochs": [list(epoch) for epoch in keras],
        "against_plain_keras": comparison,
    }
    command = "python -m benchmarks.bench_fast" + (" --full" if full else "")
    write_results("fast_full" if full else "fast", command, content)


Measured = list[tuple[float, ...]]


def _measure(epochs: int) -> tuple[Measured, Measured, Measured]:
    """Return seconds and accuracy with known and new precision, and of plain Keras' epochs."""
    known, new, keras = [], [], []
    with (
        Process(Contender("cifar10-fast", "benchmarks.our_fast_run", ())) as ours,
        Process(Contender("plain Keras", "benchmarks.plain_keras_vgg", ())) as plain,
    ):
        ours.wait_until_ready()
        plain.wait_until_ready()
        for seed in _SEEDS:
            new.append(ours.request(f"{seed} new"))
            known.append(ours.request(f"{seed} kept"))
            keras.append(plain.request())
        while len(keras) < epochs and max(accuracy for _, accuracy in keras) < _TARGET:
            keras.append(plain.request())
    return known, new, keras


def _compare(ours: Spread, keras: Measured) -> dict[str, Any]:
    times = list(accumulate(seconds for seconds, _ in keras))
    reached = next((n for n, (_, accuracy) in enumerate(keras, 1) if accuracy >= _TARGET), None)
    epochs = reached or len(keras)
    return {
        "epochs": epochs,
        "accuracy": keras[epochs - 1][1],
        "seconds": times[epochs - 1],
        "ratio": times[epochs - 1] / ours.median,
        "whole": reached is not None or len(keras) == _EPOCHS,
    }


if __name__ == "__main__":
    main()
