"""The Predict page: predictions for uploaded images and images of the data set."""

import numpy as np
import streamlit as st

from cifarviz.datasets.registry import find_dataset
from cifarviz.runs.artifacts import Checkpoint
from cifarviz.runs.records import Run
from cifarviz.ui import cache
from cifarviz.ui.class_names import class_names
from cifarviz.ui.data_problem import render_data_problem
from cifarviz.ui.errors import render_errors
from cifarviz.ui.pickers import pick_checkpoint, pick_run
from cifarviz.ui.predict.example import (
    example_in_address,
    render_examples,
    render_image_choice,
    training_note,
)
from cifarviz.ui.predict.uploads import (
    ReadImage,
    pick_fit_options,
    read_files,
    render_example_card,
    render_uploader,
    render_uploads,
)
from cifarviz.ui.query import sync_query_params


def render_predictions(run: Run, checkpoint: Checkpoint) -> None:
    """Render the image inputs and the predictions."""
    info = find_dataset(run.experiment.data.dataset)
    classes = class_names(info)
    shape = run.experiment.architecture.input_shape
    st.markdown(
        f"This network knows {len(classes)} classes and must choose one of them, whatever an image "
        "shows: an image of anything else gets one of their names, too."
    )
    has_images = not render_data_problem(run)
    own, others = st.columns([3, 2], gap="large")
    with own:
        files = render_uploader()
        options = pick_fit_options(info)
        if has_images:
            with render_errors():
                render_image_choice(run)
    if has_images:
        with others, render_errors():
            st.markdown("No file at hand? Click a test image:")
            render_examples(run)
    with render_errors():
        example = example_in_address(run) if has_images else None
        if example is not None:
            probabilities = cache.trained_model(run, checkpoint).probabilities(example.pixels[None])
            note = training_note(example, run)
            render_example_card(
                example, probabilities[0], classes, note=note, run=run.id, checkpoint=checkpoint
            )
    with render_errors():
        # The newest first: users wait for it.
        read = read_files(files[::-1], info, shape)
        images = [file.prepare(options).pixels for file in read if isinstance(file, ReadImage)]
        predictions = np.empty((0, len(classes)), np.float32)
        if images:
            predictions = cache.trained_model(run, checkpoint).probabilities(np.stack(images))
        render_uploads(read, options, predictions, classes)


st.title("Predict")
sync_query_params("predict")
left, right = st.columns([3, 2])
run = checkpoint = None
with left, render_errors():
    run = pick_run()
if run is not None:
    with right, render_errors():
        checkpoint = pick_checkpoint(run)
if run is not None and checkpoint is not None:
    with render_errors():
        render_predictions(run, checkpoint)
