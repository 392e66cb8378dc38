"""Record the series of runs that are part of cifarviz: for lessons and the Lab.

    python -m scripts.record_series HOME

Trains them on the embedded sample in the home ``HOME`` (about ten minutes), unless they are there;
then packs them into ``assets/recorded-series``: the history and batches of every run; of those that
lessons look into also the weights after the best and the last epoch, as float16, and the
predictions of some epochs.
"""

import json
import re
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from cifarviz.executors.worker import Worker
from cifarviz.experiment import lab
from cifarviz.experiment.choices import Data
from cifarviz.experiment.lab import LabExperiment
from cifarviz.runs.archive import pack
from cifarviz.runs.recorded import RECORDED_SERIES, SERIES_FILE
from cifarviz.runs.series import Series, all_series
from cifarviz.runs.states import RunState
from cifarviz.settings import Settings
from cifarviz.training.series_queue import queue_lab_experiment

_SEED = 1
_RATES = ("0.00003", "0.001", "0.03")
_RATE_EPOCHS = 15
_PREDICTED_EPOCHS = {1, 2, 4, 6, 8, 11, 16, 23, 30, 40}

SERIES: Mapping[str, tuple[LabExperiment, int]] = {
    "duel": (lab.default_duel(_SEED), 2),
    "memorisation": (lab.default_memorisation(_SEED), 1),
    "learning-rate": (
        lab.duel(
            "learning-rate",
            _RATES,
            Data(train_images=lab.DUEL_IMAGES),
            epochs=_RATE_EPOCHS,
            seed=_SEED,
        ),
        0,
    ),
}
"""The experiments by the names of their recordings, and how many of their runs keep weights."""


def train(settings: Settings) -> dict[str, Series]:
    """Train the series that are not in the home; return all by name."""
    worker = Worker(settings, "recorded")
    found = {}
    for name, (experiment, _) in SERIES.items():
        same = (
            series
            for series in all_series(worker.store, experiment.kind)
            if series.title == experiment.title
        )
        found[name] = next(same, None) or queue_lab_experiment(worker, experiment)
    while any(run.state.active for run in worker.store.all()):
        time.sleep(0.5)
    for run in worker.store.all():
        if run.state is not RunState.FINISHED:
            raise SystemExit(f"{run.name} is {run.state}: {run.message}")
    return found


def _is_recorded(*, weights: bool) -> Callable[[str], bool]:
    def is_recorded(name: str) -> bool:
        if name.startswith(("checkpoint-", "test-probabilities-")):
            return weights
        found = re.fullmatch(r"snapshots/(?:answers|memory)-(\d+)\.npz", name)
        return weights and found is not None and int(found[1]) in _PREDICTED_EPOCHS

    return is_recorded


def main() -> None:
    """Train if necessary, pack the runs and print the size of each file."""
    own = Settings.from_environment()
    home = Path(sys.argv[1]).absolute()
    home.mkdir(parents=True, exist_ok=True)
    settings = replace(own, home=home, run_budget=10**9)
    found = train(settings)
    store = Worker(settings, "recorded").store
    for name, series in found.items():
        folder = RECORDED_SERIES / name
        folder.mkdir(parents=True, exist_ok=True)
        runs = []
        for number, (run_id, label) in enumerate(
            zip(series.run_ids, series.labels, strict=True), 1
        ):
            path = folder / f"{number}.zip"
            keep = _is_recorded(weights=number <= SERIES[name][1])
            pack(store, run_id, path, keep=keep, half=True)
            runs.append((path.name, label))
            print(f"{path}: {path.stat().st_size:,} B")
        facts = {"kind": series.kind, "title": series.title, "runs": runs}
        (folder / SERIES_FILE).write_text(json.dumps(facts, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
