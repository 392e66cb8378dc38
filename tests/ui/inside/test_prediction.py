import numpy as np

from cifarviz.ui.inside.prediction import format_prediction_difference


def test_predictions_differ_in_points() -> None:
    left, right = np.array([0.25, 0.75], np.float32), np.array([0.5, 0.5], np.float32)
    titles = "Epoch 4", "Epoch 1"
    text = format_prediction_difference(left, right, ["cat", "dog"], 0, titles)
    assert text == "“Epoch 4” gives “cat” 25.0 points less than “Epoch 1”."
    text = format_prediction_difference(left, right, ["cat", "dog"], None, titles)
    assert text.startswith("“Epoch 4” gives “dog” 25.0 points more")
    same = format_prediction_difference(left, left, ["cat", "dog"], 1, titles)
    assert same == "Both give “dog” 75.0%."
