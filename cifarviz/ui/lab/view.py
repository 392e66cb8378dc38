"""One experiment of the lab: what it shows, its series, and the way to a new one."""

from collections.abc import Mapping
from types import MappingProxyType

import streamlit as st

from cifarviz.errors import RunNotFound
from cifarviz.experiment.lab.entrants import KINDS, Kind
from cifarviz.runs.series import Series, all_series, find_series
from cifarviz.ui import cache
from cifarviz.ui.address import escaped, quoted
from cifarviz.ui.errors import errors_shown
from cifarviz.ui.lab.forms import entry_form
from cifarviz.ui.lab.launch import launch
from cifarviz.ui.lab.watch import watch_series
from cifarviz.ui.navigation import link_to
from cifarviz.ui.runs.rows import in_date

_MOST_EARLIER = 6

_ABOUT: Mapping[Kind, str] = MappingProxyType(
    {
        "duel": "The same network learns the same images from the same seed, two or three times. "
        "One thing differs. Whatever comes out differently is its doing.",
        "memorisation": "Some training images get a wrong label on purpose. Nothing about these "
        "pictures speaks for it, so a network that gives it back has learned it by heart. It "
        "learns what is true of many images first: watch it see through the wrong labels, and "
        "then give in.",
        "sizes": "The same network learns from few images, then from more. With few it knows them "
        "all by heart, and little else; the gap between training and validation is what it has "
        "only memorised.",
        "cures": "One network that overfits, and what people do about it: first nothing, then "
        "one cure at a time, then all together.",
    }
)


def lab_view(kind: Kind) -> None:
    """Show the experiment; the address holds its settings, and the series that came of them."""
    st.markdown(_ABOUT[kind])
    series = _series_in_address(kind)
    if series is not None:
        watch_series(kind, series)
    with (
        st.expander("Set up another", icon=":material/tune:")
        if series is not None
        else st.container(border=True),
        errors_shown(),
    ):
        launch(entry_form(kind), again=series is not None)
    _earlier(kind, series)


def _series_in_address(kind: Kind) -> Series | None:
    wanted = st.query_params.get("series")
    if wanted is None:
        return None
    try:
        series = find_series(cache.store(), wanted)
    except RunNotFound:
        st.error(
            f"There is no series {quoted(wanted)} here: it was made in another home, or its runs "
            "were deleted. Start a new one below.",
            icon=":material/error:",
        )
        return None
    if series.kind == kind:
        return series
    there = next((one for one in KINDS if one == series.kind), None)
    st.error(
        f"The series {quoted(wanted)} is none of {KINDS[kind].lower()}.", icon=":material/error:"
    )
    if there is not None:
        link_to("lab", f"See it in {KINDS[there]}", view=there, series=series.id)
    return None


def _earlier(kind: Kind, shown: Series | None) -> None:
    others = [one for one in all_series(cache.store(), kind) if shown is None or one.id != shown.id]
    if not others:
        return
    st.markdown("##### Earlier ones")
    for one in others[:_MOST_EARLIER]:
        words = f"{escaped(one.title)}, {in_date(one.made)}"
        link_to("lab", words, ":material/history:", view=kind, series=one.id)
