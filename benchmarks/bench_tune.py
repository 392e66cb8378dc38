"""Whether a study of five minutes finds a better learning rate than the published one.

    python -m benchmarks.bench_tune [MINUTES] [SEEDS]

``cifar10-starter`` on the embedded sample, its learning rate searched by TPE with the median
pruner; then the best and the published rate are trained from SEEDS other seeds. Accuracies are the
best of any epoch on the validation images, and on the test images with the weights of that epoch.
"""

import sys
from statistics import mean
from typing import Any

from benchmarks.own_home import worker_in_own_home
from benchmarks.results_file import write_results
from cifarviz import api
from cifarviz.executors.worker import Worker
from cifarviz.experiment.choices import Data, SplitValidation
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.parameters import Range
from cifarviz.experiment.presets import PRESETS
from cifarviz.experiment.study import Study
from cifarviz.experiment.tunables import with_settings
from cifarviz.processor import machine_name
from cifarviz.runs.studies import stored_trials
from cifarviz.runs.trial_values import best_trial, trial_state
from cifarviz.training.study_driver import Studies


def main() -> None:
    """Print what was found and write it to the results."""
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 5.0
    seeds = range(1, 1 + (int(sys.argv[2]) if len(sys.argv) > 2 else 3))
    published = PRESETS["cifar10-starter"].experiment
    # As published it is validated on the test images, which are asked only at the end here.
    changes = {
        "data": Data(variant="sample"),
        "validation": SplitValidation(),
        "precision": "float32",
        "monitor": "accuracy",
    }
    base = Experiment.make(**{**dict(published), **changes})
    study = Study.make(
        base=base,
        parameters=[Range(key="learning_rate", low=1e-5, high=1e-1, log=True).model_dump()],
        trials=200,
        minutes=minutes,
    )
    print(machine_name())
    with worker_in_own_home(fetched=False) as worker:
        studies = Studies(worker)
        record = studies.start(study, "search")
        studies.wait(record.id)
        trials = stored_trials(worker.store, record.id)
        best = best_trial(study, trials)
        assert best is not None
        ended = [trial_state(study, trial) for trial in trials]
        print(f"{len(trials)} trials, {ended.count('pruned')} ended early: {best.settings}")
        rates = {"published": base, "found": with_settings(base, best.settings)}
        results = {
            name: [_train(worker, experiment, seed) for seed in seeds]
            for name, experiment in rates.items()
        }
    for name, each in results.items():
        for images in ("validation", "test"):
            values = [one[images] for one in each]
            print(f"{name:10} {images:11} {mean(values):.2%}  {min(values):.2%}–{max(values):.2%}")
    write_results(
        "tune",
        f"python -m benchmarks.bench_tune {minutes:g} {len(seeds)}",
        {
            "minutes": minutes,
            "trials": len(trials),
            "pruned": ended.count("pruned"),
            "settings": dict(best.settings),
            "results": results,
        },
    )


def _train(worker: Worker, experiment: Experiment, seed: int) -> dict[str, Any]:
    fields = {**dict(experiment), "seed": seed}
    run = worker.wait(worker.submit(Experiment.make(**fields), f"seed {seed}").id)
    if run.message:
        raise SystemExit(run.message)
    accuracies = [epoch.val_accuracy or 0.0 for epoch in worker.store.epochs(run.id)]
    tested = api.open_home(worker.settings.home).evaluate(run.id, weights="best")
    return {"validation": max(accuracies), "test": tested.accuracy}


if __name__ == "__main__":
    main()
