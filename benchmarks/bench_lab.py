"""Check that the overfit lab's experiments show their expected effects with default settings.

Each is run with several seeds on the embedded sample. Expected: the duel's gap shrinks and
overfitting starts later; wrong labels are learned, later than true ones; more images give higher
accuracy and a smaller gap; each cure makes the gap smaller, all together most; layers that have
learned other classes give higher accuracy from few images. Each takes at most
3 minutes on two idle cores; the processor time, which depends less on other load, is also printed.

    python -m benchmarks.bench_lab [SEEDS [EXPERIMENT…]]

With the names of some experiments, no results are stored.
"""

import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from benchmarks.own_home import worker_in_own_home
from benchmarks.results_file import write_results
from cifarviz.analysis.lab_verdicts import (
    ArmResult,
    LabVerdict,
    arm_result,
    cures_verdict,
    duel_verdict,
    memorisation_verdict,
    sizes_verdict,
    transfer_verdict,
)
from cifarviz.analysis.memorisation import (
    LabelMemorisation,
    find_positions,
    half_learned_epoch,
    load_label_predictions,
    track_labels,
)
from cifarviz.data import library
from cifarviz.data.importing.class_split import ClassSplit
from cifarviz.datasets.own import use_folder
from cifarviz.datasets.registry import default_dataset
from cifarviz.executors.worker import Worker
from cifarviz.experiment import lab
from cifarviz.experiment.choices import Data
from cifarviz.experiment.lab import LabExperiment
from cifarviz.processor import machine_name
from cifarviz.runs.records import Run
from cifarviz.runs.series import series_runs
from cifarviz.runs.snapshots import snapshot_epochs
from cifarviz.training.plan import training_images
from cifarviz.training.series_queue import queue_lab_experiment

_LIMIT = 180.0
_SEEDS: Final = 3
Checks = dict[str, bool]


def main() -> None:
    """Run the experiments, print a table and, after all of them, write the results."""
    chosen = [row for row in _LAB if row[0] in sys.argv[2:]] or _LAB
    seeds = range(1, int(sys.argv[1]) + 1) if len(sys.argv) > 1 else range(1, _SEEDS + 1)
    print(machine_name())
    results = []
    # All on the sample; two data sets are made of it.
    with worker_in_own_home(fetched=False) as worker:
        use_folder(worker.settings.datasets)
        _SPLIT.store(worker.settings)
        for name, make_experiment, judge in chosen:
            for seed in seeds:
                measured = _measure(worker, make_experiment(seed), judge)
                results.append({"lab": name, "seed": seed, **measured})
                _print(results[-1])
    failed = [
        f"{result['lab']}, seed {result['seed']}" for result in results if not result["shown"]
    ]
    slow, busy = (
        max(result[key] for result in results) for key in ("seconds", "processor_seconds")
    )
    print(f"every effect shown: {'yes' if not failed else 'NO: ' + '; '.join(failed)}")
    print(f"longest: {slow:.0f} s (limit {_LIMIT:.0f}), at most {busy:.0f} s of processor time")
    if chosen is not _LAB:
        return
    content = {"limit_seconds": _LIMIT, "labs": results}
    write_results("lab", "python -m benchmarks.bench_lab", content)


def _measure(
    worker: Worker, experiment: LabExperiment, judge: Callable[..., tuple[LabVerdict, Checks]]
) -> dict[str, Any]:
    began, worked = time.monotonic(), time.process_time()
    series = queue_lab_experiment(worker, experiment)
    runs = [worker.wait(run_id) for run_id in series.run_ids]
    seconds, processor = time.monotonic() - began, time.process_time() - worked
    results = [
        _result(worker, run, label)
        for run, label in zip(series_runs(worker.store, series), series.labels, strict=True)
    ]
    verdict, checks = judge(worker, runs, results)
    return {
        "title": experiment.title,
        "seconds": seconds,
        "processor_seconds": processor,
        "runs": [_facts(result) for result in results],
        "verdict": [verdict.headline, *verdict.sentences],
        "checks": checks,
        "shown": all(checks.values()),
    }


def _result(worker: Worker, run: Run, label: str) -> ArmResult:
    result = arm_result(label, run, worker.store.epochs(run.id))
    assert result is not None, run.message
    return result


def _facts(result: ArmResult) -> dict[str, Any]:
    return {
        "label": result.label,
        "epochs": result.epochs,
        "kept": result.weights_epoch,
        "accuracy": result.accuracy,
        "val_accuracy": result.val_accuracy,
        "gap": result.gap,
        "overfits_after": result.fit.overfits_after,
    }


