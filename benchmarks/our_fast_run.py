"""A contender: ``cifar10-fast`` on the full data, a run for each line of standard input.

The line is a seed and "new", to forget the measured precision first, or "kept". It prints the run's
seconds, from the start of work to its last checkpoint, and the test accuracy. TensorFlow is loaded
before, as in the dashboard.

    python -m benchmarks.our_fast_run
"""

import sys

from benchmarks.own_home import worker_in_own_home
from cifarviz.executors.worker import Worker
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.presets import PRESETS


def main() -> None:
    """Warm up with a run on the sample, then train for each line."""
    preset = PRESETS["cifar10-fast"].experiment
    with worker_in_own_home() as worker:
        few = {"variant": "sample", "train_images": 2 * preset.batch_size}
        _train(worker, preset, data=preset.data.make(**few))
        print("ready", flush=True)
        for line in sys.stdin:
            seed, precision = line.split()
            if precision == "new":
                (worker.settings.home / "precision.json").unlink(missing_ok=True)
            print(*_train(worker, preset, seed=int(seed)), flush=True)


def _train(worker: Worker, preset: Experiment, **changes: object) -> tuple[float, float]:
    run = worker.submit(Experiment.make(**{**dict(preset), **changes}), "fast")
    run = worker.wait(run.id)
    if run.seconds is None or run.message:
        raise SystemExit(f"The run did not finish: {run.message}")
    return run.seconds, worker.store.epochs(run.id)[-1].val_accuracy or 0.0


if __name__ == "__main__":
    main()
