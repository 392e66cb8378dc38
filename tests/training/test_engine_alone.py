"""The engine trains with a sink and artifacts in memory: no store, home or disk."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cifarviz.errors import LeaseLost
from cifarviz.experiment.choices import Data, EarlyStopping, TestValidation
from cifarviz.experiment.optimizers import Adam
from cifarviz.runs.records import Progress
from cifarviz.runs.states import Action, RunState
from cifarviz.training import engine
from cifarviz.training.ending import Ending
from cifarviz.training.reporting import RunStart
from cifarviz.training.timing import Timing
from tests.training.conftest import MakeExperiment
from tests.training.in_memory import MemoryArtifacts, MemorySink, made_up_data

DATA = made_up_data()
Train = Callable[..., Ending]


@pytest.fixture
def train(make_experiment: MakeExperiment, monkeypatch: pytest.MonkeyPatch) -> Train:
    """Train a tiny experiment on made-up images, with nothing that could be written to."""
    monkeypatch.setattr("cifarviz.training.recorder.POLL_SECONDS", 0.0)
    monkeypatch.setattr("cifarviz.training.recorder.WRITE_SECONDS", 0.0)

    def train(
        sink: MemorySink,
        artifacts: MemoryArtifacts,
        start: RunStart | None = None,
        *,
        options: dict[str, Any] | None = None,
        **fields: Any,
    ) -> Ending:
        defaults = {"data": Data(), "validation": TestValidation(), "epochs": 4}
        experiment = make_experiment(**{**defaults, **fields})
        begin = sink.start() if start is None else start
        return engine.train(experiment, DATA, sink, artifacts, begin, **(options or {}))

    return train


@pytest.fixture
def no_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No database is opened and no artifact is a file; nothing is left anywhere."""
    for place in (
        "sqlite3.connect",
        "cifarviz.runs.artifacts.write_atomically",
        "cifarviz.runs.artifacts.ArrayFile",
        "filelock.FileLock.acquire",
    ):
        monkeypatch.setattr(place, None)
    yield
    assert list(tmp_path.iterdir()) == []


def stopping_at(step: int) -> Callable[[MemorySink, Progress], None]:
    """Ask for a stop once, when so many steps are done."""
    done: list[int] = []

    def on_record(sink: MemorySink, progress: Progress) -> None:
        if progress.step >= step and not done:
            done.append(progress.step)
            sink.request = Action.STOP

    return on_record


def test_the_engine_trains_to_the_end(train: Train, no_disk: None) -> None:
    sink, artifacts = MemorySink(), MemoryArtifacts()
    options = {"snapshot_budget": 10_000_000, "pinned_images": lambda: (3, 1)}
    ending = train(sink, artifacts, options=options, test_epochs=(2,))
    assert ending == Ending(RunState.FINISHED)
    assert [epoch.epoch for epoch in sink.epochs] == [1, 2, 3, 4]
    assert sink.epochs[-1].loss < sink.epochs[0].loss
    assert sorted(sink.losses) == list(range(1, 33))
    assert (sink.facts["train_images"], sink.facts["validation_images"]) == (120, 40)
    assert sink.facts["precision"] == "float32"
    assert sink.states == []
    assert {name for name in artifacts.kept if not name.startswith("snapshots/")} == {
        "checkpoint-last",
        "checkpoint-best",
        "test-probabilities-epoch-0002",
        "test-probabilities-best",
        "test-probabilities-last",
    }
    maps, _facts = artifacts.load("snapshots/maps-0004")
    assert maps["indices"].tolist() == [3, 1]
    assert artifacts.exists("snapshots/answers-0003")


