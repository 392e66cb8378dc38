"""``auto`` trains in the precision that is faster on this machine."""

import itertools
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from cifarviz.errors import StorageFull
from cifarviz.executors.worker import Worker
from cifarviz.runs.records import Run
from cifarviz.runs.states import Action, RunState
from cifarviz.settings import Settings
from cifarviz.training import engine, precision, timing
from cifarviz.training.precision import TimingsFile
from cifarviz.training.series_queue import Submission, queue_series
from cifarviz.training.step import TrainingStep
from cifarviz.training.timing import NO_INSTRUCTIONS, SHORT_RUN, Timing

TrainRun = Callable[..., Run]


@pytest.fixture(autouse=True)
def _unknown_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where it can't be read what the processor can do, so that only time tells."""
    monkeypatch.setattr(precision, "has_bfloat16", lambda: None)


@pytest.fixture
def worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even a tiny run is timed."""
    monkeypatch.setattr(precision, "_MIN_RUN_SECONDS", 0.0)
    monkeypatch.setattr(precision, "_TIMED_SECONDS", 0.01)


def faster(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let one precision win, whatever was timed."""
    monkeypatch.setattr(timing, "_MIN_GAIN", 1e9 if name == "float32" else 0.0)


def history(worker: Worker, run: Run) -> list[tuple[float, ...]]:
    return [(one.loss, one.accuracy, one.val_loss or 0) for one in worker.store.epochs(run.id)]


@pytest.mark.parametrize("name", ["float32", "bfloat16"])
def test_automatic_precision_trains_like_the_explicit_one(
    name: str, worth_it: None, worker: Worker, trained: TrainRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    faster(name, monkeypatch)
    found, asked = trained(precision="auto"), trained(precision=name)
    assert (found.state, found.precision) == (RunState.FINISHED, name)
    assert found.precision_reason is not None
    assert found.precision_reason.startswith(f"{name}, as ")
    assert asked.precision_reason is None
    # Dropout, batch normalisation and the optimiser start afresh after the timed steps.
    assert history(worker, found) == history(worker, asked)


def test_the_faster_precision_is_remembered_per_network_and_batch_size(
    worth_it: None, worker: Worker, trained: TrainRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    faster("bfloat16", monkeypatch)
    first = trained(precision="auto", epochs=1)
    timed = []
    real = precision.Stopwatch.steps_in

    def counted(stopwatch: precision.Stopwatch, seconds: float) -> int:
        timed.append(stopwatch)
        return real(stopwatch, seconds)

    monkeypatch.setattr(precision.Stopwatch, "steps_in", counted)
    again = trained(precision="auto", epochs=1, seed=6)
    assert (again.precision, again.precision_reason) == (first.precision, first.precision_reason)
    assert timed == []
    trained(precision="auto", epochs=1, batch_size=8)
    assert len(timed) == 2


def test_precision_is_not_timed_for_a_run_of_seconds(
    worker: Worker, trained: TrainRun, settings: Settings
) -> None:
    run = trained(precision="auto", epochs=1)
    assert (run.precision, run.precision_reason) == ("float32", SHORT_RUN)
    assert TimingsFile(settings.home / "precision.json").find(run.experiment) is None


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        '{"KEY": 3}',
        '{"KEY": {"float32": 1}}',
        '{"KEY": {"float32": 1, "bfloat16": 0}}',
        '{"KEY": {"float32": "1", "bfloat16": 1}}',
    ],
)
def test_a_damaged_file_of_timings_is_ignored(
    content: str, settings: Settings, make_experiment: Callable
) -> None:
    experiment, timings = make_experiment(), TimingsFile(settings.home / "precision.json")
    timings.save(experiment, Timing(2.0, 1.0))
    path = settings.home / "precision.json"
    [key] = json.loads(path.read_text())
    path.write_text(content.replace("KEY", key))
    assert timings.find(experiment) is None
    timings.save(experiment, Timing(2.0, 1.0))
    assert timings.find(experiment) == Timing(2.0, 1.0)


