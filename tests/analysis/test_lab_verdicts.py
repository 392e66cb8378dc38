"""Verdicts on lab experiments, confirmed or not."""

import numpy as np
import pytest

from cifarviz.analysis.lab_verdicts import (
    ArmResult,
    arm_result,
    common_epoch,
    cures_verdict,
    duel_verdict,
    memorisation_verdict,
    partial_verdict,
    sizes_verdict,
    transfer_verdict,
)
from cifarviz.analysis.memorisation import track_labels
from cifarviz.experiment.choices import EarlyStopping
from cifarviz.runs.records import Epoch
from cifarviz.runs.states import RunState
from tests import stored_runs

RISING = (2.0, 1.6, 1.5, 1.7, 2.0, 2.4, 2.8, 3.2)
SETTLED = (2.0, 1.7, 1.5, 1.42, 1.4, 1.395, 1.39, 1.39)


def result(
    label: str,
    accuracy: float,
    val_accuracy: float,
    *,
    rising: bool = False,
    epochs: int = 8,
    **facts: object,
) -> ArmResult:
    """A run that ended with these accuracies, on 1,000 validation images."""
    losses = RISING if rising else SETTLED
    history = [
        Epoch(number, 2 / number, accuracy, loss, val_accuracy, 0.001, 1.0)
        for number, loss in enumerate(losses, 1)
    ]
    run = stored_runs.run_record(stored_runs.experiment(epochs=epochs), **facts)
    arm = arm_result(label, run, history)
    assert arm is not None
    return arm


def test_a_result_has_the_restored_weights() -> None:
    history = [
        Epoch(1, 2.0, 0.3, 2.1, 0.25, 0.001, 1.0),
        Epoch(2, 1.0, 0.7, 1.8, 0.4, 0.001, 1.0),
        Epoch(3, 0.5, 0.9, 2.2, 0.35, 0.001, 1.0),
    ]
    restoring = EarlyStopping(patience=1, restore_best_weights=True)
    facts = {"epochs_done": 3, "best_epoch": 2}
    restored = arm_result(
        "x",
        stored_runs.run_record(stored_runs.experiment(epochs=9, early_stopping=restoring), **facts),
        history,
    )
    run = stored_runs.run_record(stored_runs.experiment(epochs=9), **facts)
    last = arm_result("x", run, history)
    assert restored is not None
    assert last is not None
    assert (restored.weights_epoch, restored.epochs, restored.gap) == (2, 3, pytest.approx(0.3))
    assert (last.weights_epoch, last.gap) == (3, pytest.approx(0.55))
    assert last.lowest_val_loss == 1.8
    assert arm_result("x", run, []) is None
    unmeasured = [Epoch(1, 2.0, 0.3, None, None, 0.001, 1.0)]
    assert arm_result("x", run, unmeasured) is None


def test_a_duel_names_the_winner_the_gaps_and_where_overfitting_starts() -> None:
    verdict = duel_verdict(
        [result("no dropout", 0.99, 0.45, rising=True), result("dropout 0.5", 0.66, 0.55)]
    )
    assert verdict.confirmed
    assert verdict.headline == (
        "Validation accuracy after epoch 8 is highest with dropout 0.5: 55.0%, against 45.0% with "
        "no dropout (+10.0 points)."
    )
    gap, *curves = verdict.sentences
    assert "54.0 points with no dropout and 11.0 points with dropout 0.5" in gap
    assert gap.endswith("dropout 0.5 overfits less.")
    assert curves == [
        "Overfitting starts after epoch 3 with no dropout and epoch 7 with dropout 0.5."
    ]


def test_a_duel_within_chance_has_no_winner() -> None:
    # Two standard errors of two shares of 1,000 near a half are 4.5 points.
    near = duel_verdict([result("a", 0.9, 0.50), result("b", 0.6, 0.53)])
    assert near.headline.startswith("Less overfitting with b: ")
    assert (
        "No clear winner in validation accuracy: 53.0% with b and 50.0% with a."
        in near.sentences[1]
    )
    assert near.sentences[2] == (
        "Differences under 4.5 points may be chance with 1,000 validation images."
    )
    same = duel_verdict([result("a", 0.60, 0.50), result("b", 0.61, 0.52)])
    assert not same.confirmed
    assert same.headline.startswith("No clear difference")


