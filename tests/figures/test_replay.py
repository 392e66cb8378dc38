"""A replay holds what was measured and when, and nothing that was not known then."""

import json

import numpy as np
import pytest

from cifarviz.figures.replay import (
    GapStart,
    Replay,
    RunLosses,
    compared_losses,
    epochs_only,
    replay,
    replay_json,
)


def make_replay(**changes: object) -> Replay:
    """Three epochs of ten steps that took 30, 10 and 20 seconds."""
    steps = np.arange(1, 31)
    fields: dict[str, object] = {
        "epochs": [1, 2, 3],
        "seconds": [30.0, 10.0, 20.0],
        "losses": ([2.0, 1.0, 0.5], [2.1, 1.4, 1.9]),
        "accuracies": ([0.3, 0.6, 0.9], [0.3, 0.5, 0.5]),
        "batch_epochs": steps / 10,
        "batch_losses": 3 / np.sqrt(steps),
        "batch_accuracies": np.linspace(0.1, 0.9, 30),
        "last": 3,
    }
    return replay(**{**fields, **changes})  # type: ignore[arg-type]


def test_the_clock_is_that_of_the_recording() -> None:
    value = make_replay()
    assert value.clock.tolist() == [0, 30, 40, 60]
    assert value.seconds == 60
    assert value.until == 3
    assert (value.begin, value.last) == (0, 3)


@pytest.mark.parametrize("seconds", [[1.0, 0.0, 2.0], [1.0, float("nan"), 2.0]])
def test_epochs_of_unknown_time_take_equally_long(seconds: list[float]) -> None:
    assert make_replay(seconds=seconds).clock.tolist() == [0, 1, 2, 3]


def test_an_unfinished_epoch_counts_in_part() -> None:
    half = np.arange(1, 26)
    value = make_replay(
        epochs=[1, 2],
        seconds=[30.0, 10.0],
        losses=([2.0, 1.0], [2.1, 1.4]),
        accuracies=([0.3, 0.6], [0.3, 0.5]),
        batch_epochs=half / 10,
        batch_losses=half / 10,
        batch_accuracies=half / 100,
        last=2,
    )
    assert value.until == pytest.approx(2.5)


def test_a_fork_begins_where_its_parent_ended() -> None:
    steps = np.arange(81, 111)
    value = make_replay(epochs=[9, 10, 11], batch_epochs=steps / 10, begin=8, branch=8, last=11)
    assert (value.begin, value.last, value.until) == (8, 11, 11)
    assert replay_json(value)["branch"] == 8
    assert value.clock[0] == 0


def test_the_trend_is_delayed_by_its_reach() -> None:
    steps = np.arange(1, 4001)
    value = make_replay(
        batch_epochs=3 * steps / 4000,
        batch_losses=steps / 1000,
        batch_accuracies=steps / 4000,
    )
    # A hundredth of all batches on either side: 40 of 4,000 in 3 epochs.
    assert value.reach == pytest.approx(40 * 3 / 4000)
    loss = value.panels[0]
    assert len(loss.batch_x) <= 1200
    middle = len(loss.trend) // 2
    assert loss.trend[middle] == pytest.approx(loss.batch_y[middle], rel=1e-3)


def test_the_axes_contain_all_points() -> None:
    loss, accuracy = make_replay().panels
    assert (accuracy.low, accuracy.high) == (0, 1)
    assert loss.low == 0
    assert loss.high > max(2.1, float(loss.trend.max()))


def test_epochs_only_has_one_metric_and_no_batches() -> None:
    (panel,) = epochs_only(make_replay(), "loss").panels
    assert panel.metric == "loss"
    assert panel.batch_x.size == 0
    assert panel.high == pytest.approx(2.1 * 1.06)


def test_an_empty_replay_becomes_json() -> None:
    nothing = np.zeros(0)
    value = make_replay(
        epochs=[],
        seconds=[],
        losses=([], []),
        accuracies=([], []),
        batch_epochs=nothing,
        batch_losses=nothing,
        batch_accuracies=nothing,
    )
    assert (value.seconds, value.until) == (0, 0)
    assert json.loads(json.dumps(replay_json(value)))["epochs"] == []


def test_nan_becomes_a_gap() -> None:
    value = make_replay(losses=([2.0, float("nan"), 0.5], [None, 1.4, None]))
    loss = json.loads(json.dumps(replay_json(value), allow_nan=False))["panels"][0]
    assert loss["training"] == [2.0, None, 0.5]
    assert loss["validation"] == [None, 1.4, None]


def test_compared_runs_share_clock_and_axis() -> None:
    nan = float("nan")
    value = compared_losses(
        [
            RunLosses(
                "long", [2.0, 4.0, 6.0], [2.0, 1.0, 0.5], [2.0, 2.5, 3.0], GapStart(1, "here")
            ),
            RunLosses("short", [4.0, nan], [2.2, nan], [None, None], None),
        ]
    )
    # The mean of the times that are known.
    assert value.clock.tolist() == [0, 3, 7, 13]
    long, short = value.panels
    assert (long.title, short.title) == ("long: loss", "short: loss")
    assert (long.low, long.high) == (short.low, short.high)
    assert long.high >= 3.0
    np.testing.assert_array_equal(short.training, [2.2, np.nan, np.nan])
    assert np.isnan(short.validation).all()
    assert (long.gap, short.gap) == ((1, "here"), None)
    json.dumps(replay_json(value), allow_nan=False)
