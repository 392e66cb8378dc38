"""Many pictures on sheets that are turned; the address holds sheet and picture."""

from typing import Final, NamedTuple

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cifarviz.ui import state
from cifarviz.ui.address import quoted, whole_number
from cifarviz.ui.query import update_query_params
from cifarviz.ui.unbroken import unbroken

PICTURE: Final = ("picture", "sheet")
"""What in the address makes sense for one list of pictures only."""

_A_SHEET = 32


class Sheet(NamedTuple):
    """Some of the pictures, int64 (k,), and the place among all of them of the one looked at.

    ``number``, from 1, is which sheet of how many it is.
    """

    shown: NDArray[np.int64]
    chosen: int
    number: int
    sheets: int

    @property
    def selected(self) -> int:
        """Which of those shown is looked at."""
        return int(np.flatnonzero(self.shown == self.chosen)[0])


def sheet_in_address(places: NDArray[np.int64], indices: NDArray[np.int64]) -> Sheet:
    """The sheet of ``places`` that the address names, else that of its picture, else the first.

    ``indices`` are the official ones of all pictures, by their place. There is one at least.
    """
    sheets = -(-len(places) // _A_SHEET)
    picture = picture_in_address(indices)
    found = np.flatnonzero(indices[places] == picture) if picture is not None else places[:0]
    number = int(found[0]) // _A_SHEET + 1 if len(found) else 1
    text = st.query_params.get("sheet")
    if text is not None:
        wanted = whole_number(text)
        if wanted is None or not 1 <= wanted <= sheets:
            has = "1 sheet" if sheets == 1 else f"{sheets:,} sheets"
            st.error(
                f"These pictures fill {has}; {quoted(text)} is none of them.",
                icon=":material/error:",
            )
        else:
            number = wanted
    shown = places[(number - 1) * _A_SHEET : number * _A_SHEET]
    here = shown[indices[shown] == picture] if picture is not None else shown[:0]
    return Sheet(shown, int(here[0]) if len(here) else int(shown[0]), number, sheets)


def picture_in_address(indices: NDArray[np.int64]) -> int | None:
    """Return the official index that the address holds as ``picture``; reports an unknown one.

    ``indices`` are those of all pictures there are, whether they are shown now or not.
    """
    text = st.query_params.get("picture")
    if text is None:
        return None
    number = whole_number(text)
    if number is None or number not in indices:
        st.error(
            f"There is no picture {quoted(text)} here; the first is shown.",
            icon=":material/error:",
        )
        return None
    return number


def turn(sheet: Sheet, key: str) -> None:
    """Show the sheets there are, where there are several."""
    if sheet.sheets > 1:
        # Another key for another sheet: so it follows the address.
        key = f"{key}-{sheet.number}-{sheet.sheets}"
        st.pagination(
            sheet.sheets,
            default=sheet.number,
            key=key,
            on_change=unbroken(_turned),
            args=(key, sheet.number),
        )


def _turned(key: str, number: int) -> None:
    if state.get(key) != number:
        update_query_params(picture=None, sheet=str(state.get(key)))