def test_a_run_that_was_cut_short_is_named() -> None:
    stopped = result("b", 0.6, 0.5, epochs=20, state=RunState.STOPPED)
    verdict = duel_verdict([result("a", 0.9, 0.4), stopped])
    assert verdict.sentences[-1] == ("The run with b was cut short after 8 of 20 epochs.")


def test_a_verdict_before_the_end_says_so() -> None:
    running = result("b", 0.6, 0.5, epochs=20, state=RunState.RUNNING)
    verdict = partial_verdict(duel_verdict([result("a", 0.9, 0.4), running]), "after 8 epochs")
    assert verdict.headline == (
        "So far, after 8 epochs: validation accuracy is highest with b: 50.0%, against 40.0% with "
        "a (+10.0 points)."
    )
    assert verdict.sentences[-1] == "The run with b is under way: 8 of 20 epochs are done."


def test_runs_are_compared_at_the_epoch_where_one_was_cut_short() -> None:
    facts = {"train_images": 2000, "validation_images": 1000}

    def cut(label: str, accuracies: list[float], ended: bool, until: int | None) -> ArmResult:
        history = [
            Epoch(number, 1.0, 0.9, 1.0, accuracy, 0.001, 1.0)
            for number, accuracy in enumerate(accuracies, 1)
        ]
        state = RunState.FINISHED if ended else RunState.STOPPED
        run = stored_runs.run_record(stored_runs.experiment(epochs=8), state=state, **facts)
        arm = arm_result(label, run, history, until)
        assert arm is not None
        return arm

    long, short = [0.2, 0.3, 0.8, 0.81, 0.82, 0.83, 0.84, 0.85], [0.4, 0.7]
    until = common_epoch([cut("a", long, True, None), cut("b", short, False, None)])
    assert until == 2
    verdict = duel_verdict([cut("a", long, True, until), cut("b", short, False, until)])
    assert verdict.headline == (
        "Validation accuracy after epoch 2 is highest with b: 70.0%, against 30.0% with a "
        "(+40.0 points)."
    )
    assert verdict.sentences[-2:] == (
        "The run with b was cut short after 2 of 8 epochs.",
        "All runs are compared after epoch 2; later epochs of a are left out.",
    )
    # A run that stopped early by itself before that counts with its last epoch.
    early = [result("a", 0.9, 0.4), cut("b", long, False, None)]
    assert common_epoch(early) == 8
    assert common_epoch([result("a", 0.9, 0.4)]) is None


def test_more_images_help_or_not() -> None:
    def on(images: int, accuracy: float, val: float) -> ArmResult:
        return result(f"{images:,} images", accuracy, val, train_images=images)

    risen = sizes_verdict([on(500, 0.99, 0.35), on(1000, 0.99, 0.34), on(5000, 0.97, 0.52)])
    assert risen.confirmed
    assert "From 500 to 5,000 training images, validation accuracy rises from 35.0% to 52.0%" in (
        risen.headline
    )
    assert "shrinks from 64.0 points to 45.0 points" in risen.sentences[0]
    assert risen.sentences[1] == "Not every step helped: accuracy fell at 1,000 images."
    flat = sizes_verdict([on(500, 0.5, 0.40), on(1000, 0.7, 0.41)])
    assert not flat.confirmed
    assert "to 41.0%, which is no clear rise." in flat.headline
    assert "grows from 10.0 points to 29.0 points" in flat.sentences[0]


def test_a_duel_where_validation_is_ahead_has_no_gap_of_less_than_nothing() -> None:
    both = duel_verdict([result("a", 0.30, 0.32), result("b", 0.20, 0.32)])
    assert both.sentences[0] == (
        "Training accuracy is not ahead of validation: −2.0 points with a and −12.0 points with b. "
        "None overfits yet."
    )
    mixed = duel_verdict([result("a", 0.52, 0.32), result("b", 0.30, 0.32)])
    assert mixed.headline == (
        "Less overfitting with b: training accuracy is not ahead of validation, but 20.0 points "
        "ahead with a."
    )
    assert mixed.sentences[0] == (
        "Training accuracy minus validation accuracy is 20.0 points with a and −2.0 points with b: "
        "b overfits less."
    )


def test_without_overfitting_there_is_nothing_to_cure() -> None:
    verdict = cures_verdict([result("none", 0.30, 0.32), result("L2", 0.20, 0.32)])
    assert any(
        sentence.endswith("(−2.0 points): there is no overfitting to cure yet.")
        for sentence in verdict.sentences
    )


