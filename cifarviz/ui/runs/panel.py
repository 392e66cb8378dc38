"""The Runs page: filters, table and the selected runs."""

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from math import inf
from types import MappingProxyType
from typing import Any

import streamlit as st

from cifarviz.analysis.overfitting import judge_run
from cifarviz.datasets.registry import all_datasets
from cifarviz.experiment.presets import PRESETS
from cifarviz.installation import program_name
from cifarviz.live.feeds import ACTIVE, active_mark
from cifarviz.live.items import join_names
from cifarviz.live.queue_items import active_items
from cifarviz.people.person import is_teacher, may_make
from cifarviz.runs.archive import IMPORTED, unpack
from cifarviz.runs.records import Run
from cifarviz.runs.states import RunState
from cifarviz.training.queue_estimate import queue_estimator
from cifarviz.ui import cache, state
from cifarviz.ui.address import escaped, quoted
from cifarviz.ui.cluster import render_cluster
from cifarviz.ui.components.live import Live
from cifarviz.ui.components.live_items import live_items
from cifarviz.ui.data_problem import render_data_problems, render_unlisted_runs
from cifarviz.ui.errors import render_errors
from cifarviz.ui.metrics import render_loss_note
from cifarviz.ui.navigation import go_to
from cifarviz.ui.pickers import distinct_names, format_owners, render_restore_button
from cifarviz.ui.progress_bar import render_progress
from cifarviz.ui.query import (
    render_choice,
    same_items,
    same_text,
    update_query_params,
    widget_key,
    widget_value,
)
from cifarviz.ui.runs import rows as runs_rows
from cifarviz.ui.runs.actions import render_actions
from cifarviz.ui.runs.comparison import render_curves, render_differences, render_fits
from cifarviz.ui.runs.fork import open_dialog
from cifarviz.ui.runs.rows import (
    format_short_row,
    list_columns,
    render_fit,
    run_plan,
    weights_gap,
)
from cifarviz.ui.server_paths import is_local_browser
from cifarviz.ui.upload_sizes import MAX_ARCHIVE_MB

ANY = "any"

# With fewer runs, filters are not shown.
_FEWEST = 2
_LONGEST = 100
_SORTS: Mapping[str, tuple[str, Callable[[Run], float | str]]] = MappingProxyType(
    {
        "newest": ("Newest first", lambda run: -run.created),
        "oldest": ("Oldest first", lambda run: run.created),
        "name": ("Name", lambda run: run.name.casefold()),
        # As the table shows it.
        "accuracy": ("Highest accuracy", lambda run: -(run.best_epoch_val_accuracy or -inf)),
        "loss": ("Lowest loss", lambda run: inf if run.best_loss is None else run.best_loss),
        "epochs": ("Most epochs", lambda run: -run.epochs_done),
        "time": ("Longest training", lambda run: -run.seconds),
        "size": ("Largest network", lambda run: -(run_plan(run).parameters or 0)),
    }
)


@dataclass(frozen=True)
class RunFilter:
    """Filters and order of the list; ``ANY`` and an empty text match every run."""

    text: str = ""
    state: str = ANY
    preset: str = ANY
    data: str = ANY
    starred: bool = False
    sort: str = "newest"

    def listed(self, runs: Sequence[Run]) -> list[Run]:
        """Return the matching runs, sorted."""
        return sorted(filter(self._fits, runs), key=_SORTS[self.sort][1])

    def _fits(self, run: Run) -> bool:
        plan = run_plan(run)
        text = f"{run.name} {run.remark or ''} {run.id} {plan.network} {plan.data}".casefold()
        return (
            all(word in text for word in self.text.casefold().split())
            and self.state in (ANY, None if run.damage else run.state)
            and self.preset in (ANY, plan.preset or "own")
            and self.data in (ANY, plan.source)
            and (run.starred or not self.starred)
        )


_ROW_HEIGHT = 35
_MOST_ROWS = 15

# The short list has no scroll bar of its own.
_SHORT_LIST_KEY = "runs-short"
_MOST_SHORT_ROWS = 20

# How many unknown runs of the address are named.
_MOST_NAMED = 5


