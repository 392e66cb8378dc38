"""Figures in a row, each under the words for it.

Not st.metric: its figures are so large that they are cut off; these go on in another line.
"""

from collections.abc import Sequence
from typing import NamedTuple

import streamlit as st


class Figure(NamedTuple):
    """``value`` is Markdown; ``hint`` says in a sentence what it means; ``beside`` is small print.

    Of an accuracy that is the interval in which it lies with 95 % confidence.
    """

    label: str
    value: str
    hint: str
    beside: str = ""


def figure_row(
    figures: Sequence[Figure], *, widths: Sequence[int] | None = None, level: int = 5
) -> None:
    """Show ``figures`` beside each other, as headings of ``level``."""
    for place, (label, value, hint, beside) in zip(
        st.columns(widths or len(figures)), figures, strict=True
    ):
        with place.container(gap=None):
            st.caption(label, help=hint)
            st.markdown(f"{'#' * level} {value}")
            if beside:
                st.caption(beside)
