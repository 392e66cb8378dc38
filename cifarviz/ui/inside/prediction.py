"""The image and the network's prediction for it."""

from collections.abc import Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cifarviz.analysis.predictions import check_probabilities
from cifarviz.experiment.prediction_views import PredictionViews
from cifarviz.figures.percent import format_probability
from cifarviz.figures.probabilities import Probabilities, probabilities, probabilities_figure
from cifarviz.figures.sprite import enlarge, sprite
from cifarviz.ui.address import escaped
from cifarviz.ui.components.chart import chart
from cifarviz.ui.inside.image import InputImage, InspectedNetwork

IMAGE_WIDTH = 256
"""CSS pixels that the image may be wide."""
SMALL_WIDTH = 72
"""The same of an image beside the menus."""

# Two of these fit next to the image on a wide screen.
_PREDICTION_WIDTH = 400
_MAX_CLASSES = 3
_AVERAGED = (
    "This is the prediction for the original image. Evaluate and Predict average it with the "
    "prediction for {others}, as set for this run."
)


def render_image(image: InputImage, classes: Sequence[str]) -> None:
    """Render the image, enlarged without smoothing, with its class and changes."""
    _render_enlarged(image, classes, IMAGE_WIDTH)
    st.markdown(f"**{escaped(_name(image, classes))}**")
    render_notes(image)


def render_small_image(image: InputImage, classes: Sequence[str]) -> None:
    """Render the image ``SMALL_WIDTH`` wide."""
    _render_enlarged(image, classes, SMALL_WIDTH)


def render_notes(image: InputImage) -> None:
    """Render what was changed of an uploaded image."""
    for note in image.notes:
        st.caption(note)


def _render_enlarged(image: InputImage, classes: Sequence[str], width: int) -> None:
    # Twice as many pixels as shown: also sharp on screens with two pixels per CSS pixel.
    large = enlarge(enlarge(image.pixels, width), 2 * width)
    st.image(sprite(large[np.newaxis]).png, width=large.shape[1] // 2, alt=_name(image, classes))


def _name(image: InputImage, classes: Sequence[str]) -> str:
    return image.title if image.actual is None else f"{image.title}, {classes[image.actual]}"


def render_prediction_summary(
    network: InspectedNetwork, image: InputImage, classes: Sequence[str]
) -> None:
    """Render the image's title and the predicted class as text.

    Raises ``ArtifactDamaged`` if the probabilities are not numbers.
    """
    values = network.views[-1].values
    check_probabilities(values[np.newaxis])
    predicted = int(values.argmax())
    verdict = "" if image.actual is None else "correct" if predicted == image.actual else "wrong"
    st.markdown(
        f"**{escaped(_name(image, classes))}**",
        help=_averaged(network.run.experiment.prediction_views),
    )
    text = f"Predicted: {escaped(classes[predicted])}, {format_probability(values[predicted])}"
    st.caption(f"{text} ({verdict})" if verdict else text)


def render_predictions(
    left: InspectedNetwork,
    right: InspectedNetwork | None,
    classes: Sequence[str],
    actual: int | None,
) -> None:
    """Render the prediction of a network, or of two with their difference."""
    networks = [left] if right is None else [left, right]
    # Side by side if there is room.
    row = st.container(horizontal=True, gap="medium") if right else st.container()
    for network in networks:
        container = row.container(width=_PREDICTION_WIDTH) if right else row
        with container:
            render_prediction(
                network.views[-1].values,
                classes,
                actual,
                prediction_views=network.run.experiment.prediction_views,
                title=network.title,
                key="inside-answer" if network is left else "inside-answer-right",
            )
    if right is not None:
        titles = left.title, right.title
        values = left.views[-1].values, right.views[-1].values
        st.caption(format_prediction_difference(*values, classes, actual, titles))


def render_prediction(
    values: NDArray[np.float32],
    classes: Sequence[str],
    actual: int | None,
    *,
    prediction_views: PredictionViews,
    title: str = "",
    key: str = "inside-answer",
) -> None:
    """Render the most probable classes; ``values`` are probabilities (classes,).

    ``prediction_views``: other pages average this with the predictions for these.
    ``title`` identifies one of two networks. Raises ``ArtifactDamaged`` if the values are not
    numbers.
    """
    check_probabilities(values[np.newaxis])
    ranked = probabilities(classes, values, actual=actual)
    first = ranked.bars[0]
    predicted_text = f"**{escaped(first.name)}**, {format_probability(first.probability)}"
    st.markdown(
        f"**{escaped(title)}** predicts {predicted_text}"
        if title
        else f"The network predicts {predicted_text}"
    )
    chart(
        probabilities_figure(Probabilities(ranked.bars[:_MAX_CLASSES])),
        key=key,
        file_name="answer",
        description=f"The {_MAX_CLASSES} most probable classes" + (f", {title}" if title else ""),
    )
    if actual is not None:
        st.caption(_format_verdict(first.actual, classes[actual], float(values[actual])))
    if text := _averaged(prediction_views):
        st.caption(text)


def _averaged(prediction_views: PredictionViews) -> str | None:
    others = prediction_views.describe_others()
    return _AVERAGED.format(others=others) if others else None


def format_prediction_difference(
    left: NDArray[np.float32],
    right: NDArray[np.float32],
    classes: Sequence[str],
    actual: int | None,
    titles: tuple[str, str],
) -> str:
    """How the two probabilities of the actual class differ, else of the left prediction."""
    index = int(left.argmax()) if actual is None else actual
    name = escaped(classes[index])
    # In percentage points, rounded to tenths before they are compared.
    points = round(100 * float(left[index] - right[index]), 1)
    if not points:
        return f"Both give “{name}” {format_probability(float(left[index]))}."
    first, second = map(escaped, titles)
    if points < 0:
        return f"“{first}” gives “{name}” {-points:.1f} points less than “{second}”."
    return f"“{first}” gives “{name}” {points:.1f} points more than “{second}”."


def _format_verdict(correct: bool, actual: str, probability: float) -> str:
    if correct:
        return "Correct."
    return f"Wrong: it is “{escaped(actual)}”, predicted with {format_probability(probability)}."
