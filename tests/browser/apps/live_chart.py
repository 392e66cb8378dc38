"""A chart that grows by a point a second, a matrix that answers clicks, a chart in a closed tab."""

import numpy as np
import streamlit as st

from cifarviz.figures.confusion_matrix import confusion_matrix, confusion_matrix_figure
from cifarviz.figures.history import history_curves, history_figure
from cifarviz.ui.components.chart import chart

st.title("Charts")
CLASSES = ("cat", "dog", "frog")
COUNTS = np.array([[7, 2, 1], [3, 6, 1], [0, 0, 10]])


@st.fragment(run_every=1)
def live() -> None:
    st.session_state.epochs = epochs = st.session_state.get("epochs", 4) + 1
    x = np.arange(1, epochs + 1)
    curves = history_curves("loss", epochs=x, training=2 / x, validation=1 + 0.1 * x, best_epoch=2)
    chart(history_figure(curves), key="live", description="Loss", file_name="loss")
    st.write(f"epochs: {epochs}")


if st.checkbox("Show the live chart", value=True):
    live()

clicked = chart(
    confusion_matrix_figure(confusion_matrix(CLASSES, COUNTS)),
    key="matrix",
    height=320,
    on_click=True,
    description="Confusion matrix",
)
if clicked:
    st.write(f"clicked: {clicked.point} {clicked.x} {clicked.y} {clicked.z} {clicked.customdata}")

SHADES = tuple(str(number) for number in range(8))
chart(
    confusion_matrix_figure(confusion_matrix(SHADES, np.arange(64).reshape(8, 8))),
    key="shades",
    height=500,
    description="All shades of the scale",
)

open_tab, closed_tab = st.tabs(["First", "Second"])
with closed_tab:
    chart(
        {"data": [{"y": np.array([1.0, np.nan, 3.0])}], "layout": {"height": 200}},
        key="tab",
        description="In a tab",
    )