def without_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where oneDNN has no convolution in bfloat16 for the processor."""
    run = TrainingStep.__call__

    def refused(step: TrainingStep, *arguments: Any) -> tuple[np.ndarray, np.ndarray]:
        if step._model.layers[-2].compute_dtype == "bfloat16":
            raise tf.errors.AbortedError(None, None, "could not create a primitive descriptor")
        return run(step, *arguments)

    monkeypatch.setattr(TrainingStep, "__call__", refused)


def test_a_processor_without_bfloat16_trains_in_float32_and_says_why(
    worker: Worker, trained: TrainRun, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_bfloat16(monkeypatch)
    monkeypatch.setattr(precision, "_MIN_RUN_SECONDS", 0.0)
    run = trained(precision="auto", epochs=1)
    assert (run.state, run.precision) == (RunState.FINISHED, "float32")
    assert run.precision_reason == (
        "float32, as this processor cannot train this network in bfloat16."
    )
    found = TimingsFile(settings.home / "precision.json").find(run.experiment)
    assert found is not None
    assert found.bfloat16 is None
    exact = trained(precision="float32", epochs=1)
    assert worker.store.epochs(run.id)[0].loss == worker.store.epochs(exact.id)[0].loss


def test_bfloat16_without_processor_support_fails_with_a_message(
    trained: TrainRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_bfloat16(monkeypatch)
    run = trained(precision="bfloat16", epochs=1)
    assert run.state is RunState.FAILED
    assert run.message is not None
    assert run.message.startswith("This processor cannot train this network in bfloat16. Choose")


def test_the_reason_has_the_speed_ratio() -> None:
    assert Timing(0.0446, 0.0167).reason == (
        "bfloat16, as it is 2.7 times as fast here: a step took 16.7 ms in bfloat16 and 44.6 ms "
        "in float32."
    )
    assert Timing(0.010, 0.0099).reason == (
        "float32, as bfloat16 is not at least 1.2 times as fast for this network here: a step "
        "took 9.9 ms in bfloat16 and 10 ms in float32."
    )
    assert (Timing(0.0115, 0.01).best, Timing(0.0125, 0.01).best) == ("float32", "bfloat16")


def test_without_instructions_for_bfloat16_nothing_is_timed(
    worth_it: None,
    trained: TrainRun,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(precision, "has_bfloat16", lambda: False)
    # Neither what was timed under another rule, nor time itself, is asked.
    monkeypatch.setattr(TimingsFile, "find", lambda *_: Timing(2.0, 1.0))
    monkeypatch.setattr(engine, "choose_precision", None)
    run = trained(precision="auto", epochs=1)
    assert (run.state, run.precision, run.precision_reason) == (
        RunState.FINISHED,
        "float32",
        NO_INSTRUCTIONS,
    )


def test_other_load_on_the_machine_does_not_change_the_choice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each block takes its steps' own time and, for most, that of another program too."""
    disturbed = itertools.cycle([0.0, 0.5, 3.0, 0.2, 0.7, 2.0, 0.1])

    class Steady:
        def __init__(self, seconds: float) -> None:
            self.own, self.restored = seconds, 0

        def steps_in(self, seconds: float) -> int:
            return 3

        def seconds(self, steps: int) -> float:
            assert steps == 3
            return self.own * (1 + next(disturbed))

        def restore_weights(self) -> None:
            self.restored += 1

    for _ in range(7):
        pair = [Steady(0.010), Steady(0.010)]
        exact, fast = precision.least_seconds(pair, 0.5)  # type: ignore[arg-type]
        assert Timing(exact, fast).best == "float32"
        uneven = [Steady(0.020), Steady(0.010)]
        exact, fast = precision.least_seconds(uneven, 0.5)  # type: ignore[arg-type]
        assert Timing(exact, fast).best == "bfloat16"
        assert [one.restored for one in pair] == [1, 1]


def test_all_runs_of_a_series_train_in_the_precision_of_the_first(
    worth_it: None, worker: Worker, make_experiment: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    faster("bfloat16", monkeypatch)
    # Different networks, so that what was timed for one says nothing about the other.
    made = [
        Submission(make_experiment(precision="auto", epochs=1, batch_size=size), name, name)
        for size, name in ((16, "first"), (8, "second"))
    ]
    _series, (first, second) = queue_series(worker, "duel", "Batch size", made)
    assert worker.wait(first.id).precision == "bfloat16"
    faster("float32", monkeypatch)
    ended = worker.wait(second.id)
    assert (ended.state, ended.precision) == (RunState.FINISHED, "bfloat16")
    assert ended.precision_reason == "bfloat16, as in “first”, with which it is compared."


def test_precision_is_chosen_even_if_timings_cannot_be_saved(
    worth_it: None, trained: TrainRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object) -> None:
        raise StorageFull("The disk is full.")

    monkeypatch.setattr(TimingsFile, "save", full)
    assert trained(precision="auto", epochs=1).state is RunState.FINISHED


def test_a_resumed_run_keeps_its_precision(
    worth_it: None,
    worker: Worker,
    trained: TrainRun,
    make_experiment: Callable,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    faster("bfloat16", monkeypatch)
    whole = trained(precision="auto", epochs=40)
    run = worker.submit(make_experiment(precision="auto", epochs=40), "stopped")
    while not worker.store.epochs(run.id):
        worker.wait(run.id, seconds=0.01)
    worker.store.request(run.id, Action.STOP)
    assert worker.wait(run.id).state is RunState.STOPPED
    (worker.settings.home / "precision.json").unlink()
    faster("float32", monkeypatch)
    resumed = worker.wait(worker.resume(run.id).id)
    assert (resumed.state, resumed.precision) == (RunState.FINISHED, "bfloat16")
    assert history(worker, resumed) == history(worker, whole)


def test_a_stop_interrupts_timing(
    worth_it: None,
    worker: Worker,
    make_experiment: Callable,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = worker.submit(make_experiment(precision="auto"), "stopped")
    with monkeypatch.context() as endless:
        endless.setattr(precision, "_TIMED_SECONDS", 60.0)
        endless.setattr(precision, "_BLOCKS", 10_000)
        while _phase(worker, run) != "choosing":
            worker.wait(run.id, seconds=0.01)
        worker.store.request(run.id, Action.STOP)
        stopped = worker.wait(run.id, seconds=30)
    assert (stopped.state, stopped.precision) == (RunState.STOPPED, None)
    assert worker.wait(worker.resume(run.id).id).state is RunState.FINISHED


def _phase(worker: Worker, run: Run) -> str | None:
    progress = worker.store.get(run.id).progress
    return progress.phase if progress else None
