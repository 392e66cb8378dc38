"""A run's changes from its preset, and the preset's published results."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache

import streamlit as st

from cifarviz.experiment.changes import (
    ExperimentChange,
    changes_from_preset,
)
from cifarviz.experiment.draft import make_draft
from cifarviz.experiment.presets import PUBLISHED
from cifarviz.live.items import join_names
from cifarviz.live.run_figures import preset_of, published_figure_curves, readable_experiment
from cifarviz.runs.records import Run
from cifarviz.ui.address import escaped, quoted
from cifarviz.ui.query import update_query_params


def format_changes(runs: Sequence[Run], *, but: Collection[str] = ()) -> str:
    """Return sentences on how ``runs`` differ from the published preset; empty if none does.

    Runs with the same changes share a sentence. Values named by ``but``, such as ``seed``, are
    ignored.
    """
    found: dict[str, list[Run]] = {}
    for run in runs:
        if differences := _differences(run.experiment_json, tuple(but)):
            found.setdefault(differences, []).append(run)
    return " ".join(
        _change_template(len(changed), len(runs)).format(
            names=join_names([run.name for run in changed]), count=len(runs), changes=differences
        )
        for differences, changed in found.items()
    )


def _change_template(changed: int, runs: int) -> str:
    if runs == 1:
        return "This run changes it: {changes}."
    if changed == runs:
        return "All {count} runs change it: {changes}."
    return "{names} changes it: {changes}." if changed == 1 else "{names} change it: {changes}."


@lru_cache(maxsize=100)
def _differences(experiment_json: str, but: tuple[str, ...]) -> str:
    experiment = readable_experiment(experiment_json)
    if experiment is None or experiment.preset is None or experiment.preset not in PUBLISHED:
        return ""
    preset_changes = changes_from_preset(make_draft(experiment, experiment.preset), ignore=but)
    return " · ".join(change.text for change in preset_changes)


def is_published_shown(runs: Sequence[Run]) -> bool:
    """Return whether the address requests published curves, and ``runs`` have any."""
    on = st.query_params.get("ghost") == "1"
    return on and published_figure_curves("loss", runs) is not None


def render_published_switch(runs: Sequence[Run]) -> bool:
    """Show the switch if ``runs`` have published curves; return whether it is on."""
    requested = st.query_params.get("ghost")
    if requested not in (None, "1"):
        st.error(
            f"Unknown value {quoted(requested)} for ghost: 1 shows the published curves.",
            icon=":material/error:",
        )
    if published_figure_curves("loss", runs) is None:
        return False
    on = requested == "1"
    # A button, because a toggle's old state in the browser would undo its Back button.
    st.button(
        "Hide the published curves" if on else "Show the published curves",
        icon=":material/toggle_on:" if on else ":material/toggle_off:",
        type="tertiary",
        key="ghost",
        help="The results that the preset’s authors reported, as dashed curves up to the last "
        "epoch planned here.",
        on_click=update_query_params,
        kwargs={"ghost": None if on else "1"},
    )
    if on:
        _render_differences(runs)
    return on


def _render_differences(runs: Sequence[Run]) -> None:
    # Neither another seed nor the sample, used where the full set is missing, counts as a change.
    changed = format_changes([_as_if_on_full_set(run) for run in runs], but=("seed",))
    of_sample = [run for run in runs if run is not _as_if_on_full_set(run)]
    template = "The published curves show the unchanged preset."
    if of_sample:
        template = (
            "The published curves show the unchanged preset on the full set; {runs} trained on the "
            "embedded sample."
        )
    if changed or of_sample:
        sentence = template.format(runs=_curve_name(of_sample, runs))
        st.caption(escaped(f"{sentence} {changed}".strip()))


def _curve_name(some: Sequence[Run], runs: Sequence[Run]) -> str:
    if len(some) == len(runs):
        return "this run" if len(runs) == 1 else "these runs"
    return join_names([run.name for run in some]) if some else ""


def _as_if_on_full_set(run: Run) -> Run:
    """Return ``run`` with the preset's variant of the data; ``run`` itself if it has it."""
    experiment = readable_experiment(run.experiment_json)
    preset = None if experiment is None else preset_of(experiment)
    if (
        experiment is None
        or preset is None
        or experiment.data.variant == preset.experiment.data.variant
    ):
        return run
    data = experiment.data.model_copy(update={"variant": preset.experiment.data.variant})
    full = experiment.model_copy(update={"data": data})
    return replace(run, experiment_json=full.to_json())


@contextmanager
def render_changes(preset_changes: Sequence[ExperimentChange]) -> Iterator[None]:
    """Show the changes; elements of the ``with`` block follow in the same line."""
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        text = escaped(" · ".join(change.text for change in preset_changes))
        st.markdown(f":small[**Changes from the preset:** {text}]", width="content")
        yield
