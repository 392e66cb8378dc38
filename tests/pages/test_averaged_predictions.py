"""Pages say what the predictions of a run are averaged over."""

import pytest

from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.pooling import GlobalAveragePool2D
from cifarviz.runs.store import RunStore
from tests import stored_runs
from tests.pages import evaluate_page, inside_page, predict_page


@pytest.mark.parametrize(
    ("mirrored", "shift", "others"),
    [(True, 0, "the mirrored image"), (False, 1, "shifted images"),
     (True, 2, "mirrored and shifted images")],
)  # fmt: skip
def test_pages_say_what_predictions_are_averaged_over(
    store: RunStore, mirrored: bool, shift: int, others: str
) -> None:
    made = stored_runs.experiment(
        Conv2D(filters=4),
        GlobalAveragePool2D(),
        Dense(units=10, activation="softmax"),
        mirrored_answers=mirrored,
        prediction_shift=shift,
    )
    stored_runs.store_run(store, made, checkpoints={"last": stored_runs.weights(made)})
    evaluated = evaluate_page.text(evaluate_page.opened())
    assert f"Predictions are averaged over each image and {others}." in evaluated
    predicted = predict_page.text(predict_page.opened(split="test", image="1"))
    assert f"Averaged over this image and {others}, as set for this run." in predicted
    inside = inside_page.page_texts(inside_page.opened(image="1"))
    assert any(f"average it with the prediction for {others}" in text for text in inside)
