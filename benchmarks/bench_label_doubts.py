"""How many labels made wrong are among those that networks doubt most, on real CIFAR-10.

Networks of ``cifar10-fast`` learn from the full set with 10 % wrong labels, each with another
validation split. Held out: an image is judged by the networks that did not learn from it. Tracked:
by a network that did, after its best epoch and its last, as Evaluate does for a run with wrong
labels.

    python -m benchmarks.bench_label_doubts [NETWORKS] [EPOCHS]
"""

import sys
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from benchmarks.own_home import worker_in_own_home
from benchmarks.results_file import write_results
from cifarviz.analysis.label_doubts import (
    DoubtScore,
    HeldOut,
    LabelDoubts,
    doubt_labels,
    measure_detection,
)
from cifarviz.data.wrong_labels import with_wrong_labels
from cifarviz.executors.worker import Worker
from cifarviz.experiment.choices import Data, SplitValidation
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.presets import PRESETS
from cifarviz.processor import machine_name
from cifarviz.runs.records import Run
from cifarviz.runs.run_data import load_training_data
from cifarviz.runs.snapshots import PredictionsKind, load_predictions
from cifarviz.training.plan import training_images

_SHARE = 0.1
_FRACTION = 0.3
_SCORES: tuple[DoubtScore, ...] = ("confidence", "margin")


def main() -> None:
    """Print precision and recall of each order, and write them to the results."""
    networks = int(sys.argv[1]) if len(sys.argv) > 1 else 4
    epochs = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    with worker_in_own_home() as worker:
        runs = [_trained(worker, seed, epochs) for seed in range(networks)]
        print(f"{machine_name()}; cifar10-fast, {epochs} epochs, {_SHARE:.0%} wrong labels")
        for run in runs:
            print(f"validation accuracy {run.best_val_accuracy:.1%}, best epoch {run.best_epoch}")
        data = load_training_data(runs[0], worker.settings)
        noisy = with_wrong_labels(data.train, _SHARE, 0, len(data.info.classes))
        rows: dict[str, Any] = {}
        for count in sorted({1, networks}):
            held_out = [_judge(worker, run, epochs, "predictions") for run in runs[:count]]
            doubts = doubt_labels(noisy.labels, noisy.indices, held_out)
            wrong = (noisy.labels != data.train.labels)[np.isin(noisy.indices, doubts.indices)]
            name = f"held out, {count} networks" if count > 1 else "held out, 1 network"
            rows |= _measure(name, doubts, wrong)
        images = training_images(runs[0].experiment, data)
        for epoch in sorted({runs[0].best_epoch or epochs, epochs}):
            judged = _judge(worker, runs[0], epoch, "train_predictions")
            doubts = doubt_labels(images.train.labels, images.train.indices, [judged])
            order = np.argsort(images.train.indices)
            places = order[np.searchsorted(images.train.indices, doubts.indices, sorter=order)]
            wrong = (images.train.labels != images.true_labels)[places]
            rows |= _measure(f"tracked, after epoch {epoch}", doubts, wrong)
    write_results("label_doubts", "python -m benchmarks.bench_label_doubts", {"orders": rows})


def _trained(worker: Worker, seed: int, epochs: int) -> Run:
    preset = PRESETS["cifar10-fast"].experiment
    experiment = Experiment.make(
        **{
            **dict(preset),
            "data": Data(variant="full", wrong_labels=_SHARE, wrong_labels_seed=0),
            "validation": SplitValidation(fraction=_FRACTION, seed=seed),
            "seed": seed,
            "epochs": epochs,
            "preset": None,
        }
    )
    return worker.wait(worker.submit(experiment, f"seed {seed}").id)


def _judge(worker: Worker, run: Run, epoch: int, kind: PredictionsKind) -> HeldOut:
    classes = run.experiment.architecture.classes
    stored = load_predictions(worker.store.folder(run.id), epoch, classes, kind=kind)
    return HeldOut(stored.indices, stored.predictions.probabilities)


def _measure(name: str, doubts: LabelDoubts, wrong: np.ndarray) -> dict[str, Any]:
    rows: dict[str, Any] = {}
    suspected = doubts.suspected
    hits = int((suspected & wrong).sum())
    for score in _SCORES:
        order = doubts.order(score)
        found = measure_detection(order, wrong)
        places = np.empty(len(order))
        places[order] = np.arange(len(order))
        row = {
            "images": len(order),
            "wrong": found.wrong,
            "precision_at_100": float(found.precision[99]),
            "precision_at_wrong": float(found.precision[found.wrong - 1]),
            "recall_at_twice_wrong": float(found.recall[min(2 * found.wrong, len(order)) - 1]),
            "auroc": float(roc_auc_score(wrong, -places)),
            "suspected": int(suspected.sum()),
            "precision_of_suspected": hits / max(int(suspected.sum()), 1),
            "recall_of_suspected": hits / max(found.wrong, 1),
        }
        print(f"{name}, by {score}:", *(f"{key} {value:.4g}" for key, value in row.items()))
        rows[f"{name}, by {score}"] = row
    return rows


if __name__ == "__main__":
    main()