def test_cures_are_judged_by_accuracy_and_gap() -> None:
    none = result("no cure", 1.0, 0.45, rising=True)
    verdict = cures_verdict([none, result("augmentation", 0.7, 0.55), result("all", 0.44, 0.46)])
    assert verdict.confirmed
    assert verdict.headline == (
        "The best cure is augmentation: validation accuracy rises from 45.0% to 55.0% (+10.0 "
        "points). The gap between training and validation accuracy shrinks from 55.0 points to "
        "15.0 points."
    )
    assert verdict.sentences[:2] == (
        "The gap between training and validation accuracy is smallest with all: −2.0 points "
        "instead of 55.0 points, at a validation accuracy of 46.0% instead of 45.0%.",
        "It memorises fewer training images, but is no better on new images.",
    )
    ineffective = cures_verdict([none, result("L2", 0.99, 0.45, rising=True)])
    assert not ineffective.confirmed
    assert "No cure makes the gap of 55.0 points" in ineffective.sentences[1]


def test_a_cure_that_closes_the_gap_by_learning_nothing_is_not_confirmed() -> None:
    none = result("no cure", 1.0, 0.472, rising=True)
    learns_nothing = result("all together", 0.456, 0.470)
    verdict = cures_verdict([none, result("L2", 0.99, 0.46, rising=True), learns_nothing])
    assert not verdict.confirmed
    assert verdict.headline == (
        "No cure clearly improves validation accuracy: the best, all together, reaches 47.0% "
        "instead of 47.2%."
    )
    assert "It memorises fewer training images, but is no better on new images." in (
        verdict.sentences
    )
    assert "The gap did not shrink with L2." in verdict.sentences
    # A clearly worse cure is not put down to chance.
    worse = cures_verdict([none, result("all", 0.2, 0.2)])
    assert not any("chance" in sentence for sentence in worse.sentences)


def test_a_cure_may_help_without_changing_the_gap() -> None:
    none = result("no cure", 0.80, 0.45, rising=True)
    verdict = cures_verdict([none, result("augmentation", 0.90, 0.56)])
    assert not verdict.confirmed
    assert "hardly changes, from 35.0 points to 34.0 points" in verdict.headline


def test_wrong_labels_are_memorised_later_than_correct_ones() -> None:
    given, correct = np.array([0, 0, 1, 1]), np.array([0, 0, 2, 2])
    predicted = np.array([[0, 0, 2, 2], [0, 0, 2, 1], [0, 0, 1, 1]])
    memorisation = track_labels(given, correct, (1, 2, 3), predicted)
    wrong, clean = result("50% wrong labels", 0.99, 0.35), result("correct labels", 0.99, 0.45)
    verdict = memorisation_verdict(wrong, clean, memorisation)
    assert verdict.confirmed
    assert "after epoch 3 it gives 100.0% of 2 images the wrong label" in verdict.headline
    assert verdict.sentences[:3] == (
        "Half of the correct labels were learned for good by epoch 1.",
        "Half of the wrong labels were learned for good by epoch 2.",
        "Patterns that many images share are learned first.",
    )
    assert "to 100.0% after epoch 1, at its best, and to 0.0% at the end" in verdict.sentences[3]
    assert "wrong labels cost 10.0 points" in verdict.sentences[4]


def test_wrong_labels_that_were_not_memorised() -> None:
    given, correct = np.array([0, 1, 1]), np.array([0, 2, 2])
    memorisation = track_labels(given, correct, (1,), np.array([[0, 2, 2]]))
    verdict = memorisation_verdict(result("wrong", 0.5, 0.4), None, memorisation)
    assert not verdict.confirmed
    assert verdict.headline.startswith("The network hardly memorised the wrong labels")
    assert verdict.sentences[1] == "Fewer than half of the wrong labels were learned for good."


def test_transfer_helps_if_the_gain_is_more_than_chance() -> None:
    scratch = result("random weights", 0.9, 0.40)
    verdict = transfer_verdict([scratch, result("layers taken", 0.7, 0.52)])
    assert verdict.confirmed
    assert verdict.headline == (
        "What was learned on other classes helps: with 2,000 images, validation accuracy is 40.0% "
        "with random weights and 52.0% with layers taken (+12.0 points)."
    )
    verdict = transfer_verdict([scratch, result("layers taken", 0.5, 0.42)])
    assert not verdict.confirmed
    assert "does not clearly help" in verdict.headline
    assert verdict.sentences[0].startswith("Differences under 4.4 points may be chance")
