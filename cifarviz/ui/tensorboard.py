"""The command that opens TensorBoard, and a check that its files can be written."""

import shlex
from dataclasses import replace
from pathlib import Path

import streamlit as st

from cifarviz.errors import StorageFull
from cifarviz.experiment.assessment import Assessment
from cifarviz.experiment.draft import Draft
from cifarviz.runs.records import Run
from cifarviz.training.tensorboard_folder import check_tensorboard_folder
from cifarviz.ui import cache
from cifarviz.ui.server_paths import is_local_browser


def tensorboard_command(folder: Path) -> str:
    """Return the shell command that shows the files in ``folder``."""
    return f"tensorboard --logdir {shlex.quote(str(folder))}"


def render_tensorboard_command(folder: Path) -> None:
    """Show the command, with a button that copies it, to whom it is of use."""
    if not is_local_browser():
        st.caption("The files are on the computer that runs cifarviz.")
        return
    st.code(tensorboard_command(folder), language="bash", wrap_lines=True)


def render_tensorboard_files(run: Run) -> None:
    """Show the command for the files of ``run``, if it has written any."""
    folder = cache.store().tensorboard_folder(run.id)
    if not folder.is_dir():
        return
    st.caption("This run’s curves and weight histograms, for TensorBoard:")
    render_tensorboard_command(folder)


def with_tensorboard_checked(draft: Draft, assessment: Assessment) -> Assessment:
    """Add a problem to ``assessment`` if the TensorBoard files cannot be written."""
    if draft.settings["tensorboard"] is not True or "tensorboard" in assessment.problems:
        return assessment
    try:
        check_tensorboard_folder(cache.settings().tensorboard_dir)
    except StorageFull as refusal:
        problems = {**assessment.problems, "tensorboard": str(refusal)}
        return replace(assessment, problems=problems, experiment=None, sizes=None)
    return assessment
