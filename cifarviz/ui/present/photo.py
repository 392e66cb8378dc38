"""The last scene: a photo of somebody in the room."""

from collections.abc import Sequence

import numpy as np
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from cifarviz.analysis.predictions import ranking
from cifarviz.data.pictures import PreparedPicture, prepare_picture
from cifarviz.data.uploads import decode
from cifarviz.escaping import html_text
from cifarviz.figures.pictures import picture_sheet
from cifarviz.figures.theme import class_color
from cifarviz.runs.artifacts import Checkpoint
from cifarviz.runs.records import Run
from cifarviz.ui import cache
from cifarviz.ui.address import quoted
from cifarviz.ui.pickers import checkpoint_label, checkpoints_of
from cifarviz.ui.present.stage import Stage, headline, picture
from cifarviz.ui.query import render_choice

_BARS = 5
_FEW_CLASSES = 24
_SOURCES = {"file": "A file", "camera": "The camera"}


def render_photo(stage: Stage) -> Sequence[str]:
    """Ask for a photo; with one, what the network sees and what it says."""
    assert stage.run is not None
    run = stage.run
    kept = checkpoints_of(run)
    headline("And what is this?")
    if not kept:
        st.info(
            f"{quoted(run.name)} has no weights, so there is no network to ask: it did not finish "
            "an epoch, or its files were removed.",
            icon=":material/info:",
        )
        return ["Choose another run: N shows the menu."]
    which = kept[0]
    taking, answer = st.columns([2, 3], gap="large")
    with taking:
        file = _file()
    notes: list[str] = []
    with answer:
        if file is None:
            known = "".join(
                f'<span style="border-color: {class_color(label)}">{html_text(name)}</span>'
                for label, name in enumerate(stage.names)
            )
            many = " many" if len(stage.names) > _FEW_CLASSES else ""
            st.html(
                '<p class="present-words">Show the network a photo. It has learned to tell these '
                f'apart, and nothing else:</p><div class="present-known{many}">{known}</div>'
            )
        else:
            prepared = _render_prediction(file, run, which, stage)
            notes = [f"What was done to the photo: {note}" for note in prepared.notes]
    return [
        f"The answers come from {quoted(run.name)}, {checkpoint_label(run, which)}. It sees "
        f"{stage.info.image_shape[0]} × {stage.info.image_shape[1]} pixels: the square in the "
        "middle of the photo.",
        f"It **always** answers with one of its {len(stage.names)} classes, also for a face or a "
        "cup: the bars say how it divides its belief among these, not whether it has seen such a "
        "thing.",
        *notes,
        "The photo is not stored: it is forgotten when it is taken away or this page is left.",
    ]


def _file() -> UploadedFile | None:
    source = render_choice(
        "photo",
        "A photo from",
        _SOURCES,
        key="present-photo",
        hint="A file of this machine, or a picture taken now; neither is stored.",
        problem=lambda word: f"Photos come from a file or the camera, not from {word}.",
    )
    if source == "camera":
        return st.camera_input(
            "Take a photo",
            key="present-camera",
            label_visibility="collapsed",
            help="The browser asks before it uses the camera; the picture is not stored.",
        )
    # Any type: a wrong ending would make Streamlit raise before this page runs.
    return st.file_uploader(
        "A photo",
        key="present-file",
        label_visibility="collapsed",
        help="PNG, JPEG, WebP, BMP or GIF; it is not stored.",
    )


def _render_prediction(
    file: UploadedFile, run: Run, which: Checkpoint, stage: Stage
) -> PreparedPicture:
    # Read anew each time, so that nothing of it stays behind.
    prepared = prepare_picture(
        decode(file.getvalue(), file.name),
        run.experiment.architecture.input_shape,
        dark_background=stage.info.dark_background,
    )
    pixels = prepared.pixels
    given = cache.trained_model(run, which).probabilities(pixels[np.newaxis])[0]
    ranked = ranking(stage.names, given)
    bars = "".join(
        f'<div><span>{html_text(one.name)}</span><i><u style="width: {100 * one.probability:.2f}%; '
        f'background: {class_color(one.index)}"></u></i><b>{_share(one.probability)}</b></div>'
        for one in ranked[:_BARS]
    )
    seen = picture(picture_sheet(pixels[np.newaxis], 1), "What the network sees")
    best = ranked[0]
    st.html(
        f'<div class="present-photo"><figure>{seen}<figcaption>what it sees</figcaption></figure>'
        f'<div class="answer"><p class="present-words">It says: <b>{html_text(best.name)}</b></p>'
        f'<div class="present-bars">{bars}</div></div></div>'
    )
    return prepared


def _share(probability: float) -> str:
    """In whole percent, of which 0 and 100 are no answers of a network."""
    if probability < 0.005:
        return "&lt; 1%"
    return "&gt; 99%" if probability > 0.995 else f"{probability:.0%}"