def _later(first: ArmResult, second: ArmResult) -> bool:
    """Return whether ``first`` overfits later than ``second``, or never."""
    if first.fit.overfitting_start is None or second.fit.overfitting_start is None:
        return first.fit.overfitting_start is None and second.fit.overfitting_start is not None
    return first.fit.overfitting_start > second.fit.overfitting_start


def _judge_duel(
    worker: Worker, runs: Sequence[Run], results: Sequence[ArmResult]
) -> tuple[LabVerdict, Checks]:
    without, with_it = results
    return duel_verdict(results), {
        "the gap shrinks": without.gap - with_it.gap > 0.1,
        "the turn comes later": _later(with_it, without),
    }


def _judge_memorisation(
    worker: Worker, runs: Sequence[Run], results: Sequence[ArmResult]
) -> tuple[LabVerdict, Checks]:
    memory = _memorisation(worker, runs[0])
    true, false = half_learned_epoch(memory.true_learned), half_learned_epoch(memory.false_learned)
    return memorisation_verdict(results[0], results[1], memory), {
        "wrong labels are learned": bool(memory.false_known[-1] > 0.9),
        "and later than right ones": true is not None and false is not None and false > true,
        "they were seen through before": bool(
            memory.seen_through.max() > memory.seen_through[-1] + 0.1
        ),
        "they cost accuracy": results[0].val_accuracy < results[1].val_accuracy,
    }


def _judge_sizes(
    worker: Worker, runs: Sequence[Run], results: Sequence[ArmResult]
) -> tuple[LabVerdict, Checks]:
    verdict = sizes_verdict(results)
    return verdict, {
        "accuracy rises": verdict.confirmed,
        "the gap shrinks": results[0].gap - results[-1].gap > 0.03,
    }


def _judge_cures(
    worker: Worker, runs: Sequence[Run], results: Sequence[ArmResult]
) -> tuple[LabVerdict, Checks]:
    none, *cures, everything = results
    return cures_verdict(results), {
        "each makes the gap smaller": all(none.gap > result.gap for result in cures),
        "all together most": everything.gap == min(result.gap for result in results),
        "the turn comes later, or never": _later(everything, none),
    }


def _judge_transfer(
    worker: Worker, runs: Sequence[Run], results: Sequence[ArmResult]
) -> tuple[LabVerdict, Checks]:
    verdict = transfer_verdict(results[1:])
    return verdict, {"taken layers help": verdict.confirmed}


def _memorisation(worker: Worker, run: Run) -> LabelMemorisation:
    data = run.experiment.data
    labelled, true_labels, _ = training_images(
        run.experiment, library.load(data.dataset, data.variant, worker.settings)
    )
    folder = worker.store.folder(run.id)
    epochs = snapshot_epochs(folder, "train_predictions")
    predictions = [
        load_label_predictions(folder, epoch, run.experiment.architecture.classes)
        for epoch in epochs
    ]
    places = find_positions(labelled.indices, predictions, folder)
    return track_labels(
        labelled.labels[places],
        true_labels[places],
        epochs,
        np.stack([part.predicted for part in predictions]),
    )


def _print(result: dict[str, Any]) -> None:
    print(
        f"\n{result['lab']}, seed {result['seed']}: {result['seconds']:.0f} s, processor time "
        f"{result['processor_seconds']:.0f} s"
    )
    for run in result["runs"]:
        print(
            f"  {run['label']:26} {run['accuracy']:6.1%} {run['val_accuracy']:6.1%}  "
            f"gap {100 * run['gap']:5.1f}  overfits after {run['overfits_after'] or '–'}  "
            f"epochs {run['epochs']}"
        )
    for sentence in result["verdict"]:
        print(f"  {sentence}")
    failed = [name for name, held in result["checks"].items() if not held]
    print(f"  {'as expected' if not failed else 'NOT: ' + ', '.join(failed)}", flush=True)


_SPLIT: Final = ClassSplit(default_dataset(), "sample")


def _default_transfer(seed: int) -> LabExperiment:
    first, then = (
        Data(dataset=name, variant="full", train_images=images)
        for name, images in ((_SPLIT.first, None), (_SPLIT.second, lab.TRANSFER_IMAGES))
    )
    return lab.transfer(first, then, epochs=lab.TRANSFER_EPOCHS, seed=seed)


_LAB: Final = (
    ("duel", lab.default_duel, _judge_duel),
    ("memorisation", lab.default_memorisation, _judge_memorisation),
    ("sizes", lab.default_dataset_sizes, _judge_sizes),
    ("cures", lab.default_cures, _judge_cures),
    ("transfer", _default_transfer, _judge_transfer),
)


if __name__ == "__main__":
    main()