@pytest.mark.parametrize("step", [3, 8, 21])
def test_a_stopped_and_resumed_training_ends_like_an_uninterrupted_one(
    step: int, train: Train, no_disk: None
) -> None:
    whole, kept = MemorySink(), MemoryArtifacts()
    train(whole, kept)
    cut, artifacts = MemorySink(stopping_at(step)), MemoryArtifacts()
    assert train(cut, artifacts).state is RunState.STOPPED
    assert cut.states == [RunState.STOPPING]
    assert len(cut.losses) < len(whole.losses)
    before = cut.seconds
    assert train(cut, artifacts).state is RunState.FINISHED
    assert cut.history() == whole.history()
    assert cut.losses == whole.losses
    assert cut.seconds > before
    for name in ("checkpoint-last", "checkpoint-best"):
        arrays, others = artifacts.load(name)[0], kept.load(name)[0]
        for key, array in arrays.items():
            np.testing.assert_array_equal(array, others[key], err_msg=key)


def test_epochs_after_its_checkpoint_are_trained_again(train: Train) -> None:
    """As where the process of a run ended between its history and its checkpoint."""
    whole, kept = MemorySink(), MemoryArtifacts()
    train(whole, kept)
    cut, artifacts = MemorySink(stopping_at(10)), MemoryArtifacts()
    train(cut, artifacts)
    ahead = RunStart(epochs=tuple(whole.epochs[:3]))
    train(cut, artifacts, ahead)
    assert cut.history() == whole.history()


def test_a_fork_starts_with_the_given_weights(train: Train) -> None:
    parent, artifacts = MemorySink(), MemoryArtifacts()
    train(parent, artifacts, epochs=2)
    arrays, facts = artifacts.load("checkpoint-last")
    forked = MemoryArtifacts()
    begins = {"epoch": facts["epochs_done"], "optimizer": True}
    forked.save("checkpoint-start", arrays, begins)
    sink, whole = MemorySink(), MemorySink()
    train(sink, forked, RunStart(is_fork=True, exact_loss_from=3))
    train(whole, MemoryArtifacts())
    assert sink.history() == whole.history()[2:]
    assert not forked.exists("checkpoint-start")


def test_early_stopping_restores_the_best_weights(train: Train) -> None:
    sink, artifacts = MemorySink(), MemoryArtifacts()
    stopping = EarlyStopping(patience=1, restore_best_weights=True)
    ending = train(
        sink, artifacts, epochs=30, optimizer=Adam(learning_rate=0.2), early_stopping=stopping
    )
    assert ending.state is RunState.FINISHED
    assert ending.stopped_early == len(sink.epochs) < 30
    best, last = (artifacts.load(f"checkpoint-{which}")[0] for which in ("best", "last"))
    for name, array in best.items():
        np.testing.assert_array_equal(array, last[name], err_msg=name)


def test_snapshots_stay_within_the_budget(train: Train) -> None:
    sink, artifacts = MemorySink(), MemoryArtifacts()
    train(sink, artifacts, options={"snapshot_budget": 20_000})
    assert 0 < sum(artifacts.sizes("snapshots").values()) <= 20_000


def test_a_given_precision_is_not_timed(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "choose_precision", None)
    sink = MemorySink()
    start = RunStart(precision="bfloat16", precision_reason="as in “first”.")
    train(sink, MemoryArtifacts(), start, precision="auto", epochs=1)
    assert (sink.facts["precision"], sink.facts["precision_reason"]) == (
        "bfloat16",
        "as in “first”.",
    )


def test_given_timings_decide_the_precision(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    class Remembered:
        def find(self, experiment: object) -> Timing:
            return Timing(2.0, 1.0)

        def keep(self, experiment: object, timing: Timing) -> None:
            raise AssertionError("nothing was timed")

    monkeypatch.setattr("cifarviz.training.precision.has_bfloat16", lambda: None)
    sink = MemorySink()
    options = {"timings": Remembered()}
    train(sink, MemoryArtifacts(), options=options, precision="auto", epochs=1)
    assert sink.facts["precision"] == "bfloat16"


def test_training_stops_when_the_lease_is_lost(train: Train) -> None:
    def lost(sink: MemorySink, progress: Progress) -> None:
        if progress.step >= 5:
            raise LeaseLost("The run was begun again.")

    sink, artifacts = MemorySink(lost), MemoryArtifacts()
    with pytest.raises(LeaseLost):
        train(sink, artifacts)
    assert sink.epochs == []
    assert not artifacts.exists("checkpoint-last")
