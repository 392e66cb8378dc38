"""The list of runs, what can be done with those chosen, and their curves."""

import hashlib
import time
from collections.abc import Collection, Sequence

import streamlit as st

from cifarviz.runs.records import Run
from cifarviz.ui import cache, state
from cifarviz.ui.address import escaped, quoted
from cifarviz.ui.errors import errors_shown
from cifarviz.ui.fit import fit_of, show_fit
from cifarviz.ui.followed_address import follow
from cifarviz.ui.live.words import named
from cifarviz.ui.recorded_run import bring_back_button
from cifarviz.ui.runs import rows as runs_rows
from cifarviz.ui.runs.actions import show_actions
from cifarviz.ui.runs.chart import show_curves
from cifarviz.ui.runs.comparison import show_differences, show_fits
from cifarviz.ui.runs.dialogs import leave_for, show_dialog
from cifarviz.ui.runs.filters import filter_row
from cifarviz.ui.runs.import_run import import_button
from cifarviz.ui.unbroken import unbroken

# Seconds between two looks at the store while a run is under way, and while none is.
_LIVE, _IDLE = 1, 5
# Seconds within which the browser has surely taken over a new address.
_LAG = 2
_ROW_HEIGHT = 35
_MOST_ROWS = 15
# Pixels: the least and the most for names, an average letter, and what a cell has around its text.
_NAME_WIDTHS = 115, 475
_LETTER, _CELL_PADDING = 5.85, 18


def show_runs() -> None:
    """Show everything about the runs; it follows the store by itself.

    The address holds the ids of those chosen, as ``runs``.
    """
    in_front = show_dialog()
    live = bool(cache.store().active())
    every = None if in_front else _LIVE if live else _IDLE
    st.fragment(_show, run_every=every)(live)


def _show(live: bool) -> None:
    follow("runs")
    runs = cache.store().all()
    if any(run.state.active for run in runs) != live:
        st.rerun()
    if not runs:
        _nothing_yet()
        return
    chosen = _chosen(runs)
    listed = filter_row(runs).listed(runs)
    if not listed:
        st.info("No run is all of this: ask for less above.", icon=":material/filter_alt_off:")
    else:
        # Under a name of its own: below are other tables.
        with st.container(key="runs-list"):
            _table(listed, chosen)
    hidden = [run for run in chosen if run not in listed]
    if hidden:
        st.caption(escaped(f"Chosen, but not in this list: {named([run.name for run in hidden])}."))
    for run in runs:
        if problem := runs_rows.planned(run).problem:
            st.warning(escaped(f"“{run.name}” ({run.id}): {problem}"), icon=":material/warning:")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(_use(runs), width="content")
        import_button()
        bring_back_button()
    if not chosen:
        st.info(
            "Tick the box before a run to open, rename or delete it; tick several to compare their "
            "curves in one chart.",
            icon=":material/info:",
        )
        st.button(
            f"Choose the newest: {quoted(runs[0].name)}",
            type="primary",
            icon=":material/check_box:",
            on_click=unbroken(_choose_newest),
            args=(runs[0].id,),
        )
        return
    histories = cache.store().histories([run.id for run in chosen])
    fits = {run.id: fit_of(run, histories[run.id]) for run in chosen}
    show_actions(chosen, fits)
    with errors_shown():
        if len(chosen) == 1 and chosen[0].best_epoch is not None:
            show_fit(chosen[0], fits[chosen[0].id])
        show_curves(chosen, histories, fits)
        if len(chosen) > 1:
            show_fits(chosen, fits)
            show_differences(chosen)


def _chosen(runs: Sequence[Run]) -> list[Run]:
    """The runs that are ticked, the newest first; says if the address names others."""
    wanted = [one for one in _follow_address().split(",") if one]
    known = {run.id for run in runs}
    for one in wanted:
        if one not in known:
            st.error(
                f"There is no run {quoted(one)} here; below are those there are.",
                icon=":material/error:",
            )
            break
    return [run for run in runs if run.id in wanted]


