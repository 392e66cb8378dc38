"""Record the demonstration run that is part of cifarviz: ``cifar10-vgg`` on the full set.

    python -m cifarviz data fetch cifar10
    python -m scripts.record_run HOME

Trains all epochs of the preset in the home ``HOME`` (some minutes), unless the run exists there;
then packs it into ``assets/recorded-run.zip``: history, batches, predictions of every epoch,
feature maps of four images, and the weights of five epochs as float16: untrained, 1, the best, 9
(the best of the published run) and 30.
"""

import shutil
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from cifarviz.analysis.trained_model import open_checkpoint
from cifarviz.data import library
from cifarviz.datasets.cifar10 import CIFAR10
from cifarviz.executors.worker import Worker
from cifarviz.experiment.presets import PRESETS
from cifarviz.network.stateless import LayerOutput
from cifarviz.runs.archive import pack
from cifarviz.runs.artifacts import FolderArtifacts, checkpoint_path, load_arrays
from cifarviz.runs.pins import pinned_images, save_preference
from cifarviz.runs.recorded import RECORDED_RUN
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import WeightsChoice, snapshot_path
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.runs.stored_maps import save_maps
from cifarviz.settings import Settings

NAME = "cifar10-vgg, 30 epochs on the full set"
# Four of the images pinned by default: a ship, an automobile, a bird, a cat.
PINNED = (1, 231, 67, 1123)
# The epoch after which the published run overfits.
OVERFITTING_START = 9
# Besides the checkpoints of the best and the last epoch.
WEIGHTS = (0, 1, OVERFITTING_START)


def train(settings: Settings) -> Run:
    """Train the preset; also save the weights of the epoch ``OVERFITTING_START``."""
    worker = Worker(settings, "recorded")
    store = worker.store
    for run in store.all():
        if run.state is RunState.FINISHED and run.name == NAME:
            return run
    if not set(PINNED) <= set(pinned_images(store, CIFAR10)):
        raise SystemExit("The images of the recorded run are no longer pinned by default.")
    save_preference(store, f"pins {CIFAR10.name}", list(PINNED))
    run = worker.submit(PRESETS["cifar10-vgg"].experiment, NAME)
    done = 0
    while (run := store.get(run.id)).state.active:
        time.sleep(0.1)
        if run.epochs_done > done:
            done = run.epochs_done
            newest = store.epochs(run.id)[-1]
            print(f"epoch {done}: loss {newest.loss:.4f}, validation {newest.val_loss:.4f}")
        if done == OVERFITTING_START:
            _save_overfitting_start(store, run)
    return run


def _save_overfitting_start(store: RunStore, run: Run) -> None:
    folder = store.folder(run.id)
    snapshot = snapshot_path(folder, "weights", OVERFITTING_START)
    last = checkpoint_path(folder, "last")
    # The history is updated a moment before the checkpoint.
    if not snapshot.exists() and load_arrays(last)[1]["epochs_done"] == OVERFITTING_START:
        shutil.copyfile(last, snapshot)


def save_more_maps(store: RunStore, run: Run, settings: Settings) -> None:
    """Save feature maps of recorded epochs that are not saved anyway (1, 2, 3, 4, 6, 8, …)."""
    images = library.load(CIFAR10, "full", settings).test.having(PINNED)
    weights: dict[int, WeightsChoice] = {
        OVERFITTING_START: OVERFITTING_START,
        run.epochs_done: "last",
    }
    for epoch, choice in weights.items():
        model = open_checkpoint(store, run, choice)
        views = zip(*(model.observe(image) for image in images.images), strict=True)
        outputs = [
            LayerOutput(layer[0].name, layer[0].type, np.stack([view.values for view in layer]))
            for layer in views
        ]
        save_maps(FolderArtifacts(store.folder(run.id)), epoch, images.indices, outputs)


def is_recorded(name: str) -> bool:
    """Return whether a file of the run is part of the recording."""
    if name.startswith("snapshots/weights-"):
        return name in {f"snapshots/weights-{epoch:04d}.npz" for epoch in WEIGHTS}
    return name.startswith(("checkpoint-", "snapshots/"))


def main() -> None:
    """Train if necessary, pack the run and print the size of the file."""
    own = Settings.from_environment()
    home = Path(sys.argv[1]).absolute()
    home.mkdir(parents=True, exist_ok=True)
    if not (home / "data").exists():
        (home / "data").symlink_to(own.datasets)
    run = train(replace(own, home=home, run_budget=10**9))
    if run.state is not RunState.FINISHED:
        raise SystemExit(f"The run is {run.state}: {run.message}")
    store = RunStore(replace(own, home=home))
    save_more_maps(store, run, own)
    pack(store, run.id, RECORDED_RUN, keep=is_recorded, half=True)
    print(f"{RECORDED_RUN}: {RECORDED_RUN.stat().st_size:,} B")


if __name__ == "__main__":
    main()
