"""A button that downloads a table as CSV."""

from collections.abc import Callable

import pandas as pd
import streamlit as st

from cifarviz.escaping import safe_file_name
from cifarviz.export.files import csv_file


def csv_button(label: str, table: Callable[[], pd.DataFrame], name: str, hint: str) -> None:
    """Show a button that downloads ``table()`` as ``name.csv``, its index as first column."""
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
