"""A whole number that the address holds."""

import streamlit as st

from cifarviz.ui import state
from cifarviz.ui.address import quoted, whole_number
from cifarviz.ui.followed_address import change, show, wished
from cifarviz.ui.unbroken import unbroken


def address_number(
    name: str, label: str, usual: int, bounds: tuple[int, int], hint: str, *, key: str
) -> int:
    """Show a field for it and return the number that the address holds as ``name``.

    Where that is none, or none within ``bounds``, it is said and ``usual`` is returned.
    """
    least, most = bounds
    text = st.query_params.get(name, str(usual))
    value = whole_number(text)
    if value is None or not least <= value <= most:
        st.error(
            f"{label}: a whole number from {least:,} to {most:,}, and {quoted(text)} came; "
            f"{usual:,} is used.",
            icon=":material/error:",
        )
        value = usual
    show(key, value)
    st.number_input(
        label,
        least,
        most,
        key=key,
        help=hint,
        on_change=unbroken(_chosen),
        args=(name, key),
    )
    return value


def _chosen(name: str, key: str) -> None:
    if wished(key):
        change(**{name: str(state.get(key))})
