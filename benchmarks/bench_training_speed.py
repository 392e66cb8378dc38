"""Training speed in images/s of cifarviz and plain Keras, measured alternately.

Both train on the same images of the embedded sample, without validation. Plain Keras is typical
user code (benchmarks/plain_keras.py); cifarviz is a complete run with all files it writes, in the
precision it chooses, and in float32.

    python -m benchmarks.bench_training_speed [ROUNDS]

Set ``ONEDNN_MAX_CPU_ISA=AVX512_CORE`` or ``AVX2`` to measure without bfloat16 instructions.
"""

import os
import sys
from dataclasses import dataclass

from benchmarks.alternating import Contender, Spread, measure
from benchmarks.results_file import write_results
from cifarviz.processor import machine_name

_IMAGES = 4800
_ISA = "ONEDNN_MAX_CPU_ISA"


@dataclass(frozen=True)
class Case:
    """A preset and batch size; cifarviz trains ``epochs`` per round, the first not measured.

    ``goal`` and ``float32_goal``: the expected speed relative to plain Keras.
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
    print(f"{'images/s':26}{'Keras':>8}{'ours':>9}{'':>8}{'float32':>9}{'':>8}  goals")
    rows = []
    for case in _CASES:
        speeds = measure(_contenders(case), rounds)
        keras, auto, exact = (speeds[name] for name in ("plain Keras", "auto", "float32"))
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
                "images_per_second": {name: spread.to_dict() for name, spread in speeds.items()},
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
    """Return the median of the ratios of each round, which had the same load."""
    return Spread(tuple(a / b for a, b in zip(ours.values, keras.values, strict=True))).median


if __name__ == "__main__":
    main()