def render_runs_page() -> None:
    """Show the list of runs, and the selected runs below.

    The address holds the ids of the selected runs as ``runs``.
    """
    runs = cache.store().all()
    chosen = _selected_runs(runs)
    render_unlisted_runs()
    if not runs:
        _render_no_runs()
        return
    st.markdown(
        "Each row is a run: one network with its settings, and how well it did on images it did "
        "not learn from."
    )
    _render_active_runs()
    render_cluster()
    chosen_filter = render_filters(runs)
    listed = chosen_filter.listed(runs)
    if not listed:
        st.info("No runs match these filters.", icon=":material/filter_alt_off:")
    else:
        # A key, because there are other tables below.
        ordered = _linked_runs_first(listed)
        with st.container(key="runs-list"):
            _render_table(ordered, chosen)
        with st.container(key="runs-short-list"):
            _render_short_list(ordered, chosen)
        if chosen_filter.sort == "loss":
            render_loss_note((run.name, run) for run in listed if run.best_loss is not None)
    hidden = [run for run in chosen if run not in listed]
    if hidden:
        st.caption(
            escaped(
                f"Selected, but hidden by the filters: {join_names([run.name for run in hidden])}."
            )
        )
    for run in runs:
        if run.damage is not None:
            st.warning(escaped(f"“{run.name}” ({run.id}): {run.damage}"), icon=":material/warning:")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(_format_disk_use(runs), width="content")
        render_import_button()
        render_restore_button()
    if not chosen:
        st.info(
            "Tick a run to open, rename or delete it; tick several to compare their curves."
            if may_make()
            else "Tick a run to open it; tick several to compare their curves.",
            icon=":material/info:",
        )
        if listed:
            newest = max(listed, key=lambda run: run.created)
            st.button(
                f"Select the newest: {quoted(newest.name)}",
                type="primary",
                icon=":material/check_box:",
                on_click=update_query_params,
                kwargs={"runs": newest.id},
            )
        return
    histories = cache.store().histories([run.id for run in chosen])
    fits = {run.id: judge_run(run, histories[run.id]) for run in chosen}
    render_actions(chosen, fits)
    render_data_problems(chosen)
    with render_errors():
        st.markdown(_describe(chosen))
        only = chosen[0]
        if len(chosen) == 1 and only.best_epoch is not None and not only.state.active:
            render_fit(only, fits[only.id], weights_gap(only, histories[only.id]))
        # The oldest first, as in the Lab, so that runs have the same colours there.
        sound = [run for run in chosen if run.damage is None]
        compared = sorted(sound, key=lambda run: run.created)
        if not compared:
            return
        render_curves(compared, histories, fits)
        if len(compared) > 1:
            render_fits(compared, histories, fits)
            render_differences(compared)


def _describe(chosen: Sequence[Run]) -> str:
    """What is shown of the selected runs, Markdown."""
    if len(chosen) == 1:
        return f"The curves and the verdict of {quoted(chosen[0].name)}:"
    return f"The curves of {len(chosen)} runs over each other, and their differences:"


def _render_active_runs() -> None:
    """Show how long the queue takes, and the progress of each active run."""
    store = cache.store()
    active = store.active()
    live_items(
        active_items(active, queue_estimator(store).estimate(active)),
        key="runs-under-way",
        live=Live(ACTIVE, active_mark(active)),
    )


def _selected_runs(runs: Sequence[Run]) -> list[Run]:
    """Return the selected runs, newest first; shows an error for unknown ids."""
    wanted = list(dict.fromkeys(filter(None, _selected_ids().split(","))))
    known = {run.id for run in runs}
    if unknown := [run_id for run_id in wanted if run_id not in known]:
        st.error(_format_unknown_runs(unknown), icon=":material/error:")
    return [run for run in runs if run.id in wanted]


def _format_unknown_runs(unknown: Sequence[str]) -> str:
    names = [quoted(run_id) for run_id in unknown[:_MOST_NAMED]]
    if more := len(unknown) - len(names):
        names.append(f"{more} more")
    template = (
        "There is no run {names} here." if len(unknown) == 1 else "There are no runs {names} here."
    )
    return template.format(names=", ".join(names))


