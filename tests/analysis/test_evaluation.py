import json

import numpy as np
import pytest

from cifarviz.analysis.evaluation import Evaluation, evaluate
from cifarviz.errors import ArtifactDamaged
from cifarviz.runs.log_probabilities import Predictions

CLASSES = ("cat", "dog")


@pytest.fixture
def evaluation() -> Evaluation:
    return evaluate(
        labels=np.array([0, 0, 1, 0], np.uint8),
        predictions=Predictions.from_probabilities(
            np.array([[0.9, 0.1], [0.2, 0.8], [0.5, 0.5], [0.4, 0.6]], np.float32)
        ),
        indices=np.array([11, 5, 7, 3]),
        classes=CLASSES,
    )


def test_an_evaluation_becomes_the_json_of_the_command_line(evaluation: Evaluation) -> None:
    printed = json.loads(json.dumps(evaluation.to_dict(), allow_nan=False))

    # Of two equal probabilities the first class is the answer.
    assert printed == {
        "images": 4,
        "loss": pytest.approx(-np.log([0.9, 0.2, 0.5, 0.4]).mean()),
        "accuracy": 0.25,
        "per_class": {
            "cat": {"precision": 0.5, "recall": 1 / 3, "f1": 0.4, "support": 3},
            "dog": {"precision": 0, "recall": 0, "f1": 0, "support": 1},
        },
        "confusion": [[1, 2], [1, 0]],
    }


def test_a_cell_lists_its_images_most_confident_first(evaluation: Evaluation) -> None:
    assert evaluation.indices[evaluation.cell(actual=0, predicted=1)].tolist() == [5, 3]


def test_the_parts_of_an_evaluation_agree(evaluation: Evaluation) -> None:
    assert len(evaluation) == 4
    assert evaluation.classes == CLASSES
    assert evaluation.predicted.tolist() == [0, 1, 0, 1]
    assert evaluation.confusion.sum() == 4


def test_an_evaluation_is_read_only() -> None:
    labels = np.array([0, 1])
    evaluation = evaluate(
        labels,
        Predictions.from_probabilities(np.eye(2, dtype=np.float32)),
        np.array([0, 1]),
        CLASSES,
    )

    labels[0] = 1

    assert evaluation.labels.tolist() == [0, 1]
    with pytest.raises(ValueError, match="read-only"):
        evaluation.confusion[0, 0] = 7


@pytest.mark.filterwarnings("error")
def test_undefined_scores_are_null_in_json() -> None:
    sure = np.tile(np.array([1, 0], np.float32), (3, 1))
    evaluation = evaluate(
        np.zeros(3, np.uint8), Predictions.from_probabilities(sure), np.arange(3), CLASSES
    )

    printed = evaluation.to_dict()

    json.dumps(printed, allow_nan=False)
    assert printed["accuracy"] == 1
    nothing = {"precision": None, "recall": None, "f1": None, "support": 0}
    assert printed["per_class"]["dog"] == nothing


def test_no_images_are_refused() -> None:
    nothing = np.zeros(0, np.uint8)
    with pytest.raises(ValueError, match="at least one image"):
        evaluate(
            nothing, Predictions.from_probabilities(np.zeros((0, 2), np.float32)), nothing, CLASSES
        )


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_predictions_that_are_not_numbers_are_refused_with_a_message(bad: float) -> None:
    probabilities = np.array([[0.5, 0.5], [bad, 0.5]], np.float32)

    with pytest.raises(ArtifactDamaged, match="1 of 2 images"):
        evaluate(
            np.array([0, 1]), Predictions.from_probabilities(probabilities), np.arange(2), CLASSES
        )


def test_arrays_that_do_not_fit_together_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(2, 2\)"):
        evaluate(
            np.array([0, 1]),
            Predictions.from_probabilities(np.zeros((2, 3))),
            np.arange(2),
            CLASSES,
        )
    with pytest.raises(ValueError, match=r"2 indices, not .* and 3"):
        evaluate(
            np.array([0, 1]),
            Predictions.from_probabilities(np.zeros((2, 2))),
            np.arange(3),
            CLASSES,
        )
