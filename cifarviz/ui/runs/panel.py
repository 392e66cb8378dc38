"""The list of runs, what can be done with those chosen, and their curves."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import streamlit as st

from cifarviz.analysis.overfitting import judge_run
from cifarviz.live.feeds import ACTIVE, active_mark
from cifarviz.live.items import progress_item
from cifarviz.live.words import named, waits_for
from cifarviz.runs.records import Run
from cifarviz.ui import cache, state
from cifarviz.ui.address import escaped, quoted
from cifarviz.ui.components.live import Live
from cifarviz.ui.components.live_items import live_items
from cifarviz.ui.earlier_losses import show_earlier_losses
from cifarviz.ui.errors import errors_shown
from cifarviz.ui.fit import kept_gap, show_fit
from cifarviz.ui.navigation import go_to
from cifarviz.ui.query import update_query_params, widget_key, widget_value
from cifarviz.ui.recorded_run import bring_back_button
from cifarviz.ui.runs import rows as runs_rows
from cifarviz.ui.runs.actions import show_actions
from cifarviz.ui.runs.chart import show_curves
from cifarviz.ui.runs.columns import list_columns
from cifarviz.ui.runs.comparison import show_differences, show_fits
from cifarviz.ui.runs.filters import filter_row
from cifarviz.ui.runs.import_run import import_button
from cifarviz.ui.unbroken import unbroken

_ROW_HEIGHT = 35
_MOST_ROWS = 15
# Of unknown runs in the address, those that are named.
_MOST_NAMED = 5


def show_runs() -> None:
    """Show everything about the runs; those under way move by themselves.

    The address holds the ids of those chosen, as ``runs``.
    """
    runs = cache.store().all()
    chosen = _chosen(runs)
    if not runs:
        _nothing_yet()
        return
    _under_way()
    chosen_filter = filter_row(runs)
    listed = chosen_filter.listed(runs)
    if not listed:
        st.info("No run is all of this: ask for less above.", icon=":material/filter_alt_off:")
    else:
        # Under a name of its own: below are other tables.
        with st.container(key="runs-list"):
            _table(_linked_in_sight(listed), chosen)
        if chosen_filter.sort == "loss":
            show_earlier_losses((run.name, run) for run in listed if run.best_loss is not None)
    hidden = [run for run in chosen if run not in listed]
    if hidden:
        st.caption(escaped(f"Chosen, but not in this list: {named([run.name for run in hidden])}."))
    for run in runs:
        if run.damage is not None:
            st.warning(escaped(f"“{run.name}” ({run.id}): {run.damage}"), icon=":material/warning:")
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
        if listed:
            newest = max(listed, key=lambda run: run.created)
            st.button(
                f"Choose the newest: {quoted(newest.name)}",
                type="primary",
                icon=":material/check_box:",
                on_click=unbroken(update_query_params),
                kwargs={"runs": newest.id},
            )
        return
    histories = cache.store().histories([run.id for run in chosen])
    fits = {run.id: judge_run(run, histories[run.id]) for run in chosen}
    show_actions(chosen, fits)
    with errors_shown():
        only = chosen[0]
        if len(chosen) == 1 and only.best_epoch is not None and not only.state.active:
            show_fit(only, fits[only.id], kept_gap(only, histories[only.id]))
        # The oldest first, as the lab has them: so a run has the same colour there and here, and
        # what was changed since is said of the later ones.
        sound = [run for run in chosen if run.damage is None]
        compared = sorted(sound, key=lambda run: run.created)
        if not compared:
            return
        show_curves(compared, histories, fits)
        if len(compared) > 1:
            show_fits(compared, histories, fits)
            show_differences(compared)


def _under_way() -> None:
    """Show a line on each run under way; the list below says what the others came to."""
    active = cache.store().active()
    live_items(
        {run.id: progress_item(run, waiting=waits_for(run, active)) for run in active},
        key="runs-under-way",
        live=Live(ACTIVE, active_mark(active)),
    )


def _chosen(runs: Sequence[Run]) -> list[Run]:
    """The runs that are ticked, the newest first; says if the address names others."""
    wanted = list(dict.fromkeys(one for one in _ticked_ids().split(",") if one))
    known = {run.id for run in runs}
    if unknown := [one for one in wanted if one not in known]:
        st.error(_no_such_runs(unknown, any_here=bool(runs)), icon=":material/error:")
    return [run for run in runs if run.id in wanted]


def _no_such_runs(unknown: Sequence[str], *, any_here: bool) -> str:
    names = [quoted(one) for one in unknown[:_MOST_NAMED]]
    if more := len(unknown) - len(names):
        names.append(f"{more} more")
    words = "There is no run" if len(unknown) == 1 else "There are no runs"
    ending = "; below are those there are." if any_here else "."
    return f"{words} {', '.join(names)} here{ending}"


def _table(runs: Sequence[Run], chosen: Sequence[Run]) -> None:
    ids = [run.id for run in runs]
    picked = {run.id for run in chosen}
    ticked = [row for row, run_id in enumerate(ids) if run_id in picked]
    # The browser keeps ticks by row, so other rows make it another table.
    name = f"runs-{hashlib.blake2b(','.join(ids).encode(), digest_size=6).hexdigest()}"
    rows = runs_rows.table(runs)
    st.dataframe(
        rows,
        key=widget_key(name, ticked, _same_rows),
        hide_index=True,
        height=_ROW_HEIGHT * (min(len(runs), _MOST_ROWS) + 1) + 3,
        row_height=_ROW_HEIGHT,
        placeholder="",
        on_select=unbroken(lambda: _choose(ids, name, picked)),
        selection_mode="multi-row",
        selection_default={"selection": {"rows": ticked}},
        column_config=list_columns(rows),
    )


def _linked_in_sight(listed: Sequence[Run]) -> list[Run]:
    """Those that came ticked by a link first, if they would be further down than is seen."""
    # Not those ticked by hand: they would leave the hand.
    linked = set(state.ticked_runs().linked.split(","))
    if not any(run.id in linked for run in listed[_MOST_ROWS:]):
        return list(listed)
    st.caption("The runs that the link chooses come first.")
    return sorted(listed, key=lambda run: run.id not in linked)


def _ticked_ids() -> str:
    """The ids of those that are ticked, as the address holds them."""
    address = st.query_params
    # Other pages call the one they show "run", and so may a link to this one.
    if (alone := address.get("run")) is not None:
        named_here = [*address.get("runs", "").split(","), alone]
        update_query_params(runs=",".join(filter(None, named_here)), run=None)
    ticked = state.ticked_runs()
    if address.get("runs", "") != ticked.ids:
        ticked.ids = ticked.linked = address.get("runs", "")
    return ticked.ids


def _same_rows(selected: Mapping[str, Any], rows: Sequence[int]) -> bool:
    return set(selected["selection"]["rows"]) == set(rows)


def _choose(ids: Sequence[str], name: str, before: Collection[str]) -> None:
    # Those that the list doesn't show stay chosen.
    hidden = [one for one in before if one not in ids]
    ticked = state.ticked_runs()
    rows = widget_value(name)["selection"]["rows"]
    ticked.ids = ",".join([*(ids[row] for row in rows), *hidden])
    update_query_params(runs=ticked.ids or None)


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
            go_to("train")
        import_button()
        bring_back_button()
