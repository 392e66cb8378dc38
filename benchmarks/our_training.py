"""A contender: complete runs by cifarviz, with all files they write.

For each line on standard input it trains a run and prints its images/s, as stored: images over time
in training steps from the second epoch on.

    python -m benchmarks.our_training PRESET BATCH_SIZE IMAGES EPOCHS PRECISION
"""

import sys

from benchmarks.own_home import worker_in_own_home
from cifarviz.executors.worker import Worker
from cifarviz.experiment.choices import Data, NoValidation
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.presets import PRESETS


def main() -> None:
    """Train a run to warm up, then one for each line."""
    preset, batch_size, images, epochs, precision = sys.argv[1:6]
    experiment = Experiment.make(
        **{
            **dict(PRESETS[preset].experiment),
            "data": Data.make(variant="sample", train_images=int(images)),
            "validation": NoValidation(),
            "batch_size": int(batch_size),
            "epochs": int(epochs),
            "precision": precision,
            "early_stopping": None,
            "test_epochs": (),
        }
    )
    with worker_in_own_home() as worker:
        _run(worker, experiment)
        print("ready", flush=True)
        for _ in sys.stdin:
            print(_run(worker, experiment), flush=True)


def _run(worker: Worker, experiment: Experiment) -> float:
    run = worker.wait(worker.submit(experiment, "benchmark").id)
    if run.images_per_second is None:
        raise SystemExit(f"The run did not finish: {run.message}")
    return run.images_per_second


if __name__ == "__main__":
    main()
