"""The last scene: the prediction for a photo from the audience."""

from collections.abc import Sequence
from contextlib import suppress

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.runtime.uploaded_file_manager import UploadedFile

from cifarviz.analysis.predictions import rank_classes
from cifarviz.data.pictures import PreparedPicture, prepare_picture
from cifarviz.data.uploads import decode
from cifarviz.errors import CalibrationImpossible
from cifarviz.escaping import html_text
from cifarviz.figures.pictures import picture_sheet
from cifarviz.figures.theme import class_color
from cifarviz.runs.artifacts import Checkpoint
from cifarviz.runs.records import Run
from cifarviz.ui import cache
from cifarviz.ui.address import quoted
from cifarviz.ui.familiarity import find_detector, judge
from cifarviz.ui.pickers import available_checkpoints, checkpoint_label
from cifarviz.ui.present.stage import Stage, picture_html, render_headline
from cifarviz.ui.query import render_choice
from cifarviz.ui.upload_sizes import MAX_PICTURE_MB

_MAX_BARS = 5
_LARGE_TEXT_CLASSES = 24
_TITLE = "What is in your photo?"
_SOURCES = {"file": "File", "camera": "Camera"}


def render_photo(stage: Stage) -> Sequence[str]:
    """Render the photo upload, and the prediction of an uploaded photo."""
    assert stage.run is not None
    run = stage.run
    checkpoints = available_checkpoints(run)
    render_headline(_TITLE)
    if not checkpoints:
        st.info(
            f"{quoted(run.name)} has no weights: it did not finish an epoch, or its files were "
            "deleted.",
            icon=":material/info:",
        )
        return ["Choose another run in the notes (N)."]
    checkpoint = checkpoints[0]
    file_column, prediction_column = st.columns([2, 3], gap="large")
    with file_column:
        file = _pick_file()
    notes: list[str] = []
    with prediction_column:
        if file is None:
            classes = "".join(
                f'<span style="border-color: {class_color(label)}">{html_text(name)}</span>'
                for label, name in enumerate(stage.names)
            )
            size_class = " many" if len(stage.names) > _LARGE_TEXT_CLASSES else ""
            st.html(
                '<p class="present-words">Show the network a photo. It only knows these '
                f'classes:</p><div class="present-known{size_class}">{classes}</div>'
            )
        else:
            prepared = _render_prediction(file, run, checkpoint, stage)
            notes = [f"Changes to the photo: {note}" for note in prepared.notes]
    height, width, _ = stage.info.image_shape
    return [
        f"Predictions by {quoted(run.name)}, {checkpoint_label(run, checkpoint)}, for the central "
        f"part of the photo in {height} × {width} pixels.",
        f"The network **always** predicts one of its {len(stage.names)} classes, even for a face "
        "or a cup. The bars are probabilities among these classes only.",
        *notes,
        "The photo is not stored: it is deleted when you remove it or leave this page.",
    ]


def photo_preview(stage: Stage) -> str:
    """What the scene shows."""
    return f"{_TITLE} A photo from the audience, by file or camera."


def _pick_file() -> UploadedFile | None:
    source = render_choice(
        "photo",
        "Photo from",
        _SOURCES,
        key="present-photo",
        hint="A file, or a photo taken now. Neither is stored.",
        problem=lambda word: f"There is no photo source {word}. Use file or camera.",
    )
    if source == "camera":
        return st.camera_input(
            "Take a photo",
            key="present-camera",
            label_visibility="collapsed",
            help="Your browser asks before it uses the camera. The photo is not stored.",
        )
    # Any type: Streamlit would raise for a wrong file extension before this page runs.
    return st.file_uploader(
        "Photo",
        key="present-file",
        max_upload_size=MAX_PICTURE_MB,
        label_visibility="collapsed",
        help="PNG, JPEG, WebP, BMP or GIF. The photo is not stored.",
    )


def _render_prediction(
    file: UploadedFile, run: Run, checkpoint: Checkpoint, stage: Stage
) -> PreparedPicture:
    # Not cached, so that nothing of the photo is kept.
    prepared = prepare_picture(
        decode(file.getvalue(), file.name),
        run.experiment.architecture.input_shape,
        dark_background=stage.info.dark_background,
    )
    pixels = prepared.pixels
    probabilities = cache.trained_model(run, checkpoint).probabilities(pixels[np.newaxis])[0]
    ranked = rank_classes(stage.names, probabilities)
    bars = "".join(
        f'<div><span>{html_text(bar.name)}</span><i><u style="width: {100 * bar.probability:.2f}%; '
        f'background: {class_color(bar.index)}"></u></i><b>{_format_percent(bar.probability)}</b>'
        "</div>"
        for bar in ranked[:_MAX_BARS]
    )
    input_html = picture_html(picture_sheet(pixels[np.newaxis], 1), "Input of the network")
    best = ranked[0]
    familiarity = _format_familiarity(run, checkpoint, pixels)
    st.html(
        f'<div class="present-photo"><figure>{input_html}<figcaption>input</figcaption></figure>'
        '<div class="prediction"><p class="present-words">Prediction: '
        f"<b>{html_text(best.name)}</b></p>{familiarity}"
        f'<div class="present-bars">{bars}</div></div></div>'
    )
    return prepared


def _format_familiarity(run: Run, checkpoint: Checkpoint, pixels: NDArray[np.uint8]) -> str:
    """The warning as HTML where the photo shows nothing the network knows, else nothing."""
    detector = None
    with suppress(CalibrationImpossible):
        detector = find_detector(run, checkpoint, key="present-unknown")
    if detector is None or not judge(run, checkpoint, detector, pixels).is_unknown:
        return ""
    return '<p class="present-unknown">This is probably nothing it knows.</p>'


def _format_percent(probability: float) -> str:
    """Whole percent as HTML; never 0% or 100%."""
    if probability < 0.005:
        return "&lt; 1%"
    return "&gt; 99%" if probability > 0.995 else f"{probability:.0%}"
