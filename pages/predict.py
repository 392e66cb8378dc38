"""Predict: what a network says of a person's own images, or of some to try."""

import numpy as np
import streamlit as st

from cifarviz.datasets.registry import find
from cifarviz.runs.artifacts import Checkpoint
from cifarviz.runs.records import Run
from cifarviz.ui import cache
from cifarviz.ui.class_names import class_names
from cifarviz.ui.errors import errors_shown
from cifarviz.ui.pickers import pick_checkpoint, pick_run
from cifarviz.ui.predict.example import any_image, example_in_address, examples, learned_from
from cifarviz.ui.predict.uploads import (
    ReadImage,
    example_card,
    pick_fitting,
    read_files,
    upload_answers,
    uploader,
)
from cifarviz.ui.query import sync_query_params


def predict(run: Run, which: Checkpoint) -> None:
    """Take images and show the answers to them."""
    info = find(run.experiment.data.dataset)
    classes = class_names(info)
    shape = run.experiment.architecture.input_shape
    own, others = st.columns([3, 2], gap="large")
    with own:
        files = uploader()
        fit = pick_fitting(info)
        with errors_shown():
            any_image(info, run)
    with others, errors_shown():
        st.markdown("No file at hand? Click one of these test images:")
        examples(info)
    with errors_shown():
        example = example_in_address(shape, info.name)
        if example is not None:
            given = cache.trained_model(run, which).probabilities(example.pixels[None])
            note = learned_from(example, run)
            example_card(example, given[0], classes, note=note, run=run.id, checkpoint=which)
    with errors_shown():
        # The newest first: it is what a person waits for.
        read = read_files(files[::-1], info, shape)
        images = [file.prepared(fit).pixels for file in read if isinstance(file, ReadImage)]
        answers = np.empty((0, len(classes)), np.float32)
        if images:
            answers = cache.trained_model(run, which).probabilities(np.stack(images))
        upload_answers(read, fit, answers, classes)


st.title("Predict")
sync_query_params("predict")
left, right = st.columns([3, 2])
run = which = None
with left, errors_shown():
    run = pick_run()
if run is not None:
    with right, errors_shown():
        which = pick_checkpoint(run)
if run is not None and which is not None:
    with errors_shown():
        predict(run, which)
