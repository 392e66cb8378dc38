"""What experiments of the lab have shown, in words; and that they have not."""

import numpy as np
import pytest

from cifarviz.analysis.lab_verdicts import (
    Result,
    common_epoch,
    cures_verdict,
    duel_verdict,
    memorisation_verdict,
    result_of,
    sizes_verdict,
)
from cifarviz.analysis.memorisation import track_labels
from cifarviz.experiment.choices import EarlyStopping
from cifarviz.runs.records import Epoch
from cifarviz.runs.states import RunState
from tests import stored_runs

TURNED = (2.0, 1.6, 1.5, 1.7, 2.0, 2.4, 2.8, 3.2)
SETTLED = (2.0, 1.7, 1.5, 1.42, 1.4, 1.395, 1.39, 1.39)


def result(
    label: str,
    accuracy: float,
    val_accuracy: float,
    *,
    turned: bool = False,
    epochs: int = 8,
    **facts: object,
) -> Result:
    """A run that ended with these accuracies, on 1,000 validation images."""
    losses = TURNED if turned else SETTLED
    history = [
        Epoch(number, 2 / number, accuracy, loss, val_accuracy, 0.001, 1.0)
        for number, loss in enumerate(losses, 1)
    ]
    run = stored_runs.run_record(stored_runs.experiment(epochs=epochs), **facts)
    made = result_of(label, run, history)
    assert made is not None
    return made


def test_a_result_stands_with_the_weights_that_were_given_back() -> None:
    history = [
        Epoch(1, 2.0, 0.3, 2.1, 0.25, 0.001, 1.0),
        Epoch(2, 1.0, 0.7, 1.8, 0.4, 0.001, 1.0),
        Epoch(3, 0.5, 0.9, 2.2, 0.35, 0.001, 1.0),
    ]
    restoring = EarlyStopping(patience=1, restore_best_weights=True)
    facts = {"epochs_done": 3, "best_epoch": 2}
    back = result_of(
        "x",
        stored_runs.run_record(stored_runs.experiment(epochs=9, early_stopping=restoring), **facts),
        history,
    )
    run = stored_runs.run_record(stored_runs.experiment(epochs=9), **facts)
    last = result_of("x", run, history)
    assert back is not None
    assert last is not None
    assert (back.kept, back.epochs, back.gap) == (2, 3, pytest.approx(0.3))
    assert (last.kept, last.gap) == (3, pytest.approx(0.55))
    assert last.lowest_val_loss == 1.8
    assert result_of("x", run, []) is None
    unmeasured = [Epoch(1, 2.0, 0.3, None, None, 0.001, 1.0)]
    assert result_of("x", run, unmeasured) is None


def test_a_duel_names_the_winner_the_gaps_and_the_turns() -> None:
    verdict = duel_verdict(
        [result("no dropout", 0.99, 0.45, turned=True), result("dropout 0.5", 0.66, 0.55)]
    )
    assert verdict.shown
    assert verdict.headline == (
        "Better with dropout 0.5: 55.0% of the validation images right, against 45.0% with no "
        "dropout (+10.0 points)."
    )
    gap, turns = verdict.sentences
    assert "54.0 points with no dropout and 11.0 points with dropout 0.5" in gap
    assert gap.endswith("dropout 0.5 overfits less.")
    assert turns == (
        "Validation loss rises after epoch 3 with no dropout. The verdict on the curves is with "
        "dropout 0.5 “overfitting”."
    )


def test_a_duel_that_only_chance_decided_has_no_winner() -> None:
    # Two standard errors of two shares of 1,000 near a half are 4.5 points.
    near = duel_verdict([result("a", 0.9, 0.50), result("b", 0.6, 0.53)])
    assert near.headline.startswith("Less overfitting with b: ")
    assert "no winner: 53.0% right with b and 50.0% with a" in near.sentences[1]
    assert "can't tell less than 4.5 points apart" in near.sentences[1]
    same = duel_verdict([result("a", 0.60, 0.50), result("b", 0.61, 0.52)])
    assert not same.shown
    assert same.headline.startswith("No difference that could be shown")


def test_who_was_cut_short_is_said() -> None:
    stopped = result("b", 0.6, 0.5, epochs=20, state=RunState.STOPPED)
    verdict = duel_verdict([result("a", 0.9, 0.4), stopped])
    assert verdict.sentences[-1] == (
        "The run with b was cut short after 8 of 20 epochs, and is judged as far as it came."
    )


def test_runs_are_compared_at_the_epoch_where_one_was_cut_short() -> None:
    facts = {"train_images": 2000, "validation_images": 1000}

    def cut(label: str, accuracies: list[float], ended: bool, until: int | None) -> Result:
        history = [
            Epoch(number, 1.0, 0.9, 1.0, accuracy, 0.001, 1.0)
            for number, accuracy in enumerate(accuracies, 1)
        ]
        state = RunState.FINISHED if ended else RunState.STOPPED
        run = stored_runs.run_record(stored_runs.experiment(epochs=8), state=state, **facts)
        made = result_of(label, run, history, until)
        assert made is not None
        return made

    long, short = [0.2, 0.3, 0.8, 0.81, 0.82, 0.83, 0.84, 0.85], [0.4, 0.7]
    until = common_epoch([cut("a", long, True, None), cut("b", short, False, None)])
    assert until == 2
    verdict = duel_verdict([cut("a", long, True, until), cut("b", short, False, until)])
    assert verdict.headline == (
        "Better with b: 70.0% of the validation images right, against 30.0% with a (+40.0 points)."
    )
    assert verdict.sentences[-2:] == (
        "The run with b was cut short after 2 of 8 epochs.",
        "So they are compared as they were after epoch 2, since when only the run with a has been "
        "trained further.",
    )
    # Who stopped early by itself before that is as it ended, with the weights it was given back.
    early = [result("a", 0.9, 0.4), cut("b", long, False, None)]
    assert common_epoch(early) == 8
    assert common_epoch([result("a", 0.9, 0.4)]) is None


