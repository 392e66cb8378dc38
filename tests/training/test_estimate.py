from dataclasses import replace
from typing import Any

import pytest

from cifarviz.experiment.presets import PRESETS
from cifarviz.runs.records import Epoch, Progress, Run
from cifarviz.runs.states import RunState
from cifarviz.training.estimate import (
    EpochWork,
    MeasuredSpeed,
    estimate_epoch,
    measured_speed,
    recorded_speeds,
    seconds_left,
)
from cifarviz.training.timing import SHORT_RUN

VGG = PRESETS["cifar10-vgg"].experiment
WORK = EpochWork(
    operations=40_000_000,
    batch_size=32,
    precision="float32",
    train_images=35_000,
    validation_images=15_000,
)


def _run(**changes: Any) -> Run:
    run = Run(
        id="a",
        name="a",
        state=RunState.FINISHED,
        experiment_json=VGG.to_json(),
        origin="dashboard",
        machine="here",
        created=0.0,
        started=1.0,
        ended=2.0,
        seconds=1.0,
        epochs_done=1,
        best_epoch=1,
        best_loss=1.0,
        best_val_accuracy=0.5,
        last_val_accuracy=0.5,
        train_images=35_000,
        validation_images=15_000,
        images_per_second=1000.0,
        precision="float32",
        scaling_json=None,
        message=None,
        requested=None,
        progress=None,
    )
    return replace(run, **changes)


def test_without_runs_the_estimate_is_rough_and_labelled_so() -> None:
    guess = estimate_epoch(WORK, [])
    assert guess.runs == 0
    assert not guess.same
    assert guess.high > 5 * guess.low
    # Measured: 35,000 images of this network take 36 to 58 s here, with validation a fifth more.
    assert guess.low < 40 < 70 < guess.high


def test_the_same_network_gives_the_best_estimate() -> None:
    same = MeasuredSpeed(40_000_000, 32, "float32", 1000.0)
    other = MeasuredSpeed(4_000_000, 32, "float32", 20_000.0)
    estimate = estimate_epoch(WORK, [other, same])
    assert (estimate.runs, estimate.same) == (1, True)
    # 35,000 images at 1,000 a second, and a validation image costs a third of a training image.
    assert estimate.low < 40 < estimate.high
    assert estimate.high < 1.3 * estimate.low


def test_runs_that_disagree_widen_the_estimate() -> None:
    speeds = [MeasuredSpeed(40_000_000, 32, "float32", rate) for rate in (500.0, 1000.0)]
    estimate = estimate_epoch(WORK, speeds)
    assert estimate.runs == 2
    assert estimate.low < 40 < 79 < estimate.high


def test_an_estimate_uses_at_most_five_runs_and_the_newest_of_equals() -> None:
    new = [MeasuredSpeed(40_000_000, 32, "float32", 1000.0)] * 5
    old = [MeasuredSpeed(40_000_000, 32, "float32", 10.0)] * 20
    estimate = estimate_epoch(WORK, [*new, *old])
    assert estimate.runs == 5
    assert estimate.high < 60


def test_one_outlier_of_five_runs_does_not_affect_the_estimate() -> None:
    speeds = [
        MeasuredSpeed(40_000_000, 32, "float32", rate) for rate in (1000, 990, 1010, 1005, 100)
    ]
    estimate = estimate_epoch(WORK, speeds)
    assert estimate.runs == 5
    assert estimate.high < 50


def test_less_similar_runs_give_a_wider_estimate() -> None:
    near = estimate_epoch(WORK, [MeasuredSpeed(20_000_000, 32, "float32", 2000.0)])
    far = estimate_epoch(WORK, [MeasuredSpeed(2_500_000, 32, "float32", 12_000.0)])
    assert not near.same
    assert far.high / far.low > near.high / near.low


def test_runs_in_another_precision_or_very_different_runs_are_ignored() -> None:
    speeds = [
        MeasuredSpeed(40_000_000, 32, "bfloat16", 4000.0),
        MeasuredSpeed(10_000, 32, "float32", 50_000.0),
    ]
    assert estimate_epoch(WORK, speeds).runs == 0
    assert estimate_epoch(replace(WORK, precision="bfloat16"), speeds).runs == 1


def test_automatic_precision_is_estimated_with_the_faster_one() -> None:
    either = replace(WORK, precision=None)
    exact, fast = (
        MeasuredSpeed(40_000_000, 32, "float32", 1000.0),
        MeasuredSpeed(40_000_000, 32, "bfloat16", 3e3),
    )
    in_bfloat16 = estimate_epoch(replace(WORK, precision="bfloat16"), [fast])
    assert estimate_epoch(either, [exact, fast]) == estimate_epoch(either, [fast]) == in_bfloat16
    # Where float32 was found to be the faster, it will be again.
    in_float32 = estimate_epoch(WORK, [exact])
    assert estimate_epoch(either, [replace(exact, chosen=True)]) == in_float32
    assert estimate_epoch(either, [exact, replace(fast, images_per_second=500.0)]) == in_float32


def test_an_automatic_precision_estimate_from_float32_is_an_upper_bound() -> None:
    exact = MeasuredSpeed(40_000_000, 32, "float32", 1000.0)
    in_float32 = estimate_epoch(WORK, [exact])
    either = estimate_epoch(replace(WORK, precision=None), [exact])
    assert either.high == in_float32.high
    assert either.low < in_float32.low / 2
    assert not either.same
    nothing = estimate_epoch(replace(WORK, precision=None), [])
    assert nothing.runs == 0
    assert nothing.high >= estimate_epoch(WORK, []).high


