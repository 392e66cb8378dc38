"""The command that opens TensorBoard on what a run has written for it."""

import shlex
from pathlib import Path

import streamlit as st

from cifarviz.runs.records import Run
from cifarviz.ui import cache


def tensorboard_command(folder: Path) -> str:
    """What to type into a terminal to see the files in ``folder``."""
    return f"tensorboard --logdir {shlex.quote(str(folder))}"


def show_tensorboard_command(folder: Path) -> None:
    """Show the command, with a button that copies it."""
    st.code(tensorboard_command(folder), language="bash", wrap_lines=True)


def show_tensorboard_files(run: Run) -> None:
    """Show the command for the files of ``run``, if it has written any."""
    folder = cache.store().tensorboard_folder(run.id)
    if not folder.is_dir():
        return
    st.caption("TensorBoard shows the curves of this run and histograms of its weights:")
    show_tensorboard_command(folder)