def _render_table(runs: Sequence[Run], chosen: Sequence[Run]) -> None:
    ids = [run.id for run in runs]
    picked = {run.id for run in chosen}
    ticked = [row for row, run_id in enumerate(ids) if run_id in picked]
    # The browser stores the selection by row, so other rows need another key.
    name = f"runs-{hashlib.blake2b(','.join(ids).encode(), digest_size=6).hexdigest()}"
    rows = runs_rows.runs_table(runs)
    if is_teacher() and (whose := format_owners(runs)):
        rows.insert(2, "Person", [whose.get(run.id, "") for run in runs])
    st.dataframe(
        rows,
        key=widget_key(name, ticked, _same_rows),
        hide_index=True,
        height=_ROW_HEIGHT * (min(len(runs), _MOST_ROWS) + 1) + 3,
        row_height=_ROW_HEIGHT,
        placeholder="",
        on_select=lambda: _select_runs(
            [ids[row] for row in widget_value(name)["selection"]["rows"]], ids, picked
        ),
        selection_mode="multi-row",
        selection_default={"selection": {"rows": ticked}},
        column_config=list_columns(rows),
    )


def _render_short_list(runs: Sequence[Run], chosen: Sequence[Run]) -> None:
    """Show name, state and accuracy of each run, to select it where the table is too wide.

    The style sheet shows either this list or the table.
    """
    picked = {run.id for run in chosen}
    # The selected ones before others, in the order of the table.
    first = sorted((run.id for run in runs), key=lambda run_id: run_id not in picked)
    listed = set(first[:_MOST_SHORT_ROWS])
    shown = {run.id: run for run in runs if run.id in listed}
    # Streamlit takes options with equal labels for one.
    names = distinct_names(list(shown.values()), marked=False)
    ticked = [run_id for run_id in shown if run_id in picked]
    key = widget_key(_SHORT_LIST_KEY, ticked, same_items)
    st.pills(
        "Runs",
        list(shown),
        selection_mode="multi",
        default=ticked,
        format_func=lambda run_id: format_short_row(shown[run_id], names[run_id]),
        key=key,
        on_change=lambda: _select_in_short_list(key, ticked, list(shown), picked),
    )
    if more := len(runs) - len(shown):
        st.caption(f"{more:,} more. Find them by their names, or filter the list.")


def _select_in_short_list(
    key: str, ticked: Sequence[str], listed: Collection[str], before: Collection[str]
) -> None:
    # A widget that was replaced meanwhile reports its default as if it had been chosen.
    if not same_items(selected := state.get(key), ticked):
        _select_runs(selected, listed, before)


def _linked_runs_first(listed: Sequence[Run]) -> list[Run]:
    """Put runs selected by a link first, if they would be out of sight."""
    # Not runs ticked by hand, which would move away from the pointer.
    linked = set(state.ticked_runs().linked.split(","))
    if not any(run.id in linked for run in listed[_MOST_ROWS:]):
        return list(listed)
    st.caption("The runs selected by the link come first.")
    return sorted(listed, key=lambda run: run.id not in linked)


def _selected_ids() -> str:
    """Return the ids of the selected runs, separated by commas as in the address."""
    address = st.query_params
    # Other pages call their run "run", and links to this page may, too.
    if (alone := address.get("run")) is not None:
        selected = [*address.get("runs", "").split(","), alone]
        update_query_params(runs=",".join(filter(None, selected)), run=None)
    ticked = state.ticked_runs()
    if address.get("runs", "") != ticked.ids:
        ticked.ids = ticked.linked = address.get("runs", "")
    return ticked.ids


def _same_rows(selected: Mapping[str, Any], rows: Sequence[int]) -> bool:
    return set(selected["selection"]["rows"]) == set(rows)


def _select_runs(selected: Sequence[str], listed: Collection[str], before: Collection[str]) -> None:
    # Runs hidden by the filters stay selected.
    hidden = [run_id for run_id in before if run_id not in listed]
    ticked = state.ticked_runs()
    ticked.ids = ",".join([*selected, *hidden])
    update_query_params(runs=ticked.ids or None)


