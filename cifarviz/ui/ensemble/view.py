"""The Ensemble view of Evaluate."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import streamlit as st

from cifarviz.analysis.ensemble import Ensemble
from cifarviz.analysis.members import Member, check_members, common_variant, vote
from cifarviz.data.image_set import Dataset
from cifarviz.datasets.info import Variant
from cifarviz.datasets.registry import find_dataset
from cifarviz.errors import DataError, ExperimentInvalid
from cifarviz.experiment.ensemble_members import MIN_MEMBERS
from cifarviz.live.feeds import active_mark
from cifarviz.live.hub import hub
from cifarviz.live.items import Item, outcome_text, progress_item
from cifarviz.live.queue_items import waiting_text
from cifarviz.people.person import may_change, may_make
from cifarviz.runs.artifacts import Checkpoint, Stamp, epoch_predictions_path
from cifarviz.runs.log_probabilities import Predictions
from cifarviz.runs.records import Run
from cifarviz.runs.run_data import check_run_data
from cifarviz.runs.states import Action, RunState
from cifarviz.runs.store import RunStore
from cifarviz.runs.stored_predictions import checkpoint_stamp
from cifarviz.runs.stored_weights import explain_missing_weights
from cifarviz.settings import Settings
from cifarviz.training.queue_estimate import queue_estimator
from cifarviz.ui import cache
from cifarviz.ui.address import escaped
from cifarviz.ui.class_names import query_class_names
from cifarviz.ui.components.live import Live
from cifarviz.ui.components.live_items import live_items
from cifarviz.ui.ensemble.members import (
    available_weights,
    begin_with_recorded_members,
    format_member,
    format_numbers,
    pick_members,
    prediction_epochs,
    set_members,
)
from cifarviz.ui.ensemble.results import (
    render_chosen_image,
    render_predictions_table,
    render_results,
)
from cifarviz.ui.ensemble.training import render_training_panel
from cifarviz.ui.errors import error_text, render_errors
from cifarviz.ui.evaluate.evaluation import evaluation_job, wait_for_evaluation
from cifarviz.ui.navigation import link_to, link_to_full_set
from cifarviz.ui.queueing import stop_runs

_ENDED = {
    RunState.STOPPED: "{name} was stopped.",
    RunState.FAILED: "{name} has failed.",
    RunState.INTERRUPTED: "{name} was interrupted.",
}


def render_ensemble() -> None:
    """Show the view; an error in one part leaves the others usable."""
    with render_errors():
        begin_with_recorded_members()
    runs = cache.store().all()
    members: list[Member] = []
    with render_errors():
        members = pick_members(runs)
    if not members:
        st.info(
            "Several networks together are often right where a single network is wrong. Choose two "
            + ("or more above, or train them." if may_make() else "or more above."),
            icon=":material/info:",
        )
    if may_make():
        render_training_panel(runs, expanded=not members)
    if not members:
        return
    with render_errors():
        _render_vote(members)


def _render_vote(members: Sequence[Member]) -> None:
    voted = collect_votes(members)
    if voted is None:
        return
    ensemble, dataset = voted
    render_results(members, ensemble, dataset)
    with render_errors():
        render_predictions_table(members, ensemble, dataset)
    with render_errors():
        render_chosen_image(members, ensemble, dataset)


def collect_votes(members: Sequence[Member]) -> tuple[Ensemble, Dataset] | None:
    """Return the members' votes on their common test images, and the data set these are of.

    ``None`` after showing why there are none yet: training goes on, members or images are missing,
    or the evaluation was stopped. Raises what ``check_members`` does, and ``ArtifactDamaged``.
    """
    runs = _runs_of(members)
    if any(run.state.active for run in runs):
        _render_progress(runs)
        return None
    if len(members) < MIN_MEMBERS:
        # Not an error while somebody is still choosing.
        try:
            check_members(cache.store(), members)
        except ExperimentInvalid as rule:
            st.info(escaped(str(rule)), icon=":material/info:")
        return None
    if not _report_incomplete_members(members):
        return None
    try:
        return _vote(members)
    except DataError as error:
        st.error(error_text(error), icon=":material/error:")
        if not find_dataset(members[0].run.experiment.data.dataset).own:
            link_to_full_set("Get the images on the Data page")
        return None


def _vote(members: Sequence[Member]) -> tuple[Ensemble, Dataset] | None:
    """Return the members' votes on their common test images, and the data set these are of.

    Members are evaluated one after another, with their progress shown; ``None`` if that was
    stopped. Raises what ``check_members`` does, ``DataError`` and ``ArtifactDamaged``.
    """
    check_members(cache.store(), members)
    for member in members:
        check_run_data(member.run, "test")
    dataset = _load_common_dataset(members)
    predictions: dict[tuple[str, Checkpoint], Predictions] = {}
    for number, member in enumerate(members, 1):
        if isinstance(member.when, int):
            continue
        job = evaluation_job(member.run, member.when, dataset)
        evaluation = wait_for_evaluation(job, f"Member {number} of {len(members)}")
        if evaluation is None:
            return None
        predictions[member.run.id, member.when] = evaluation.predictions
    stamps = tuple((format_member(member), _stamp(member)) for member in members)
    ensemble = _cached_vote(
        stamps, dataset.variant, cache.settings(), members, dataset, predictions
    )
    return ensemble, dataset


def _load_common_dataset(members: Sequence[Member]) -> Dataset:
    """Return the images that no member learned from: the sample where the full set is missing.

    Saved predictions are for the full set's test images, without which they cannot be used. Raises
    ``DataError``.
    """
    name, variant = members[0].run.experiment.data.dataset, common_variant(members)
    if any(isinstance(member.when, int) for member in members):
        return cache.dataset(name, variant)
    dataset = cache.nearest_dataset(name, variant)
    if dataset.variant != variant:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(
                f":material/info: The full {dataset.info.title} set is not on this machine, so "
                "these networks are evaluated on the embedded sample.",
                width="content",
            )
            link_to_full_set()
    return dataset


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs={Settings: repr})
def _cached_vote(
    stamps: tuple[tuple[str, Stamp], ...],
    variant: Variant,
    settings: Settings,
    _members: Sequence[Member],
    _dataset: Dataset,
    _predictions: Mapping[tuple[str, Checkpoint], Predictions],
) -> Ensemble:
    return vote(
        cache.store(),
        _members,
        _dataset.test,
        lambda run, weights, _test: _predictions[run.id, weights],
        len(query_class_names(_dataset.info)),
    )


def _stamp(member: Member) -> Stamp:
    folder = cache.store().folder(member.run.id)
    if not isinstance(member.when, int):
        return checkpoint_stamp(folder, member.when)
    path = epoch_predictions_path(folder, member.when)
    if not path.is_file():
        # Reading it reports that.
        return (0, 0)
    stat = path.stat()
    return stat.st_mtime_ns, stat.st_size


def _runs_of(members: Sequence[Member]) -> list[Run]:
    """Return the runs of ``members``, each once."""
    return list({member.run.id: member.run for member in members}.values())


def _render_progress(runs: Sequence[Run]) -> None:
    """Show the progress of each run; the page runs again when a run ends."""
    active = [run for run in runs if run.state.active]
    feed = "-".join(["members", *(run.id for run in runs)])
    hub().register(feed, partial(progress_message, cache.store(), [run.id for run in runs]))
    live = Live(feed, active_mark(runs))
    done = len(runs) - len(active)
    st.header("Training the members", anchor=False)
    st.caption(f"{done} of {len(runs)} runs finished. The result appears when all have.")
    items = _items(cache.store(), runs)
    for run in runs:
        line, link = st.columns([8, 1], vertical_alignment="center")
        with line:
            live_items({run.id: items[run.id]}, key=f"member-{run.id}", live=live)
        with link:
            if run.state.active:
                link_to("train", "Watch", view="watch", run=run.id)
    if not all(may_change(run.owner) for run in active):
        return
    stopping = all(run.requested == Action.STOP for run in active)
    st.button(
        "Stopping …" if stopping else "Stop all" if len(active) > 1 else "Stop",
        key="stop-members",
        icon=":material/stop:",
        disabled=stopping,
        on_click=stop_runs,
        args=([run.id for run in active],),
        help="Ends the training. What was learned is saved, and the runs can be resumed.",
    )


def progress_message(store: RunStore, run_ids: Sequence[str]) -> dict[str, Any]:
    """Return the progress of these runs as a message for the channel."""
    runs = [store.get(run_id) for run_id in run_ids]
    items = {run_id: item.values() for run_id, item in _items(store, runs).items()}
    return {"mark": active_mark(runs), "items": items}


def _items(store: RunStore, runs: Sequence[Run]) -> dict[str, Item]:
    active = store.active()
    estimate = queue_estimator(store).estimate(active)
    return {run.id: progress_item(run, waiting=waiting_text(run, active, estimate)) for run in runs}


def _report_incomplete_members(members: Sequence[Member]) -> bool:
    """Report members that did not finish or lack their weights, with what to do.

    Returns whether all can vote as they are.
    """
    lacking = [member for member in members if not _can_vote(member)]
    incomplete = [
        member
        for member in members
        if member.run.state is not RunState.FINISHED or member in lacking
    ]
    if not incomplete:
        return True
    runs = _runs_of(incomplete)
    sentences = [
        _problem_text(run, [member for member in lacking if member.run.id == run.id])
        for run in runs
    ]
    text = "\n".join(f"- {sentence}" for sentence in sentences) if runs[1:] else sentences[0]
    if lacking:
        st.error(text, icon=":material/error:")
    else:
        st.warning(text, icon=":material/warning:")
    resumable = [run for run in runs if run.resumable and may_change(run.owner)]
    replacements = {member: other for member in lacking if (other := _with_weights(member))}
    left_out = lacking or incomplete
    with st.container(horizontal=True):
        if replacements:
            all_best = all(other.when == "best" for other in replacements.values())
            st.button(
                "Use the best epoch" if all_best else "Use the available weights",
                key="other-weights",
                icon=":material/swap_horiz:",
                on_click=set_members,
                args=(list(dict.fromkeys(replacements.get(old, old) for old in members)),),
                help="Continues with the weights that were saved.",
            )
        if resumable and st.button(
            "Resume" if len(resumable) == 1 else f"Resume {len(resumable)} runs",
            key="resume-members",
            icon=":material/play_arrow:",
            help="Queues the runs that did not finish. Each continues from its last checkpoint.",
        ):
            with render_errors():
                oldest_first = sorted(resumable, key=lambda run: run.created)
                cache.worker().resume_all(run.id for run in oldest_first)
                st.rerun()
        st.button(
            "Leave it out" if len(left_out) == 1 else f"Leave out {len(left_out)} members",
            key="leave-out",
            icon=":material/remove:",
            on_click=set_members,
            args=([member for member in members if member not in left_out],),
            help="Continues with the other members. Nothing is deleted.",
        )
    return not lacking


def _problem_text(run: Run, lacking: Sequence[Member]) -> str:
    """Return what is wrong with a run and its ``lacking`` members, and what to do."""
    name = f"“{escaped(run.name)}”"
    sentences = _missing_texts(run, name, lacking)
    if run.state is not RunState.FINISHED:
        sentences.insert(0, _ENDED[run.state].format(name=name))
        sentences.insert(1, escaped(outcome_text(run)))
        sentences.append(
            "Resume it, or leave it out."
            if lacking
            else "It votes with what it has learned; you can resume it, or leave it out."
        )
    elif any(_with_weights(member) is not None for member in lacking):
        sentences.append("Use the available weights, or leave it out.")
    else:
        sentences.append("Leave it out, or train it again.")
    return " ".join(sentences)


def _missing_texts(run: Run, name: str, lacking: Sequence[Member]) -> list[str]:
    """Return sentences on what the ``lacking`` members of a run lack."""
    sentences = []
    epochs = [member.when for member in lacking if isinstance(member.when, int)]
    weights = [member.when for member in lacking if not isinstance(member.when, int)]
    if len(epochs) == 1:
        sentences.append(f"{name} has no saved predictions after epoch {epochs[0]}.")
    elif epochs:
        sentences.append(f"{name} has no saved predictions after epochs {format_numbers(epochs)}.")
    if weights:
        problem = explain_missing_weights(cache.store(), run, weights[0], name)
        sentences.append(problem or "")
    if sentences:
        sentences.append("It cannot vote.")
    return sentences


def _with_weights(member: Member) -> Member | None:
    """Return the same run with the weights it has instead of those that ``member`` lacks."""
    if isinstance(member.when, int):
        return None
    weights = available_weights(cache.store(), member.run, member.when)
    return None if weights is None else replace(member, when=weights)


def _can_vote(member: Member) -> bool:
    store = cache.store()
    if isinstance(member.when, int):
        return member.when in prediction_epochs(store, member.run)
    return available_weights(store, member.run, member.when) == member.when
