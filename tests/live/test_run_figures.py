import numpy as np
import pytest

from cifarviz.experiment.presets import PRESETS
from cifarviz.live.run_figures import MOST_DOTS, LivePoints, dot_positions
from cifarviz.runs.records import BatchPoints, Epoch, Progress
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings

PROGRESS = Progress("training", 1, 1, 10, None, None, 0.0)


@pytest.fixture
def store(settings: Settings) -> RunStore:
    store = RunStore(settings)
    store.create("run1", PRESETS["cifar10-starter"].experiment, "a run", "dashboard")
    return store


def _write(store: RunStore, first: int, count: int, offset: float = 0.0) -> None:
    steps = np.arange(first, first + count)
    values = (steps + offset).astype(np.float32)
    store.record("run1", PROGRESS, BatchPoints(steps, values, values / 1000))


def test_each_point_is_read_once_and_in_order(store: RunStore) -> None:
    points = LivePoints(store, "run1")
    assert len(points.refresh().batches) == 0
    _write(store, 1, 30)
    first = points.refresh()
    assert first.batches.steps.tolist() == list(range(1, 31))
    assert points.refresh().version == first.version
    _write(store, 31, 5)
    _write(store, 36, 5)
    later = points.refresh()
    assert later.version != first.version
    assert later.batches.steps.tolist() == list(range(1, 41))
    assert later.batches.loss.tolist() == [float(n) for n in range(1, 41)]


def test_a_new_epoch_makes_a_new_version(store: RunStore) -> None:
    points = LivePoints(store, "run1")
    before = points.refresh().version
    store.record("run1", PROGRESS, epoch=Epoch(1, 1.0, 0.5, None, None, 0.1, 2.0))
    after = points.refresh()
    assert after.version != before
    assert len(after.epochs) == 1


def test_a_run_rewound_to_its_checkpoint_is_read_again(store: RunStore) -> None:
    points = LivePoints(store, "run1")
    _write(store, 1, 10)
    _write(store, 11, 10)
    old = points.refresh()
    store.rewind("run1", step=10, epoch=0)
    back = points.refresh()
    assert back.batches.steps.tolist() == list(range(1, 11))
    assert back.version != old.version
    # Nobody looked while it trained on, past where it had been.
    _write(store, 11, 10)
    points.refresh()
    store.rewind("run1", step=10, epoch=0)
    _write(store, 11, 15, offset=0.5)
    again = points.refresh().batches
    assert again.steps.tolist() == list(range(1, 26))
    assert again.loss[9] == 10.0
    assert again.loss[10] == 11.5


def test_the_number_of_points_is_limited_and_points_do_not_move() -> None:
    before: set[int] = set()
    stride = 1
    for count in [*range(0, 5000, 7), 125_000]:
        steps = np.arange(1, count + 1)
        drawn = steps[dot_positions(steps)]
        assert len(drawn) <= MOST_DOTS
        assert count < 10 or len(drawn) > min(count, MOST_DOTS) // 2 - 1
        now = set(drawn.tolist())
        gone = before - now
        if gone:  # every second one has left, and only those
            stride = int(np.diff(drawn)[0])
            assert all(step % stride for step in gone)
        assert all(step % stride == 0 for step in now)
        before = now