def _format_disk_use(runs: Sequence[Run]) -> str:
    store = cache.store()
    size = sum(runs_rows.folder_bytes(store.folder(run.id)) for run in runs)
    template = "1 run uses {size:,.0f} MB" if len(runs) == 1 else "{runs:,} runs use {size:,.0f} MB"
    if is_local_browser():
        template += " in {home}"
    return template.format(runs=len(runs), size=size / 1e6, home=cache.settings().home)


def _render_no_runs() -> None:
    if not may_make():
        st.info("No run is shown here yet.", icon=":material/info:")
        return
    st.info(
        "No network has been trained here yet. Each training is saved as a run with its curves and "
        "weights, and listed here.",
        icon=":material/info:",
    )
    with st.container(horizontal=True):
        if st.button("Train a network", type="primary", icon=":material/model_training:"):
            go_to("train")
        render_import_button()
        render_restore_button()


def render_filters(runs: Sequence[Run]) -> RunFilter:
    """Show the filters, if there are several runs or filters in the address."""
    is_filtered = any(field.name in st.query_params for field in fields(RunFilter))
    if len(runs) < _FEWEST and not is_filtered:
        return RunFilter()
    widths = [5, 3, 3, 4, 3, 3]
    with st.container(key="runs-filters"):
        columns = st.columns(widths, vertical_alignment="bottom")
    find, state_at, preset, data, starred, sort = columns
    with find:
        text = _render_search()
    with state_at:
        states = {ANY: "Any", **{str(state): str(state).capitalize() for state in RunState}}
        wanted_state = _render_menu("state", "State", states, "The state of the run.")
    with preset:
        presets = {ANY: "Any", **{name: name for name in PRESETS}, "own": "None"}
        hint = "The preset the run started from."
        wanted_preset = _render_menu("preset", "Preset", presets, hint)
    with data:
        sources = {ANY: "Any"} | {
            f"{info.name}-{variant}": f"{info.title} {variant}"
            for info in all_datasets()
            for variant in info.variants
        }
        wanted_data = _render_menu("data", "Data", sources, "The images the run trained on.")
    with starred:
        only = {"all": "All", "1": "Starred"}
        stars = _render_menu("starred", "Stars", only, "List all runs, or only starred runs.")
    with sort:
        sorts = {name: label for name, (label, _) in _SORTS.items()}
        order = _render_menu("sort", "Order", sorts, "Which runs come first.")
    return RunFilter(text, wanted_state, wanted_preset, wanted_data, stars == "1", order)


def _render_menu(name: str, label: str, options: Mapping[str, str], hint: str) -> str:
    return render_choice(
        name,
        label,
        options,
        key=f"runs-{name}",
        hint=hint,
        problem=lambda word: f"Unknown {label.lower()} {word}: the filter is ignored.",
        menu=True,
    )


def _render_search() -> str:
    wanted = (st.query_params.get("find") or "")[:_LONGEST]
    st.text_input(
        "Find",
        wanted,
        key=widget_key("runs-find", wanted, same_text),
        placeholder="Name, note or id",
        max_chars=_LONGEST,
        autocomplete="off",
        on_change=_search,
        help="Finds runs with all these words in their name, note, id, network or data.",
    )
    return wanted


def _search() -> None:
    update_query_params(find=widget_value("runs-find").strip() or None)


def render_import_button() -> None:
    """Show a button that opens the import dialog; nothing for viewers."""
    if may_make() and st.button(
        "Import a run",
        icon=":material/upload:",
        key="import-run",
        help="Adds a run that another cifarviz exported as a .zip file.",
    ):
        open_dialog("Import a run", _render_import_form)


def _render_import_form() -> None:
    file = st.file_uploader(
        "The packed run",
        key="import-run-file",
        max_upload_size=MAX_ARCHIVE_MB,
        help=f"A .zip made by Export on this page, or by “{program_name()} export”. It is checked, "
        "and nothing in it is executed.",
    )
    if file is None:
        st.caption(
            "Its curves, weights and saved epochs are included, and its data set if it was packed "
            "with pictures."
        )
        return
    with render_errors(), render_progress("Unpacking and checking") as report:
        run = unpack(
            cache.store(),
            file,
            origin=IMPORTED,
            report=report,
            notify=lambda notice: st.toast(
                escaped(notice), icon=":material/photo_library:", duration="long"
            ),
        )
        update_query_params(runs=run.id)
        st.rerun()
