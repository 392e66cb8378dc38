"""A sink and artifacts that hold everything in memory, and made-up images to train on."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from cifarviz.data.image_set import Dataset, ImageSet
from cifarviz.datasets.cifar10 import CIFAR10
from cifarviz.errors import ArtifactMissing
from cifarviz.runs.artifacts import Stamp
from cifarviz.runs.records import BatchPoints, Epoch, Progress
from cifarviz.runs.states import Action, RunState
from cifarviz.training.reporting import RunStart


class MemorySink:
    """Keeps what it is told. ``on_record`` hears each message, and may ask for something."""

    def __init__(self, on_record: Callable[["MemorySink", Progress], None] | None = None) -> None:
        self.facts: dict[str, object] = {}
        self.epochs: list[Epoch] = []
        self.losses: dict[int, float] = {}
        self.seconds = 0.0
        self.states: list[RunState] = []
        self.request: Action | None = None
        self.on_record = on_record

    def describe(self, **facts: object) -> None:
        self.facts |= facts

    def record(
        self,
        progress: Progress,
        batches: BatchPoints | None = None,
        epoch: Epoch | None = None,
        seconds: float | None = None,
    ) -> None:
        if batches is not None:
            self.losses |= dict(zip(batches.steps.tolist(), batches.loss.tolist(), strict=True))
        if epoch is not None:
            self.epochs.append(epoch)
        self.seconds = self.seconds if seconds is None else seconds
        if self.on_record is not None:
            self.on_record(self, progress)

    def rewind(self, *, step: int, epoch: int) -> None:
        self.epochs = [one for one in self.epochs if one.epoch <= epoch]
        self.losses = {number: loss for number, loss in self.losses.items() if number <= step}

    def take_request(self) -> Action | None:
        taken, self.request = self.request, None
        return taken

    def transition(self, to: RunState) -> None:
        self.states.append(to)

    def start(self) -> RunStart:
        """How far the run has come."""
        return RunStart(epochs=tuple(self.epochs), seconds=self.seconds)

    def history(self) -> list[tuple[float | None, ...]]:
        """The epochs without how long they took."""
        return [tuple(one)[:-1] for one in self.epochs]


class MemoryArtifacts:
    """Copies of arrays, by name."""

    def __init__(self) -> None:
        self.kept: dict[str, tuple[dict[str, np.ndarray], dict[str, Any]]] = {}
        self.saves = 0

    def save(
        self,
        name: str,
        arrays: Mapping[str, np.ndarray],
        facts: Mapping[str, Any],
        *,
        durable: bool = True,
    ) -> None:
        self.saves += 1
        copies = {key: np.array(value) for key, value in arrays.items()}
        self.kept[name] = copies, {**facts, "save": self.saves}

    def load(self, name: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        if name not in self.kept:
            raise ArtifactMissing(f"{name} is not there.")
        arrays, facts = self.kept[name]
        return dict(arrays), {key: value for key, value in facts.items() if key != "save"}

    def exists(self, name: str) -> bool:
        return name in self.kept

    def remove(self, name: str) -> None:
        self.kept.pop(name, None)

    def stamp(self, name: str) -> Stamp:
        arrays, facts = self.kept[name]
        return facts["save"], sum(array.nbytes for array in arrays.values())

    def sizes(self, prefix: str) -> dict[str, int]:
        return {name: self.stamp(name)[1] for name in self.kept if name.startswith(f"{prefix}/")}


def made_up_data(train: int = 120, test: int = 40) -> Dataset:
    """Noise in ten colours, one a class: a network learns it within a few epochs."""
    rng = np.random.default_rng(3)
    colors = rng.integers(0, 256, (10, 3))

    def images(count: int) -> ImageSet:
        labels = np.arange(count, dtype=np.uint8) % 10
        noise = rng.integers(-40, 40, (count, 32, 32, 3))
        pixels = np.clip(colors[labels][:, np.newaxis, np.newaxis] + noise, 0, 255)
        return ImageSet(pixels.astype(np.uint8), labels, np.arange(count, dtype=np.int64))

    info = replace(CIFAR10, name="made-up", train_images=train, test_images=test)
    return Dataset(info, "full", images(train), images(test))
