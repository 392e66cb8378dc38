"""The picture from the camera on Predict."""

import streamlit as st

from cifarviz.datasets.info import DatasetInfo
from cifarviz.ui import state
from cifarviz.ui.components.camera_picture import camera_picture
from cifarviz.ui.predict.example import clear_example
from cifarviz.ui.predict.picture import ChosenNetwork, ChosenPicture
from cifarviz.ui.predict.uploads import FitOptions, chosen_picture, read_image

_ID = "camera"


def render_camera() -> None:
    """Render the camera; a new picture replaces a linked image."""
    memory = state.predict_memory()
    camera_picture(key="predict-camera", number=memory.number, on_picture=_receive)
    st.caption("Only the newest picture is kept, in memory: nothing is stored on the disk.")


def camera_shot(
    info: DatasetInfo, options: FitOptions, network: ChosenNetwork
) -> ChosenPicture | None:
    """Return the newest picture from the camera, if there is one.

    Raises ``ImageUnreadable``.
    """
    memory = state.predict_memory()
    if memory.shot is None:
        return None
    shape = network.run.experiment.architecture.input_shape
    # Not cached: the next picture may come in a quarter of a second.
    image = read_image(
        _ID,
        "Picture from the camera",
        info.dark_background,
        shape,
        memory.shot,
        memory.crops.get(_ID),
    )
    return chosen_picture(image, options, "taken")


def _receive(number: int, picture: bytes) -> None:
    memory = state.predict_memory()
    memory.number, memory.shot = number, picture
    clear_example()
