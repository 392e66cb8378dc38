"""Starring runs, writing notes, and choosing which weights answer for a run."""

from collections.abc import Sequence

import streamlit as st

from cifarviz.errors import CifarvizError
from cifarviz.runs.artifacts import Checkpoint
from cifarviz.runs.curation import LONGEST_REMARK
from cifarviz.runs.records import Run
from cifarviz.ui import cache
from cifarviz.ui.address import escaped
from cifarviz.ui.errors import errors_shown
from cifarviz.ui.pickers import checkpoints_of
from cifarviz.ui.runs.dialogs import open_dialog
from cifarviz.ui.unbroken import unbroken


def star_button(runs: Sequence[Run]) -> None:
    """A star for all of ``runs``, or none where all have one."""
    all_have = all(run.starred for run in runs)
    many = "" if len(runs) == 1 else f" these {len(runs)}"
    st.button(
        f"Unstar{many}" if all_have else f"Star{many}",
        icon=":material/star:",
        key="star",
        help="A run with a star is found by it, and keeps its snapshots when room runs short.",
        on_click=unbroken(_star),
        args=([run.id for run in runs], not all_have),
    )


def note_button(run: Run) -> None:
    """A note of one's own on a run."""
    if st.button(
        "Edit note" if run.remark else "Note",
        icon=":material/sticky_note_2:",
        key="note",
        help="Writes down what you want to remember of this run; the list can be searched for it.",
    ):
        open_dialog("A note on a run", _note, run)


def answer_button(run: Run) -> None:
    """Making the best epoch the run's answer, or undoing it, where it has both weights."""
    if run.preferred == "best":
        _answer_button(
            run, None, "Use its last weights", "undo",
            "Undoes the choice: the weights it ended with are its answer again.",
        )  # fmt: skip
    elif set(checkpoints_of(run)) == {"best", "last"} and run.best_epoch != run.epochs_done:
        _answer_button(
            run, "best", f"Use epoch {run.best_epoch}", "check_circle",
            "Makes the weights of this, its best epoch, the run's answer on all pages and on the "
            "command line, wherever no others are asked for.",
        )  # fmt: skip


def _answer_button(run: Run, which: Checkpoint | None, label: str, icon: str, hint: str) -> None:
    st.button(
        label,
        icon=f":material/{icon}:",
        key="answer",
        help=hint,
        on_click=unbroken(_prefer),
        args=(run.id, which),
    )


def _star(run_ids: Sequence[str], starred: bool) -> None:
    for run_id in run_ids:
        try:
            cache.store().star(run_id, starred)
        except CifarvizError as error:
            st.toast(escaped(str(error)), icon=":material/info:")


def _prefer(run_id: str, which: Checkpoint | None) -> None:
    try:
        cache.store().prefer(run_id, which)
    except CifarvizError as error:
        st.toast(escaped(str(error)), icon=":material/info:")


def _note(run: Run) -> None:
    with st.form("note-run", border=False):
        text = st.text_area(
            "Note",
            run.remark or "",
            max_chars=LONGEST_REMARK,
            help="For yourself and whoever else looks at these runs; empty takes it away.",
        )
        if st.form_submit_button("Save", type="primary"):
            with errors_shown():
                cache.store().remark(run.id, text)
                st.rerun()
