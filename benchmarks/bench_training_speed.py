"""Images a second in training: cifarviz against plain Keras, in turns.

Both sides train on the same images of the embedded sample, without validation. Plain Keras is
what a person would write (benchmarks/plain_keras.py); cifarviz is a whole run, with everything it
writes and looks for, in the precision it chooses, and in float32.

    python -m benchmarks.bench_training_speed [ROUNDS]

``ONEDNN_MAX_CPU_ISA=AVX512_CORE`` or ``AVX2`` before it measures a processor without bfloat16.
"""

import os
import sys
from dataclasses import dataclass

from benchmarks.alternating import Contender, Spread, measure
from benchmarks.results_file import write_results
from cifarviz.runs.machine import machine_name

_IMAGES = 4800
_ISA = "ONEDNN_MAX_CPU_ISA"


@dataclass(frozen=True)
class Case:
    """A preset at a batch size; ``epochs`` are trained by cifarviz a round, the first untimed.

    ``goal`` and ``float32_goal``: how many times as fast as plain Keras it is to be.
    """

    preset: str
    batch_size: int
    epochs: int
    goal: float
    float32_goal: float = 1.2


_CASES = (
    Case("cifar10-vgg", 32, 3, 4.5),
    Case("cifar10-vgg", 128, 4, 6.0),
    Case("cifar10-starter", 4, 5, 1.6),
    Case("cifar10-ensemble", 100, 14, 2.0),
)


def main() -> None:
    """Print a table and write it to the results."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    isa = os.environ.get(_ISA)
    print(f"{machine_name()}{f', {_ISA}={isa}' if isa else ''}; medians of {rounds}")
    print(f"{'images a second':26}{'Keras':>8}{'ours':>9}{'':>8}{'float32':>9}{'':>8}  to reach")
    rows = []
    for case in _CASES:
        found = measure(_contenders(case), rounds)
        keras, auto, exact = (found[name] for name in ("plain Keras", "auto", "float32"))
        print(
            f"{case.preset + ', batch ' + str(case.batch_size):26}{keras.median:8,.0f}"
            f"{auto.median:9,.0f}{_ratio(auto, keras):7.2f}×{exact.median:9,.0f}"
            f"{_ratio(exact, keras):7.2f}×  {case.goal}×, {case.float32_goal}×",
            flush=True,
        )
        rows.append(
            {
                "preset": case.preset,
                "batch_size": case.batch_size,
                "images_per_second": {name: spread.to_dict() for name, spread in found.items()},
                "ratio": round(_ratio(auto, keras), 3),
                "float32_ratio": round(_ratio(exact, keras), 3),
                "to_reach": [case.goal, case.float32_goal],
            }
        )
    name = "training_speed" + (f"_{isa.lower()}" if isa else "")
    command = (f"{_ISA}={isa} " if isa else "") + "python -m benchmarks.bench_training_speed"
    write_results(name, command, {"rounds": rounds, "rows": rows})


def _contenders(case: Case) -> list[Contender]:
    size = str(case.batch_size)

    def ours(precision: str) -> Contender:
        arguments = (case.preset, size, str(_IMAGES), str(case.epochs), precision)
        return Contender(precision, "benchmarks.our_training", arguments)

    plain = (case.preset, size, str(_IMAGES))
    return [
        Contender("plain Keras", "benchmarks.plain_keras", plain),
        ours("auto"),
        ours("float32"),
    ]


def _ratio(ours: Spread, keras: Spread) -> float:
    """By rounds, as both sides of one round had the same machine."""
    return Spread(tuple(a / b for a, b in zip(ours.values, keras.values, strict=True))).median


if __name__ == "__main__":
    main()
