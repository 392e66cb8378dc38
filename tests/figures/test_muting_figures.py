"""The figures of Mute: two networks' probabilities, and how a confusion matrix changes."""

import numpy as np
import pytest

from cifarviz.figures.confusion_change import confusion_change, confusion_change_figure
from cifarviz.figures.probability_pairs import probability_pairs, probability_pairs_figure

TITLES = "before", "after"


def test_pairs_are_sorted_and_include_the_new_first_and_the_actual_class() -> None:
    classes = [f"c{number}" for number in range(14)]
    before = np.linspace(0.2, 0.0, 14)
    after = np.zeros(14)
    after[12] = 0.9
    value = probability_pairs(classes, before, after, titles=TITLES, actual=13)
    assert value.names == (*(f"c{number}" for number in range(8)), "c12", "c13 ✓")
    assert value.before.tolist() == before[[*range(8), 12, 13]].tolist()
    first, second = probability_pairs_figure(value).data
    assert (first.name, second.name) == TITLES
    assert second.x[8] == 0.9
    assert second.text[8] == "90.0%"
    assert list(first.y) == list(value.names)


def test_two_classes_are_enough() -> None:
    value = probability_pairs(["a<b>", "b"], np.array([0.4, 0.6]), np.array([1, 0]), titles=TITLES)
    assert value.names == ("b", "a<b>")
    assert "<b>" not in probability_pairs_figure(value).data[0].y[1]


def test_wrong_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="2 and 3 probabilities, 2 classes"):
        probability_pairs(["a", "b"], np.ones(2), np.ones(3), titles=TITLES)
    with pytest.raises(ValueError, match="for 2 classes"):
        confusion_change(["a", "b"], np.ones((2, 2), int), np.ones((3, 3), int))


def test_the_change_counts_images() -> None:
    before, after = np.array([[5, 1], [0, 4]]), np.array([[2, 4], [0, 4]])
    value = confusion_change(["a", "b"], before, after)
    assert value.change.tolist() == [[-3, 3], [0, 0]]
    figure = confusion_change_figure(value)
    assert figure.data[0].zmax == 3
    assert figure.data[0].hovertext[0][1] == "a, predicted as b: +3 images"
    texts = [text for trace in figure.data[1:] for text in trace.text]
    assert sorted(texts) == ["+3", "−3"]


def test_no_change_is_said() -> None:
    counts = np.array([[5, 1], [0, 4]])
    figure = confusion_change_figure(confusion_change(["a", "b"], counts, counts))
    assert figure.layout.annotations[0].text == "No prediction changes."
