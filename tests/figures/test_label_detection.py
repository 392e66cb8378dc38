"""The curve of precision and recall over labels looked at."""

import numpy as np
import pytest

from cifarviz.analysis.label_doubts import measure_detection
from cifarviz.figures.label_detection import LabelDetection, label_detection_figure


def test_the_curves_have_the_measured_values() -> None:
    wrong = np.random.default_rng(0).random(1000) < 0.2
    found = measure_detection(np.arange(1000), wrong)
    figure = label_detection_figure(LabelDetection(found.precision, found.recall, found.wrong))
    precision, recall, random = figure.data
    for trace, values in ((precision, found.precision), (recall, found.recall)):
        counts = np.asarray(trace.x)
        assert (counts[0], counts[-1]) == (1, 1000)
        np.testing.assert_array_equal(trace.y, values[counts - 1])
    assert random.y[0] == wrong.mean()


def test_without_wrong_labels_there_is_no_curve() -> None:
    figure = label_detection_figure(LabelDetection(np.zeros(5), np.full(5, np.nan), 0))
    assert not figure.data
    with pytest.raises(ValueError, match="5 precisions and 4 recalls"):
        label_detection_figure(LabelDetection(np.zeros(5), np.zeros(4), 1))