def test_small_batches_cost_more_steps() -> None:
    speeds = [MeasuredSpeed(4_000_000, 128, "float32", 6000.0)]
    work = replace(WORK, operations=4_000_000, validation_images=0)
    small = estimate_epoch(replace(work, batch_size=4), speeds)
    large = estimate_epoch(replace(work, batch_size=128), speeds)
    assert small.low > large.high


def test_an_epoch_without_validation_is_shorter() -> None:
    speeds = [MeasuredSpeed(40_000_000, 32, "float32", 1000.0)]
    assert (
        estimate_epoch(replace(WORK, validation_images=0), speeds).low
        < estimate_epoch(WORK, speeds).low
    )


def test_only_measured_speeds_of_this_machine_count() -> None:
    runs = [
        _run(),
        _run(machine="elsewhere"),
        _run(images_per_second=None),
        _run(precision=None),
        _run(experiment_json='{"format": 99}'),
        _run(experiment_json="nonsense"),
        _run(precision_reason="float32, as bfloat16 is no faster"),
        _run(precision_reason=SHORT_RUN),
    ]
    speeds = recorded_speeds(runs, "here")
    operations = VGG.architecture.trace().operations
    exact = MeasuredSpeed(operations, 32, "float32", 1000.0)
    assert speeds == (exact, replace(exact, chosen=True), exact)


@pytest.mark.parametrize("name", PRESETS)
def test_a_run_predicts_itself(name: str) -> None:
    experiment = PRESETS[name].experiment
    (speed,) = recorded_speeds([_run(experiment_json=experiment.to_json())], "here")
    work = EpochWork(speed.operations, speed.batch_size, "float32", 10_000, 0)
    estimate = estimate_epoch(work, [speed])
    assert estimate.low < 10 < estimate.high


# Multiply-adds a second and seconds of a step: a fast machine, a slow and a very busy machine.
MACHINES = [(80e9, 0.0005), (8e9, 0.004), (1e9, 0.02)]


def _progress(epoch: int, step: int, steps: int, left: float | None) -> Progress:
    return Progress("training", epoch, step, steps, 900.0, left, 0.0)


def _history(epochs: int, seconds: float) -> list[Epoch]:
    return [Epoch(n, 1.0, 0.5, 1.0, 0.5, 0.001, seconds) for n in range(1, epochs + 1)]


@pytest.mark.parametrize(("rate", "step"), MACHINES)
@pytest.mark.parametrize("factor", [1, 2, 4])
def test_the_time_left_of_a_series_holds_within_a_factor_of_two(
    rate: float, step: float, factor: int
) -> None:
    # The second run has a network of more operations, and has not begun.
    small = EpochWork(3_000_000, 32, "float32", 2_000, 1_000)
    large = replace(small, operations=small.operations * factor)
    a, b = small.seconds(rate, step), large.seconds(rate, step)
    epochs = VGG.epochs
    true_left = (epochs - 3) * a + epochs * b + 2
    training = _run(
        state=RunState.RUNNING, epochs_done=3, progress=_progress(4, 3 * 63, 63, (epochs - 3) * a)
    )
    queued = _run(id="b", state=RunState.QUEUED, epochs_done=0, images_per_second=None)
    left = seconds_left([small, large], [training, queued], [_history(3, a), []])
    assert left is not None
    assert true_left / 2 < left < 2 * true_left


def test_the_time_left_is_known_from_the_first_steps_on() -> None:
    work = EpochWork(3_000_000, 32, "float32", 2_000, 1_000)
    queued = _run(id="b", state=RunState.QUEUED, epochs_done=0)
    begun = _run(state=RunState.RUNNING, epochs_done=0, progress=_progress(0, 0, 0, None))
    assert seconds_left([work, work], [begun, queued], [[], []]) is None
    under_way = replace(begun, progress=_progress(1, 10, 63, 295.0))
    left = seconds_left([work, work], [under_way, queued], [[], []])
    assert left == pytest.approx(295 + 300, rel=0.05)
    assert seconds_left([work], [under_way], [_history(3, 1.0)]) == 295
    finished = _run(state=RunState.FINISHED)
    assert seconds_left([work], [finished], [_history(3, 1.0)]) == 0


def test_slow_first_steps_of_a_run_do_not_count_beside_epochs_of_another() -> None:
    work = EpochWork(3_000_000, 32, "float32", 2_000, 1_000)
    done = _run(state=RunState.FINISHED)
    begun = _run(
        id="b", state=RunState.RUNNING, epochs_done=0, progress=_progress(1, 1, 63, 9_000.0)
    )
    left = seconds_left([work, work], [done, begun], [_history(VGG.epochs, 2.0), []])
    assert left == pytest.approx(2.0 * VGG.epochs, rel=0.1)


def test_runs_that_train_at_once_share_the_time() -> None:
    work = EpochWork(3_000_000, 32, "float32", 2_000, 1_000)
    running = _run(state=RunState.RUNNING, epochs_done=VGG.epochs - 10)
    histories = [_history(VGG.epochs - 10, 2.0)] * 2
    assert seconds_left([work] * 2, [running] * 2, histories) == pytest.approx(20)


def test_a_speed_that_was_measured_gives_the_same_epoch_again() -> None:
    work = EpochWork(3_000_000, 32, "float32", 2_000, 1_000)
    estimate = estimate_epoch(work, [measured_speed(work, "float32", 7.0)])
    assert estimate.low < 7 < estimate.high < 2 * estimate.low


def test_a_run_in_its_first_epoch_counts_with_its_current_speed() -> None:
    run = _run(state=RunState.RUNNING, images_per_second=None, progress=_progress(1, 9, 63, 9.0))
    [speed] = recorded_speeds([run], "here")
    assert speed.images_per_second == 900
