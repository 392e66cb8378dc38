"""Charts that grow without a run of the page, a matrix that answers clicks, a closed tab."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from cifarviz.figures.confusion_matrix import confusion_matrix, confusion_matrix_figure
from cifarviz.figures.figure_json import figure_values
from cifarviz.figures.history import HistoryCurves, history_curves, history_figure
from cifarviz.live import server
from cifarviz.live.hub import hub
from cifarviz.ui import streamlit_patches
from cifarviz.ui.components.chart import chart
from cifarviz.ui.components.live import Live

CLASSES = ("cat", "dog", "frog")
COUNTS = np.array([[7, 2, 1], [3, 6, 1], [0, 0, 12_345]])
SHADES = tuple(str(number) for number in range(8))
STEPS_PER_EPOCH = 100


class Growing:
    """A curve that is an epoch longer whenever it is looked at."""

    def __init__(self) -> None:
        self.epochs = 4

    def message(self) -> Mapping[str, Any]:
        self.epochs += 1
        return {"figures": {"loss": figure_values(self.figure())}}

    def figure(self) -> go.Figure:
        x = np.arange(1, self.epochs + 1)
        curves = history_curves(
            "loss", epochs=x, training=2 / x, validation=1 + 0.1 * x, best_epoch=2
        )
        return history_figure(curves)


@st.cache_resource(show_spinner=False)
def growing() -> Growing:
    return Growing()


def batch_losses() -> np.ndarray:
    """More batches than are drawn, two of which went wrong."""
    losses = np.random.default_rng(5).uniform(0.5, 2.5, 2500).astype(np.float32)
    losses[[40, 41]] = np.nan
    return losses


def batch_curves(losses: np.ndarray) -> HistoryCurves:
    places = np.arange(1, len(losses) + 1) / STEPS_PER_EPOCH
    return history_curves("loss", batch_epochs=places, batch_values=losses, max_points=len(losses))


def batches_message() -> Mapping[str, Any]:
    """As a run's feed has them: the points, and a chart with the first of them alone."""
    losses = batch_losses()
    curves = batch_curves(losses)
    first = replace(
        curves, batch_x=curves.batch_x[:1], batch_y=curves.batch_y[:1], trend=curves.trend[:1]
    )
    steps = np.arange(1, len(losses) + 1)
    return {
        "figures": {"loss": figure_values(history_figure(first))},
        "points": {"after": 0, "stride": 1, "steps": steps, "loss": losses, "accuracy": losses},
        "stepsPerEpoch": STEPS_PER_EPOCH,
    }


def draw_page() -> None:
    st.title("Charts")
    hub().register("growing", growing().message)
    hub().register("batches", batches_message)
    if st.checkbox("Show the live chart", value=True):
        chart(
            growing().figure(),
            key="live",
            description="Loss",
            file_name="loss",
            live=Live("growing", ""),
            live_name="loss",
        )

    clicked = chart(
        confusion_matrix_figure(confusion_matrix(CLASSES, COUNTS)),
        key="matrix",
        height=320,
        on_click=True,
        description="Confusion matrix",
    )
    if clicked:
        st.write(
            f"clicked: {clicked.point} {clicked.x} {clicked.y} {clicked.z} {clicked.customdata}"
        )

    chart(
        confusion_matrix_figure(confusion_matrix(SHADES, np.arange(64).reshape(8, 8))),
        key="shades",
        height=500,
        description="All shades of the scale",
    )

    _open_tab, closed_tab = st.tabs(["First", "Second"])
    with closed_tab:
        chart(
            {"data": [{"y": np.array([1.0, np.nan, 3.0])}], "layout": {"height": 200}},
            key="tab",
            description="In a tab",
        )
    chart({}, key="batches", description="Batches", live=Live("batches", ""), live_name="loss")


if streamlit_patches.is_page_run():
    draw_page()
else:
    app = st.App(__file__, routes=server.routes(""))
