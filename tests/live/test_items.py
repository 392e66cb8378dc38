from dataclasses import replace

import pytest

from cifarviz.experiment.presets import PRESETS
from cifarviz.live.items import (
    outcome_text,
    progress_item,
    progress_text,
    state_badge,
    state_label,
)
from cifarviz.processor import machine_name
from cifarviz.runs.records import Progress
from cifarviz.runs.run_headline import best_criterion, time_at_work
from cifarviz.runs.states import RunState
from cifarviz.runs.stored_weights import restored_best_weights
from tests.stored_runs import run_record

RUN = run_record(
    state=RunState.RUNNING,
    progress=Progress("validating", 3, 25, 10, 5.0, 9.0, 0.0),
    machine=machine_name(),
)

TRAINING = Progress("training", 3, 22, 10, 5.0, 9.0, 0.0)


@pytest.mark.parametrize(
    ("changes", "word", "words"),
    [
        ({}, "running", "epoch 3 of 10, validating"),
        ({"progress": TRAINING}, "running", "epoch 3 of 10"),
        (
            {"progress": replace(TRAINING, phase="testing")},
            "running",
            "epoch 3 of 10, predicting the test images",
        ),
        ({"progress": None}, "running", "building the network"),
        ({"requested": "pause"}, "pausing", "epoch 3 of 10"),
        ({"requested": "stop"}, "stopping", "epoch 3 of 10"),
        ({"state": RunState.PAUSED}, "paused", "epoch 3 of 10"),
        ({"state": RunState.PAUSED, "requested": "resume"}, "resuming", "epoch 3 of 10"),
        ({"state": RunState.PAUSED, "requested": "stop"}, "stopping", "epoch 3 of 10"),
        ({"state": RunState.STOPPING}, "stopping", "epoch 3 of 10"),
        ({"state": RunState.QUEUED}, "queued", "waiting for its turn"),
        ({"state": RunState.STOPPED}, "stopped", ""),
        ({"state": RunState.FINISHED, "requested": "stop"}, "finished", ""),
    ],
)
def test_the_state_is_one_word_with_the_phase(
    changes: dict[str, object], word: str, words: str
) -> None:
    run = replace(RUN, **changes)  # type: ignore[arg-type]
    assert (state_label(run), progress_text(run)) == (word, words)
    assert f"[{word}]" in state_badge(run)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"state": RunState.FINISHED, "epochs_done": 10},
            "done. Best: 50.0% validation (test images), epoch 2 (lowest ",
        ),
        ({"state": RunState.STOPPED}, "After epoch 2 and 5 steps of epoch 3 (of 10). The weights"),
        ({"state": RunState.STOPPED, "started": None}, "before training started"),
        ({"state": RunState.STOPPED, "progress": None}, "After epoch 2 (of 10)."),
        ({"state": RunState.FAILED, "message": "The disk is full."}, "The disk is full."),
        ({"state": RunState.INTERRUPTED, "message": "It ended."}, "It ended. 2 of 10 epochs"),
    ],
)
def test_the_end_of_a_run_has_a_sentence(changes: dict[str, object], words: str) -> None:
    said = outcome_text(replace(RUN, **changes))  # type: ignore[arg-type]
    assert words in said
    assert said.endswith(".")


def test_early_stopping_is_explained_with_the_weights() -> None:
    experiment = PRESETS["fashion-mnist-cnn"].experiment
    run = replace(
        RUN,
        state=RunState.FINISHED,
        experiment_json=experiment.to_json(),
        epochs_done=8,
        best_epoch=6,
        best_val_accuracy=0.55,
        best_val_accuracy_epoch=7,
        stopped_early=8,
        message="Stopped early after epoch 8: no better validation loss than in epoch 6.",
    )
    assert outcome_text(run) == (
        "Stopped early after epoch 8: no better validation loss than in epoch 6. Best: 50.0% "
        "validation, epoch 6 (lowest validation loss) · 55.0% validation, epoch 7 (highest "
        "validation accuracy). The weights of epoch 6 were restored at the end."
    )


def test_restored_weights_are_named_after_the_last_epoch() -> None:
    experiment = PRESETS["fashion-mnist-cnn"].experiment
    epochs = experiment.epochs
    run = replace(
        RUN, state=RunState.FINISHED, experiment_json=experiment.to_json(), epochs_done=epochs
    )
    assert outcome_text(run) == (
        f"All {epochs} epochs are done. Best: 50.0% validation, epoch 2 (lowest validation loss). "
        "The weights of epoch 2 were restored at the end."
    )
    # There is nothing to give back where the last epoch is the best, or training goes on later.
    for other in (replace(run, best_epoch=epochs), replace(run, state=RunState.STOPPED)):
        assert not restored_best_weights(other)
        assert "restored" not in outcome_text(other)


def test_the_best_epoch_has_its_own_accuracy_and_the_highest_is_named() -> None:
    run = replace(
        RUN,
        state=RunState.FINISHED,
        best_epoch=9,
        best_epoch_val_accuracy=0.770,
        best_val_accuracy=0.783,
        best_val_accuracy_epoch=12,
    )
    assert outcome_text(run) == (
        "All 10 epochs are done. Best: 77.0% validation (test images), epoch 9 (lowest validation "
        "loss) · 78.3% validation (test images), epoch 12 (highest validation accuracy)."
    )


def test_the_monitor_names_the_best_epoch() -> None:
    base = PRESETS["cifar10-starter"].experiment
    by_accuracy = base.model_copy(update={"monitor": "accuracy"}).to_json()
    run = replace(RUN, state=RunState.FINISHED, experiment_json=by_accuracy)
    assert best_criterion(run) == "highest validation accuracy"
    assert "50.0% validation (test images), epoch 2 (highest validation" in outcome_text(run)
    assert best_criterion(replace(run, best_val_accuracy=None)) == "highest training accuracy"


def test_without_validation_the_training_loss_is_named() -> None:
    unseen = replace(RUN, best_val_accuracy=None, best_epoch_val_accuracy=None)
    said = outcome_text(replace(unseen, state=RunState.FINISHED))
    assert "Best: epoch 2 (lowest training loss), no validation." in said


def test_training_time_grows_only_during_training() -> None:
    heard = replace(TRAINING, heartbeat=400.0)
    run = replace(RUN, seconds=70.0, progress=heard)
    assert time_at_work(run, now=400.5) == 70.5
    assert time_at_work(replace(run, state=RunState.STOPPING), now=400.5) == 70.5
    assert time_at_work(replace(run, state=RunState.PAUSED), now=500.0) == 70.0
    assert time_at_work(replace(run, state=RunState.QUEUED), now=500.0) == 70.0
    assert time_at_work(replace(run, state=RunState.STOPPED), now=500.0) == 70.0
    assert time_at_work(replace(run, started=None), now=500.0) is None


def test_the_time_left_is_shown_while_a_run_trains() -> None:
    assert progress_item(RUN).text.endswith(", about 9 s left")
    for changes in (
        {"state": RunState.PAUSED},
        {"state": RunState.QUEUED},
        {"state": RunState.STOPPING},
        {"requested": "stop"},
        {"damage": "Its record is damaged."},
    ):
        assert "left" not in progress_item(replace(RUN, **changes)).text
