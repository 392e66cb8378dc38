"""One evaluation a checkpoint for all sessions of this server, and waiting for it."""

from functools import partial

import streamlit as st

from cifarviz.analysis.evaluation import Evaluation
from cifarviz.analysis.evaluation_job import EvaluationJob
from cifarviz.analysis.stored_probabilities import (
    Stamp,
    checkpoint_stamp,
    keep_probabilities,
    read_probabilities,
)
from cifarviz.data.datasets import Dataset
from cifarviz.runs.artifacts import Checkpoint
from cifarviz.runs.records import Run
from cifarviz.settings import Settings
from cifarviz.ui import cache

# Seconds an evaluation may take before anything is said of it, and between two looks.
_UNSAID = 0.3
_LOOK = 0.15


def evaluation_job(run: Run, which: Checkpoint, data: Dataset) -> EvaluationJob:
    """The evaluation of a checkpoint on the test images of ``data``, its run's own data.

    It is begun at the first look and shared from then on; answers that were kept on disk are used
    where they are those of this very checkpoint. Raises ``ArtifactMissing`` and
    ``ArtifactDamaged``.
    """
    # Before the weights are read: a checkpoint replaced in between is then measured again.
    stamp = checkpoint_stamp(cache.store().folder(run.id), which)
    return _job(run.id, which, cache.settings(), stamp, run, data)


@st.cache_resource(max_entries=8, show_spinner=False, hash_funcs={Settings: repr})
def _job(
    run_id: str, which: Checkpoint, settings: Settings, stamp: Stamp, _run: Run, _data: Dataset
) -> EvaluationJob:
    folder = cache.store().folder(run_id)
    test, classes = _data.test, _data.info.classes
    kept = read_probabilities(folder, which, stamp, test, len(classes))
    if kept is not None:
        return EvaluationJob(lambda tell: kept, test, classes)
    model = cache.trained_model(_run, which)
    return EvaluationJob(
        lambda tell: model.probabilities(test.images, on_progress=tell),
        test,
        classes,
        keep=partial(keep_probabilities, folder, which, stamp, test),
    )


def wait_for(job: EvaluationJob) -> Evaluation | None:
    """Show how far ``job`` is until it is over; ``None`` if it was stopped, which is said then.

    Raises what the job met with. A click elsewhere on the page ends the waiting, not the work.
    """
    if not job.wait(_UNSAID):
        place = st.empty()
        with place.container():
            bar = st.progress(0.0)
            st.button(
                "Stop",
                icon=":material/stop:",
                on_click=job.cancel,
                help="End the evaluation; nothing of it is kept.",
            )
        while not job.wait(_LOOK):
            bar.progress(job.done / job.total, text=_words(job))
        place.empty()
    evaluation = job.result()
    if evaluation is None:
        st.info("The evaluation was stopped.", icon=":material/info:")
        st.button("Evaluate", type="primary", icon=":material/play_arrow:", on_click=job.start)
    elif job.note:
        st.warning(job.note, icon=":material/warning:")
    return evaluation


def _words(job: EvaluationJob) -> str:
    words = f"The network looks at the test images: {job.done:,} of {job.total:,}"
    left = job.seconds_left
    return words if left is None else f"{words}, about {max(1, round(left))} s left"
