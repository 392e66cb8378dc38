"""Bringing a run from another cifarviz into this home."""

import streamlit as st

from cifarviz.installation import program_name
from cifarviz.runs.archive import IMPORTED, unpack
from cifarviz.ui import cache
from cifarviz.ui.errors import errors_shown
from cifarviz.ui.query import update_query_params
from cifarviz.ui.runs.dialogs import open_dialog

# Megabytes; a run's snapshots take a hundred unless somebody allows more.
_LARGEST = 1000


def import_button() -> None:
    """A button that opens the dialog."""
    if st.button(
        "Import a run",
        icon=":material/upload:",
        key="import-run",
        help="Add a run that was packed as one .zip file by another cifarviz.",
    ):
        open_dialog("Import a run", _import)


def _import() -> None:
    file = st.file_uploader(
        "The packed run",
        key="import-run-file",
        max_upload_size=_LARGEST,
        help="A .zip made by Take away on this page, or by "
        f"“{program_name()} export”. It is "
        "checked, and nothing in it is executed.",
    )
    if file is None:
        st.caption("Its curves, weights and all it has kept on its way come with it.")
        return
    with errors_shown(), st.spinner("Unpacking and checking it …"):
        run = unpack(cache.store(), file, origin=IMPORTED)
        update_query_params(runs=run.id)
        st.rerun()