def test_more_images_help_or_it_is_said_that_they_did_not() -> None:
    def on(images: int, accuracy: float, val: float) -> Result:
        return result(f"{images:,} images", accuracy, val, train_images=images)

    risen = sizes_verdict([on(500, 0.99, 0.35), on(1000, 0.99, 0.34), on(5000, 0.97, 0.52)])
    assert risen.shown
    assert "From 500 to 5,000 training images validation accuracy rises from 35.0% to 52.0%" in (
        risen.headline
    )
    assert "shrinks from 64.0 points to 45.0 points" in risen.sentences[0]
    assert risen.sentences[1] == "Not at each step: it fell at 1,000 images."
    flat = sizes_verdict([on(500, 0.5, 0.40), on(1000, 0.7, 0.41)])
    assert not flat.shown
    assert "no rise that 1,000 images could show" in flat.headline
    assert "grows from 10.0 points to 29.0 points" in flat.sentences[0]


def test_cures_are_measured_by_the_gap_and_by_new_images() -> None:
    none = result("no cure", 1.0, 0.45, turned=True)
    verdict = cures_verdict([none, result("augmentation", 0.7, 0.55), result("all", 0.44, 0.46)])
    assert verdict.shown
    assert verdict.headline == (
        "On new images augmentation helps most: 55.0% right instead of 45.0% (+10.0 points). "
        "The gap between training and validation shrinks from 55.0 points to 15.0 points."
    )
    assert verdict.sentences[0] == (
        "The gap between training and validation is smallest with all, −2.0 points instead of 55.0 "
        "points, at 46.0% validation accuracy instead of 45.0%: it knows less of its training "
        "images by heart, and no more of new ones."
    )
    helpless = cures_verdict([none, result("L2", 0.99, 0.45, turned=True)])
    assert not helpless.shown
    assert "Nothing has made the gap of 55.0 points" in helpless.sentences[1]


def test_a_cure_that_closes_the_gap_by_learning_nothing_is_not_praised() -> None:
    none = result("no cure", 1.0, 0.472, turned=True)
    learns_nothing = result("all together", 0.456, 0.470)
    verdict = cures_verdict([none, result("L2", 0.99, 0.46, turned=True), learns_nothing])
    assert not verdict.shown
    assert verdict.headline == (
        "No cure is better on new images than none: with all together, the best of them, 47.0% "
        "right instead of 47.2%."
    )
    assert "no more of new ones" in verdict.sentences[1]
    assert "The gap did not shrink with L2." in verdict.sentences
    # One that is worse for sure is not excused by chance.
    worse = cures_verdict([none, result("all", 0.2, 0.2)])
    assert not any("points apart" in one for one in worse.sentences)


def test_a_cure_that_helps_beside_a_gap_that_stays() -> None:
    none = result("no cure", 0.80, 0.45, turned=True)
    verdict = cures_verdict([none, result("augmentation", 0.90, 0.56)])
    assert not verdict.shown
    assert "hardly changes, from 35.0 points to 34.0 points" in verdict.headline


def test_wrong_labels_learned_later_than_right_ones() -> None:
    given, right = np.array([0, 0, 1, 1]), np.array([0, 0, 2, 2])
    predicted = np.array([[0, 0, 2, 2], [0, 0, 2, 1], [0, 0, 1, 1]])
    memory = track_labels(given, right, (1, 2, 3), predicted)
    wrong, clean = result("50% wrong labels", 0.99, 0.35), result("correct labels", 0.99, 0.45)
    verdict = memorisation_verdict(wrong, clean, memory)
    assert verdict.shown
    assert "after epoch 3 it gives 100.0% of 2 images the wrong label" in verdict.headline
    assert verdict.sentences[0].startswith(
        "Half of the right labels were learned for good by epoch 1, half of the wrong ones by "
        "epoch 2"
    )
    assert "best after epoch 1, when it gave 100.0%" in verdict.sentences[1]
    assert "it costs 10.0 points of validation accuracy" in verdict.sentences[2]


def test_wrong_labels_that_were_not_learned() -> None:
    given, right = np.array([0, 1, 1]), np.array([0, 2, 2])
    memory = track_labels(given, right, (1,), np.array([[0, 2, 2]]))
    verdict = memorisation_verdict(result("wrong", 0.5, 0.4), None, memory)
    assert not verdict.shown
    assert verdict.headline.startswith("It has hardly learned the wrong labels")
    assert "half of the wrong ones by no epoch yet" in verdict.sentences[0]
