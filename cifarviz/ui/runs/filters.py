"""Which runs the table shows, and in what order; the address holds the choices."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from math import inf
from types import MappingProxyType

import streamlit as st

from cifarviz.datasets.registry import all_datasets
from cifarviz.experiment.presets import PRESETS
from cifarviz.runs.records import Run
from cifarviz.runs.states import RunState
from cifarviz.ui.query import (
    render_choice,
    same_text,
    update_query_params,
    widget_key,
    widget_value,
)
from cifarviz.ui.runs.rows import planned
from cifarviz.ui.unbroken import unbroken

ANY = "any"
# With fewer there is nothing to look for.
_FEWEST = 2
_LONGEST = 100

_SORTS: Mapping[str, tuple[str, Callable[[Run], float | str]]] = MappingProxyType(
    {
        "newest": ("Newest first", lambda run: -run.created),
        "oldest": ("Oldest first", lambda run: run.created),
        "name": ("Name", lambda run: run.name.casefold()),
        "accuracy": ("Highest accuracy", lambda run: -(run.best_val_accuracy or -inf)),
        "loss": ("Lowest loss", lambda run: inf if run.best_loss is None else run.best_loss),
        "epochs": ("Most epochs", lambda run: -run.epochs_done),
        "time": ("Longest", lambda run: -run.seconds),
        "size": ("Largest network", lambda run: -(planned(run).parameters or 0)),
    }
)


@dataclass(frozen=True)
class RunFilter:
    """What a run has to be to be listed; ``ANY`` and an empty text ask for nothing."""

    text: str = ""
    state: str = ANY
    preset: str = ANY
    data: str = ANY
    starred: bool = False
    sort: str = "newest"

    def listed(self, runs: Sequence[Run]) -> list[Run]:
        """Those of ``runs`` that are listed, in their order."""
        return sorted(filter(self._fits, runs), key=_SORTS[self.sort][1])

    def _fits(self, run: Run) -> bool:
        plan = planned(run)
        said = f"{run.name} {run.remark or ''} {run.id} {plan.network} {plan.data}".casefold()
        return (
            all(word in said for word in self.text.casefold().split())
            and self.state in (ANY, None if run.damage else run.state)
            and self.preset in (ANY, plan.preset or "own")
            and self.data in (ANY, plan.source)
            and (run.starred or not self.starred)
        )


def filter_row(runs: Sequence[Run]) -> RunFilter:
    """Show what the list can be narrowed down by, where there is a list or the address asks."""
    asked = any(field.name in st.query_params for field in fields(RunFilter))
    if len(runs) < _FEWEST and not asked:
        return RunFilter()
    widths = [5, 3, 3, 4, 3, 3]
    find, state_at, preset, data, starred, sort = st.columns(widths, vertical_alignment="bottom")
    with find:
        text = _text()
    with state_at:
        states = {ANY: "Any", **{str(one): str(one).capitalize() for one in RunState}}
        wanted_state = _menu("state", "State", states, "Where a run is in its life.")
    with preset:
        presets = {ANY: "Any", **{name: name for name in PRESETS}, "own": "None"}
        hint = "The published experiment a run started from."
        wanted_preset = _menu("preset", "Preset", presets, hint)
    with data:
        sources = {ANY: "Any"} | {
            f"{info.name}-{variant}": f"{info.title} {variant}"
            for info in all_datasets()
            for variant in info.variants
        }
        wanted_data = _menu("data", "Data", sources, "The images a run learned from.")
    with starred:
        only = {"all": "All", "1": "Starred"}
        stars = _menu("starred", "Stars", only, "Whether only runs with a star are listed.")
    with sort:
        sorts = {name: words for name, (words, _) in _SORTS.items()}
        order = _menu("sort", "Order", sorts, "What comes first in the list.")
    return RunFilter(text, wanted_state, wanted_preset, wanted_data, stars == "1", order)


def _menu(name: str, label: str, options: Mapping[str, str], hint: str) -> str:
    return render_choice(
        name,
        label,
        options,
        key=f"runs-{name}",
        hint=hint,
        problem=lambda word: f"The list of runs knows no {label.lower()} {word}: all are shown.",
        menu=True,
    )


def _text() -> str:
    wanted = (st.query_params.get("find") or "")[:_LONGEST]
    st.text_input(
        "Find",
        wanted,
        key=widget_key("runs-find", wanted, same_text),
        placeholder="Name, note or id",
        max_chars=_LONGEST,
        autocomplete="off",
        on_change=unbroken(_found),
        help="Lists the runs that have all these words in their name, note, id or network.",
    )
    return wanted


def _found() -> None:
    update_query_params(find=widget_value("runs-find").strip() or None)
