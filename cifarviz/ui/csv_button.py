"""A table to take away; it is put together when somebody presses the button."""

from collections.abc import Callable

import pandas as pd
import streamlit as st

from cifarviz.escaping import safe_file_name
from cifarviz.export.files import csv_file


def csv_button(label: str, table: Callable[[], pd.DataFrame], name: str, hint: str) -> None:
    """Offer ``table`` as a file called ``name`` and ``.csv``, its index as the first column."""
    st.download_button(
        label,
        lambda: csv_file(table()),
        file_name=safe_file_name(name, ".csv"),
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
        key=f"csv-{name}",
        help=hint,
    )
