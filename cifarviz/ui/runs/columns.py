"""How wide a table's columns are, so that no cell is cut off, and what the list's columns mean."""

from collections.abc import Iterable
from typing import Any

import pandas as pd
import streamlit as st

# Pixels: an average letter, and what a cell has around its text.
_LETTER, _PADDING = 6.7, 18
# Numbers and capitals are wider than what a name is mostly made of.
_NAME_LETTER = 5.85


def width_of(
    texts: Iterable[object], *, least: int = 50, most: int = 2000, letter: float = _LETTER
) -> int:
    """Pixels that the longest of ``texts`` takes in a column, where a letter takes so many."""
    longest = max((len(str(text)) for text in texts), default=0)
    return min(max(least, round(letter * longest) + _PADDING), most)


def list_columns(rows: pd.DataFrame) -> dict[str, Any]:
    """The ``column_config`` of the list of runs, whose rows come from ``rows.table``."""

    def share(label: str, width: int, hint: str) -> Any:
        return st.column_config.NumberColumn(label, width=width, format="%.1f%%", help=hint)

    beside = st.column_config.NumberColumn(
        "±",
        width=42,
        format="%.1f",
        help="Points: with 95% confidence the accuracy on all images of the kind is within so many "
        "of the one before (half the width of Wilson's interval for this many validation images).",
    )
    return {
        "★": st.column_config.TextColumn(width=28, help="Runs that somebody starred."),
        "Name": st.column_config.TextColumn(
            # So few that the results are seen beside it.
            width=width_of(rows["Name"], least=115, most=402, letter=_NAME_LETTER)
        ),
        "Seed": st.column_config.NumberColumn(
            width=46, format="%d", help="Decides everything random in a run."
        ),
        "State": st.column_config.TextColumn(width=width_of(rows["State"], least=72, most=180)),
        "Epochs": st.column_config.TextColumn(width=width_of(rows["Epochs"], least=68)),
        "Best epoch": st.column_config.NumberColumn(
            width=80, format="%d", help="The best epoch by “Best by”; its weights are kept."
        ),
        "Accuracy at best epoch": share(
            "Best epoch acc.",
            115,
            "Accuracy on the validation images after the best epoch; another epoch may have a "
            "higher one.",
        ),
        "Best ±": beside,
        "Accuracy at last epoch": share(
            "Last epoch acc.",
            115,
            "Accuracy on the validation images after the last epoch, also where the run went back "
            "to the weights of its best.",
        ),
        "Last ±": beside,
        "Best by": st.column_config.TextColumn(
            width=width_of(rows["Best by"], least=80),
            help="What makes an epoch the best of the run, as it was set up; of training where "
            "nothing was held back.",
        ),
        "Time at work": st.column_config.TextColumn(
            width=width_of(rows["Time at work"], least=90),
            help="Over all turns of the run, pauses left out.",
        ),
        "Started": st.column_config.DatetimeColumn(width=98, format="D MMM, HH:mm"),
        "Data": st.column_config.TextColumn(width=width_of(rows["Data"], least=80)),
        "Parameters": st.column_config.NumberColumn(width=84, format="localized"),
        "Network": st.column_config.TextColumn(width=width_of(rows["Network"], least=80)),
    }
