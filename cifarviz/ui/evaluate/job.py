"""One evaluation a checkpoint for all sessions of this server, and waiting for it."""

from functools import partial

import streamlit as st

from cifarviz.analysis.evaluation import Evaluation
from cifarviz.analysis.evaluation_job import EvaluationJob
from cifarviz.data.image_set import Dataset
from cifarviz.datasets.info import Variant
from cifarviz.runs.artifacts import FolderArtifacts, Stamp
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import Weights
from cifarviz.runs.stored_probabilities import (
    checkpoint_stamp,
    keep_probabilities,
    read_probabilities,
)
from cifarviz.settings import Settings
from cifarviz.ui import cache
from cifarviz.ui.address import escaped
from cifarviz.ui.class_names import address_names
from cifarviz.ui.unbroken import unbroken

# Seconds an evaluation may take before anything is said of it, and between two checks of it.
_UNSAID = 0.3
POLL_SECONDS = 0.15


def evaluation_job(run: Run, which: Weights, data: Dataset) -> EvaluationJob:
    """The evaluation of weights on the test images of ``data``, their run's data or the sample.

    It is begun at the first look and shared from then on. Answers of a checkpoint about the run's
    own data that were kept on disk are used where they are those of this very checkpoint, and new
    ones are kept; those of a snapshot's weights only as long as the server runs. Raises
    ``ArtifactMissing`` and ``ArtifactDamaged``.
    """
    # Before the weights are read: a checkpoint replaced in between is then measured again.
    stamp = checkpoint_stamp(cache.store().folder(run.id), which)
    return _job(run.id, which, cache.settings(), stamp, data.variant, run, data)


@st.cache_resource(max_entries=64, show_spinner=False, hash_funcs={Settings: repr})
def _job(
    run_id: str,
    which: Weights,
    settings: Settings,
    stamp: Stamp,
    variant: Variant,
    _run: Run,
    _data: Dataset,
) -> EvaluationJob:
    folder = cache.store().folder(run_id)
    # Shared by sessions of all languages: each page names the classes itself.
    test, classes = _data.test, address_names(_data.info)
    # Beside others in an ensemble a run on the full set may be asked about the sample's images:
    # that must not push out what it said about its own.
    own = variant == _run.experiment.data.variant
    keep = None
    if own and not isinstance(which, int):
        kept = read_probabilities(folder, which, stamp, test, len(classes))
        if kept is not None:
            return EvaluationJob(lambda tell: kept, test, classes)
        keep = partial(keep_probabilities, FolderArtifacts(folder), which, stamp, test)
    model = cache.trained_model(_run, which)
    return EvaluationJob(
        lambda tell: model.predictions(test.images, on_progress=tell), test, classes, keep=keep
    )


def wait_for(job: EvaluationJob, who: str = "The network") -> Evaluation | None:
    """Show how far ``job`` is until it is over; ``None`` if it was stopped, which is said then.

    Raises what the job met with. A click elsewhere on the page ends the waiting, not the work.
    """
    if not job.wait(_UNSAID):
        place = st.empty()
        with place.container():
            bar = st.progress(0.0)
            st.button(
                "Stop",
                key=f"stop-evaluation-{who}",
                icon=":material/stop:",
                on_click=unbroken(job.cancel),
                help="End the evaluation; nothing of it is kept.",
            )
        while not job.wait(POLL_SECONDS):
            bar.progress(job.done / job.total, text=_words(job, who))
        place.empty()
    evaluation = job.result()
    if evaluation is None:
        st.info("The evaluation was stopped.", icon=":material/info:")
        st.button(
            "Evaluate", type="primary", icon=":material/play_arrow:", on_click=unbroken(job.start)
        )
    elif job.note:
        st.warning(escaped(job.note), icon=":material/warning:")
    return evaluation


def _words(job: EvaluationJob, who: str) -> str:
    words = f"{who} looks at the test images: {job.done:,} of {job.total:,}"
    left = job.seconds_left
    return words if left is None else f"{words}, about {max(1, round(left))} s left"
