"""The accuracy on a sample of test images over an amount, measured in the background."""

from collections.abc import Callable, Hashable
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from cifarviz.analysis.background_job import BackgroundJob, BackgroundJobs, ReportProgress
from cifarviz.analysis.sweeps import AccuracyCurve, accuracy_sample
from cifarviz.data.image_set import ImageSet
from cifarviz.figures.amount_curves import AmountAxis, accuracy_curve_figure
from cifarviz.ui import cache
from cifarviz.ui.components.chart import chart
from cifarviz.ui.dataset_images import available_images
from cifarviz.ui.errors import render_errors
from cifarviz.ui.predict.picture import ChosenNetwork
from cifarviz.ui.weights_job import render_job, weights_key

if TYPE_CHECKING:
    from cifarviz.analysis.trained_model import TrainedModel

Measure = Callable[["TrainedModel", ImageSet, ReportProgress], AccuracyCurve]
# A result takes some hundred bytes.
_MAX_JOBS = 64


def render_accuracy(
    network: ChosenNetwork,
    what: tuple[Hashable, ...],
    measure: Measure,
    amounts: int,
    axis: AmountAxis,
) -> None:
    """Render the accuracy on test images over an amount, once it is asked for.

    ``what`` tells apart what is measured; ``amounts`` is the number of amounts. The script, or the
    fragment around this, is run again when the measurement is done.
    """
    with render_errors():
        images = accuracy_sample(available_images(network.run, "test"))
        key = _key(network, images, what)
        job = _jobs().get(key)
        curve = None
        if job is not None:
            # One that failed can be started again.
            with render_errors():
                curve = job.result()
        if curve is not None:
            chart(
                accuracy_curve_figure(curve, axis),
                key="predict-accuracy",
                view=repr(what),
                file_name="accuracy",
                description="Accuracy on test images over the amount",
            )
        elif job is None or job.over:
            create = partial(_create_job, network, images, measure, amounts)
            st.button(
                f"Measure on {len(images):,} test images",
                key="predict-accuracy-start",
                icon=":material/speed:",
                on_click=_start,
                args=(key, create),
                help="Predicts the same test images at each amount: always the same, drawn at "
                "random.",
            )
        else:
            render_job(
                job,
                "Predicting changed test images",
                key="predict-accuracy-job",
                stop_help="Stop the measurement and discard its results so far.",
            )


def _key(
    network: ChosenNetwork, images: ImageSet, what: tuple[Hashable, ...]
) -> tuple[Hashable, ...]:
    return weights_key(network.run, network.weights, images.indices.tobytes(), *what)


def _create_job(
    network: ChosenNetwork, images: ImageSet, measure: Measure, amounts: int
) -> BackgroundJob[AccuracyCurve]:
    # The thread has no access to this server's cache.
    runs = cache.store()

    def compute(report: ReportProgress) -> AccuracyCurve:
        return measure(cache.open_model(network.run, network.weights, runs), images, report)

    return BackgroundJob(compute, amounts * len(images), "cifarviz-accuracy-curve")


def _start(key: tuple[Hashable, ...], create: Callable[[], BackgroundJob[AccuracyCurve]]) -> None:
    # One that was stopped, or has failed, is there already.
    _jobs().get_or_start(key, create).start()


@st.cache_resource(show_spinner=False)
def _jobs() -> BackgroundJobs[AccuracyCurve]:
    return BackgroundJobs(_MAX_JOBS)


cache.holds_images(_jobs)
