"""Whether the experiments of the overfit lab show what they promise, with their usual settings.

Each is run with several seeds on the embedded sample, as one click does it, the runs one after
another. Promised are: a duel's gap shrinks and its turn comes later; wrong labels are learned, and
later than right ones; more images, higher accuracy and a smaller gap; each cure makes the gap
smaller, all together most of all. And each takes 3 minutes at most on two cores with nothing else
at work; beside it is what it took of the processors' time, which others at work hardly lengthen.

    python -m benchmarks.bench_lab [SEEDS]
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
)
from cifarviz.analysis.memorisation import (
    LabelMemorisation,
    find_positions,
    half_learned_epoch,
    load_label_predictions,
    track_labels,
)
from cifarviz.data import library
from cifarviz.executors.worker import Worker
from cifarviz.experiment import lab
from cifarviz.experiment.lab import LabExperiment
from cifarviz.runs.machine import machine_name
from cifarviz.runs.records import Run
from cifarviz.runs.series import runs_of
from cifarviz.runs.snapshots import snapshot_epochs
from cifarviz.training.entry_queue import queue_entry
from cifarviz.training.plan import training_images

_LIMIT = 180.0
_SEEDS: Final = 3
Checks = dict[str, bool]


def main() -> None:
    """Run all of them, print a table and write the results."""
    seeds = range(1, int(sys.argv[1]) + 1) if len(sys.argv) > 1 else range(1, _SEEDS + 1)
    print(machine_name())
    found = []
    with worker_in_own_home() as worker:
        for name, entry_of, judge in _LAB:
            for seed in seeds:
                found.append({"lab": name, "seed": seed, **_measure(worker, entry_of(seed), judge)})
                _print(found[-1])
    failed = [f"{one['lab']}, seed {one['seed']}" for one in found if not one["shown"]]
    slow, busy = (max(one[which] for one in found) for which in ("seconds", "processor_seconds"))
    print(f"every effect shown: {'yes' if not failed else 'NO: ' + '; '.join(failed)}")
    print(
        f"longest: {slow:.0f} s (to stay below: {_LIMIT:.0f}); at most {busy:.0f} s of processor "
        "time, of which two cores have two a second"
    )
    content = {"limit_seconds": _LIMIT, "labs": found}
    write_results("lab", "python -m benchmarks.bench_lab", content)


def _measure(
    worker: Worker, entry: LabExperiment, judge: Callable[..., tuple[LabVerdict, Checks]]
) -> dict[str, Any]:
    began, worked = time.monotonic(), time.process_time()
    series = queue_entry(worker, entry)
    runs = [worker.wait(run_id) for run_id in series.run_ids]
    seconds, processor = time.monotonic() - began, time.process_time() - worked
    results = [
        _result(worker, run, label)
        for run, label in zip(runs_of(worker.store, series), series.labels, strict=True)
    ]
    verdict, checks = judge(worker, runs, results)
    return {
        "title": entry.title,
        "seconds": seconds,
        "processor_seconds": processor,
        "runs": [_figures(one) for one in results],
        "verdict": [verdict.headline, *verdict.sentences],
        "checks": checks,
        "shown": all(checks.values()),
    }


def _result(worker: Worker, run: Run, label: str) -> ArmResult:
    result = arm_result(label, run, worker.store.epochs(run.id))
    assert result is not None, run.message
    return result


def _figures(one: ArmResult) -> dict[str, Any]:
    return {
        "label": one.label,
        "epochs": one.epochs,
        "kept": one.weights_epoch,
        "accuracy": one.accuracy,
        "val_accuracy": one.val_accuracy,
        "gap": one.gap,
        "turn": one.fit.overfitting_start,
    }


def _later(one: ArmResult, other: ArmResult) -> bool:
    """Whether the validation loss of ``one`` turned later than that of ``other``, or never."""
    if one.fit.overfitting_start is None or other.fit.overfitting_start is None:
        return one.fit.overfitting_start is None and other.fit.overfitting_start is not None
    return one.fit.overfitting_start > other.fit.overfitting_start


def _of_duel(
    worker: Worker, runs: Sequence[Run], results: Sequence[ArmResult]
) -> tuple[LabVerdict, Checks]:
    without, with_it = results
    return duel_verdict(results), {
        "the gap shrinks": without.gap - with_it.gap > 0.1,
        "the turn comes later": _later(with_it, without),
    }


def _of_memorisation(
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


def _of_sizes(
    worker: Worker, runs: Sequence[Run], results: Sequence[ArmResult]
) -> tuple[LabVerdict, Checks]:
    verdict = sizes_verdict(results)
    return verdict, {
        "accuracy rises": verdict.confirmed,
        "the gap shrinks": results[0].gap - results[-1].gap > 0.03,
    }


def _of_cures(
    worker: Worker, runs: Sequence[Run], results: Sequence[ArmResult]
) -> tuple[LabVerdict, Checks]:
    none, *tried, everything = results
    return cures_verdict(results), {
        "each makes the gap smaller": all(none.gap > one.gap for one in tried),
        "all together most": everything.gap == min(one.gap for one in results),
        "the turn comes later, or never": _later(everything, none),
    }


def _memorisation(worker: Worker, run: Run) -> LabelMemorisation:
    data = run.experiment.data
    given, right, _ = training_images(
        run.experiment, library.load(data.dataset, data.variant, worker.settings)
    )
    folder = worker.store.folder(run.id)
    epochs = snapshot_epochs(folder, "memory")
    said = [
        load_label_predictions(folder, epoch, run.experiment.architecture.classes)
        for epoch in epochs
    ]
    places = find_positions(given.indices, said, folder)
    return track_labels(
        given.labels[places], right[places], epochs, np.stack([one.predicted for one in said])
    )


def _print(one: dict[str, Any]) -> None:
    print(
        f"\n{one['lab']}, seed {one['seed']}: {one['seconds']:.0f} s, of the processors' time "
        f"{one['processor_seconds']:.0f} s"
    )
    for run in one["runs"]:
        print(
            f"  {run['label']:26} {run['accuracy']:6.1%} {run['val_accuracy']:6.1%}  "
            f"gap {100 * run['gap']:5.1f}  turn {run['turn'] or '–'}  epochs {run['epochs']}"
        )
    for said in one["verdict"]:
        print(f"  {said}")
    failed = [name for name, held in one["checks"].items() if not held]
    print(f"  {'as promised' if not failed else 'NOT: ' + ', '.join(failed)}", flush=True)


_LAB: Final = (
    ("duel", lab.usual_duel, _of_duel),
    ("memorisation", lab.usual_memorisation, _of_memorisation),
    ("sizes", lab.usual_sizes, _of_sizes),
    ("cures", lab.usual_cures, _of_cures),
)


if __name__ == "__main__":
    main()
