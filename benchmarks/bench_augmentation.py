"""How much longer a training step takes with each augmentation, alternately with none.

    python -m benchmarks.bench_augmentation [ROUNDS]

Medians of the ratios of steps made one after the other, on the sample in the precision given below;
at most 1.10 is the goal. Also the milliseconds of twelve examples on a page, once warm.
"""

import sys
import time
from collections.abc import Mapping
from statistics import median
from typing import Any, Final, Literal

import numpy as np

from benchmarks.results_file import write_results
from cifarviz.data import library
from cifarviz.experiment.choices import Augmentation, Data
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.presets import PRESETS
from cifarviz.settings import Settings
from cifarviz.training.augmentation_examples import make_examples
from cifarviz.training.plan import make_plan
from cifarviz.training.step import TrainingTensors
from cifarviz.training.trainable import Trainable, make_trainable

_ROUNDS = 15
_STEPS = 10
_PRESETS: Final[tuple[tuple[str, int, Literal["float32", "bfloat16"]], ...]] = (
    ("cifar10-starter", 32, "float32"),
    ("cifar10-vgg", 32, "bfloat16"),
    ("cifar10-vgg", 128, "bfloat16"),
    ("cifar10-separable", 250, "bfloat16"),
)
_EVERYTHING: Final[Mapping[str, Any]] = {
    "flip": True,
    "shift": 4,
    "rotation": 15,
    "zoom": 0.2,
    "brightness": 0.2,
    "contrast": 0.4,
    "saturation": 0.5,
    "hue": 20,
    "cutout": 8,
    "mixup": 0.4,
    "cutmix": 1,
}


def augmentations() -> Mapping[str, Augmentation]:
    """Return each change alone, the usual ones together, and all of them."""
    alone = {name: Augmentation(**{name: value}) for name, value in _EVERYTHING.items()}
    return {
        **alone,
        "flip and shift": Augmentation(flip=True, shift=4),
        "flip, shift, cutout": Augmentation(flip=True, shift=4, cutout=8),
        "flip, shift, CutMix": Augmentation(flip=True, shift=4, cutmix=1),
        "everything": Augmentation(**_EVERYTHING),
    }


def main() -> None:
    """Measure, print and write the results."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else _ROUNDS
    content: dict[str, Any] = {"rounds": rounds, "steps": _STEPS, "ratios": {}}
    for preset, batch_size, precision in _PRESETS:
        key = f"{preset}, batch {batch_size}, {precision}"
        content["ratios"][key] = _ratios(preset, batch_size, precision, rounds)
        print(key)
        for name, ratio in content["ratios"][key].items():
            print(f"  {name:24} {ratio:6.3f}", flush=True)
    content["examples_ms"] = _examples_ms(rounds)
    print(f"twelve examples: {content['examples_ms']:.0f} ms")
    write_results("augmentation", "python -m benchmarks.bench_augmentation", content)


def _ratios(
    preset: str, batch_size: int, precision: Literal["float32", "bfloat16"], rounds: int
) -> dict[str, float]:
    plain = _trainable(preset, batch_size, precision, Augmentation())
    ratios = {}
    for name, augmentation in augmentations().items():
        changed = _trainable(preset, batch_size, precision, augmentation)
        pairs = [(_seconds(plain, batch_size), _seconds(changed, batch_size))]
        pairs += [
            (_seconds(plain, batch_size), _seconds(changed, batch_size)) for _ in range(rounds)
        ]
        # The first call traces and compiles.
        ratios[name] = median(with_it / without for without, with_it in pairs[1:])
    return ratios


def _trainable(
    preset: str,
    batch_size: int,
    precision: Literal["float32", "bfloat16"],
    augmentation: Augmentation,
) -> Trainable:
    experiment = Experiment.make(
        **{
            **dict(PRESETS[preset].experiment),
            "data": Data(variant="sample"),
            "batch_size": batch_size,
            "augmentation": augmentation,
        }
    )
    data = library.load("cifar10", "sample", Settings.from_environment())
    plan = make_plan(experiment, data)
    return make_trainable(experiment, plan, TrainingTensors(plan.train), precision)


def _seconds(trainable: Trainable, batch_size: int) -> float:
    batches = np.random.default_rng(0).integers(0, 3000, (_STEPS, batch_size))
    begun = time.perf_counter()
    trainable.step(batches, np.full(_STEPS, 1e-4, np.float32), 1)
    return time.perf_counter() - begun


def _examples_ms(rounds: int) -> float:
    images = library.load("cifar10", "sample", Settings.from_environment()).train.images[:12]
    chosen, cover = Augmentation(**_EVERYTHING), np.full(3, 120.0)
    times = []
    for seed in range(rounds + 1):
        begun = time.perf_counter()
        make_examples(images, chosen, cover, seed=seed, times=4)
        times.append(1000 * (time.perf_counter() - begun))
    return median(times[1:])


if __name__ == "__main__":
    main()