def _table(runs: Sequence[Run], chosen: Sequence[Run]) -> None:
    ids = [run.id for run in runs]
    key = _table_key(ids)
    picked = {run.id for run in chosen}
    st.dataframe(
        runs_rows.table(runs),
        key=key,
        hide_index=True,
        height=_ROW_HEIGHT * (min(len(runs), _MOST_ROWS) + 1) + 3,
        row_height=_ROW_HEIGHT,
        placeholder="",
        on_select=unbroken(lambda: _choose(ids, key, picked)),
        selection_mode="multi-row",
        selection_default={
            "selection": {"rows": [n for n, one in enumerate(ids) if one in picked]}
        },
        column_config={
            "★": st.column_config.TextColumn(width=30, help="Runs that somebody starred."),
            "Name": st.column_config.TextColumn(width=_name_width(runs)),
            "Seed": st.column_config.NumberColumn(
                width=50, format="%d", help="Decides everything random in a run."
            ),
            "State": st.column_config.TextColumn(width=72),
            "Epochs": st.column_config.TextColumn(width=68),
            "Last accuracy": st.column_config.NumberColumn(
                width=95,
                format="%.1f%%",
                help="On the validation images after the last epoch.",
            ),
            "Best epoch": st.column_config.NumberColumn(
                width=80,
                format="%d",
                help="The epoch with the lowest validation loss, or with the highest validation "
                "accuracy where the run goes by that (of training, where nothing was held back); "
                "its weights are kept.",
            ),
            "Its accuracy": st.column_config.NumberColumn(
                width=90,
                format="%.1f%%",
                help="On the validation images after the best epoch; another epoch may have a "
                "higher one.",
            ),
            "Took": st.column_config.TextColumn(width=80, help="Time at work, pauses included."),
            "Started": st.column_config.DatetimeColumn(width=102, format="D MMM, HH:mm"),
            "Data": st.column_config.TextColumn(width=142),
            "Parameters": st.column_config.NumberColumn(width=84, format="localized"),
        },
    )


def _name_width(runs: Sequence[Run]) -> int:
    """As many pixels as the longest name takes, but so few that its results are seen beside it."""
    longest = max(len(run.name) for run in runs)
    return min(max(_NAME_WIDTHS[0], round(_LETTER * longest) + _CELL_PADDING), _NAME_WIDTHS[1])


def _follow_address() -> str:
    """The ids that are ticked. The address leads, unless it only lags behind a click."""
    ticked = state.ticked_runs()
    address = st.query_params.get("runs", "")
    # A look at the store that the browser asked for before it heard of a click still brings the
    # address of before: following it would take the click back.
    lags = state.is_kept(ticked.table) and time.time() - ticked.clicked < _LAG
    if address != ticked.ids and not lags:
        ticked.ids = ticked.linked = address
    return ticked.ids


def _table_key(ids: Sequence[str]) -> str:
    # The browser keeps ticks by row, so other rows, or ticks that came with the address (a link,
    # the browser's back button), make it another table, which starts with those ticks.
    ticked = state.ticked_runs()
    shown = ",".join([*ids, ticked.linked])
    ticked.table = f"runs-{hashlib.blake2b(shown.encode(), digest_size=6).hexdigest()}"
    return ticked.table


def _choose(ids: Sequence[str], key: str, before: Collection[str]) -> None:
    ticked = state.ticked_runs()
    # Those that the list doesn't show stay chosen.
    hidden = [one for one in before if one not in ids]
    ticked.ids = ",".join([*(ids[row] for row in state.get(key)["selection"]["rows"]), *hidden])
    ticked.clicked = time.time()
    if ticked.ids:
        st.query_params["runs"] = ticked.ids
    else:
        st.query_params.pop("runs", None)


def _choose_newest(run_id: str) -> None:
    # The ticks follow the address.
    st.query_params["runs"] = run_id


def _use(runs: Sequence[Run]) -> str:
    size = sum(runs_rows.bytes_of(cache.store().folder(run.id)) for run in runs)
    count = "1 run takes" if len(runs) == 1 else f"{len(runs):,} runs take"
    return f"{count} {size / 1e6:,.0f} MB of the disk, in {cache.settings().home}"


def _nothing_yet() -> None:
    st.info(
        "No network has been trained here yet. Each training is kept as a run, with its curves "
        "and its weights, and is listed here.",
        icon=":material/info:",
    )
    with st.container(horizontal=True):
        if st.button("Train a network", type="primary", icon=":material/model_training:"):
            leave_for("train")
        import_button()
        bring_back_button()
