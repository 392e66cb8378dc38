"""The parts of Predict: the picture that is chosen, its prediction, and the views of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cifarviz.datasets.info import DatasetInfo
from cifarviz.datasets.registry import find_dataset
from cifarviz.people.person import may_make
from cifarviz.ui import cache
from cifarviz.ui.data_problem import render_data_problem
from cifarviz.ui.errors import render_errors
from cifarviz.ui.navigation import ViewEntry, render_title_and_views
from cifarviz.ui.predict.break_it import render_break_it
from cifarviz.ui.predict.camera import camera_shot, render_camera
from cifarviz.ui.predict.comparison import render_comparison
from cifarviz.ui.predict.example import (
    chosen_example,
    example_in_address,
    render_examples,
    render_image_choice,
)
from cifarviz.ui.predict.nearest import render_nearest
from cifarviz.ui.predict.picture import ChosenNetwork, ChosenPicture
from cifarviz.ui.predict.prediction import render_prediction
from cifarviz.ui.predict.small_push import render_small_push
from cifarviz.ui.predict.uploads import (
    choose_file,
    has_files,
    pick_fit_options,
    read_files,
    render_uploader,
)
from cifarviz.ui.query import render_choice

_WAYS: Mapping[Literal["file", "camera"], str] = {"file": "From files", "camera": "From the camera"}

PredictView = Literal["prediction", "compare", "break", "push"]


@dataclass(frozen=True)
class _View:
    """A view of the chosen picture, and what renders it below the prediction."""

    entry: ViewEntry
    render: Callable[[ChosenPicture, ChosenNetwork], None]


_VIEWS: Mapping[PredictView, _View] = {
    "prediction": _View(ViewEntry("Prediction", "image_search"), render_nearest),
    "compare": _View(ViewEntry("Compare networks", "compare"), render_comparison),
    "break": _View(ViewEntry("Break it", "tune"), render_break_it),
    "push": _View(ViewEntry("A small push", "touch_app"), render_small_push),
}


def pick_view() -> PredictView:
    """Show the page's title and the view switch; return the view in the address."""
    return render_title_and_views(
        "Predict",
        {name: view.entry for name, view in _VIEWS.items()},
        key="predict-view",
        problem=lambda word: (
            f"Predict has no view {word}, so the prediction is shown. Choose from "
            f"{', '.join(_VIEWS)}."
        ),
        forget=(),
    )


def render_predictions(network: ChosenNetwork, view: PredictView) -> str:
    """Render the image inputs and the view; return the title of the picture shown."""
    info = find_dataset(network.run.experiment.data.dataset)
    is_prediction = view == "prediction"
    picture = None
    with render_errors(), _place_for_inputs(in_full=is_prediction):
        st.markdown(
            f"This network knows {len(network.names)} classes and must choose one of them, "
            "whatever an image shows: an image of anything else gets one of their names, too."
        )
        picture = _choose_picture(network, info)
    if picture is None:
        return ""
    with render_errors():
        model = cache.trained_model(network.run, network.weights)
        predictions = model.probabilities(picture.pixels[None])[0]
        render_prediction(picture, network, predictions, compact=not is_prediction)
        with render_errors():
            _VIEWS[view].render(picture, network)
    return picture.name


def _place_for_inputs(*, in_full: bool) -> DeltaGenerator:
    """Return where the picture is chosen; views other than the prediction need the room."""
    if in_full:
        return st.container()
    is_chosen = "image" in st.query_params or has_files()
    return st.expander("The picture", icon=":material/image_search:", expanded=not is_chosen)


def _choose_picture(network: ChosenNetwork, info: DatasetInfo) -> ChosenPicture | None:
    """Render the inputs and return the picture: one of the data set in the address, else a file."""
    run = network.run
    has_images = not render_data_problem(run)
    if not may_make():
        return _choose_example(network) if has_images else None
    own, others = st.columns([3, 2], gap="large")
    with own:
        way = _pick_way()
        files = render_uploader() if way == "file" else []
        if way == "camera":
            render_camera()
    # Beside the camera, so that the prediction is in sight, too.
    with own if way == "file" else others:
        options = pick_fit_options(info)
        if has_images:
            with render_errors():
                render_image_choice(run)
    example = None
    if has_images:
        if way == "file":
            with others, render_errors():
                st.markdown("No file at hand? Click a test image:")
                render_examples(run)
        with render_errors():
            example = example_in_address(run)
    if way == "camera":
        own_picture = camera_shot(info, options, network) if example is None else None
    else:
        # The newest first: users wait for it.
        read = read_files(files[::-1], info, run.experiment.architecture.input_shape)
        own_picture = choose_file(read, options, network, chosen=example is None)
    return own_picture if example is None else chosen_example(example, network.names)


def _choose_example(network: ChosenNetwork) -> ChosenPicture | None:
    """Render the images of the data set, which are all that a viewer chooses from."""
    with render_errors():
        render_image_choice(network.run)
    with render_errors():
        render_examples(network.run)
    example = None
    with render_errors():
        example = example_in_address(network.run)
    return None if example is None else chosen_example(example, network.names)


def _pick_way() -> Literal["file", "camera"]:
    return render_choice(
        "from",
        "Your picture",
        _WAYS,
        key="predict-from",
        hint=None,
        label_visibility="collapsed",
        problem=lambda word: f"Pictures cannot come from {word}. Use file or camera.",
    )
