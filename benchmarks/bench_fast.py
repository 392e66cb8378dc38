"""Seconds of ``cifar10-fast`` to the accuracy that ``cifar10-vgg`` was published with, 73.63 %.

Five seeds on all 50,000 images, each tested once, at its end, on the 10,000 test images; once
with the precision kept from the run before, and once finding it anew. In turns with them, plain
Keras trains ``cifar10-vgg``, an epoch a turn. It is given up after these five epochs, so that
the ratio is a lower bound; with --full it has its 30, and the ratio is to its first epoch at
73.63 % test accuracy, else to all 30.

    python -m benchmarks.bench_fast [--full]

It needs the full CIFAR-10 in ``CIFARVIZ_HOME``.
"""

import sys
from itertools import accumulate
from typing import Any

from benchmarks.alternating import Contender, Process, Spread
from benchmarks.results_file import write_results
from cifarviz.data.library import status
from cifarviz.runs.machine import machine_name
from cifarviz.settings import Settings

_WANTED = 0.7363
_SEEDS = (1, 2, 3, 4, 5)
_EPOCHS = 30
_KEPT_LIMIT, _NEW_LIMIT, _RATIO = 15.0, 20.0, 40.0


def main() -> None:
    """Print both, and the ratio, and write them to the results."""
    full = "--full" in sys.argv[1:]
    if not status("cifar10", Settings.from_environment()).full_available:
        print("The full CIFAR-10 is not here: python -m cifarviz data fetch cifar10")
        return
    print(machine_name())
    kept, new, keras = _measure(_EPOCHS if full else len(_SEEDS))
    accuracies = [accuracy for _, accuracy in (*kept, *new)]
    print(f"test accuracy of five seeds: {', '.join(f'{a:.2%}' for _, a in kept)}")
    print(f"all at {_WANTED:.2%}: {'yes' if min(accuracies) >= _WANTED else 'NO'}")
    ours = Spread(tuple(seconds for seconds, _ in kept))
    ours_new = Spread(tuple(seconds for seconds, _ in new))
    print(f"precision kept: median {ours.median:.1f} s (to reach: {_KEPT_LIMIT:.0f})")
    print(f"precision found anew: median {ours_new.median:.1f} s (to reach: {_NEW_LIMIT:.0f})")
    found = _against(ours, keras)
    print(
        f"plain Keras, cifar10-vgg: {found['seconds']:,.0f} s for {found['epochs']} epochs, "
        f"{found['accuracy']:.2%}: {'' if found['whole'] else 'at least '}{found['ratio']:.0f} "
        f"times as long (to reach: {_RATIO:.0f})"
    )
    content = {
        "accuracies": [accuracy for _, accuracy in kept],
        "seconds": ours.to_dict(),
        "seconds_precision_anew": ours_new.to_dict(),
        "plain_keras_epochs": [list(epoch) for epoch in keras],
        "against_plain_keras": found,
    }
    command = "python -m benchmarks.bench_fast" + (" --full" if full else "")
    write_results("fast_full" if full else "fast", command, content)


Measured = list[tuple[float, ...]]


def _measure(epochs: int) -> tuple[Measured, Measured, Measured]:
    """Seconds and accuracy of ours, precision kept and anew, and of each epoch of plain Keras."""
    kept, new, keras = [], [], []
    with (
        Process(Contender("cifar10-fast", "benchmarks.our_fast_run", ())) as ours,
        Process(Contender("plain Keras", "benchmarks.plain_keras_vgg", ())) as plain,
    ):
        ours.wait_until_ready()
        plain.wait_until_ready()
        for seed in _SEEDS:
            new.append(ours.ask(f"{seed} new"))
            kept.append(ours.ask(f"{seed} kept"))
            keras.append(plain.ask())
        while len(keras) < epochs and max(accuracy for _, accuracy in keras) < _WANTED:
            keras.append(plain.ask())
    return kept, new, keras


def _against(ours: Spread, keras: Measured) -> dict[str, Any]:
    times = list(accumulate(seconds for seconds, _ in keras))
    reached = next((n for n, (_, right) in enumerate(keras, 1) if right >= _WANTED), None)
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
