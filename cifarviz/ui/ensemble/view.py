"""The Ensemble view of Evaluate."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import streamlit as st

from cifarviz.analysis.ensemble import Ensemble
from cifarviz.analysis.members import Member, check_members, common_variant, vote
from cifarviz.data.image_set import Dataset
from cifarviz.datasets.info import Variant
from cifarviz.errors import DataError, ExperimentInvalid
from cifarviz.experiment.ensemble_members import MIN_MEMBERS
from cifarviz.live.feeds import active_mark
from cifarviz.live.hub import hub
from cifarviz.runs.artifacts import Stamp, epoch_predictions_path
from cifarviz.live.items import Item, outcome_text, progress_item, waiting_text
from cifarviz.runs.log_probabilities import Predictions
from cifarviz.runs.records import Run
from cifarviz.runs.states import Action, RunState
from cifarviz.runs.store import RunStore
from cifarviz.runs.stored_predictions import checkpoint_stamp
from cifarviz.runs.stored_weights import explain_missing_weights
from cifarviz.settings import Settings
from cifarviz.ui import cache
from cifarviz.ui.address import escaped
from cifarviz.ui.class_names import address_names
from cifarviz.ui.components.live import Live
from cifarviz.ui.components.live_items import live_items
from cifarviz.ui.ensemble.members import (
    choose,
    kept_epochs,
    listed,
    pick_members,
    token,
    weights_of,
)
from cifarviz.ui.ensemble.results import one_image, render_predictions_table, results
from cifarviz.ui.ensemble.training import training_panel
from cifarviz.ui.errors import errors_shown
from cifarviz.ui.evaluate.evaluation import evaluation_job, wait_for
from cifarviz.ui.navigation import link_to
from cifarviz.ui.queueing import stop_runs
from cifarviz.ui.streamlit_patches import uninterruptible

_ENDED = {
    RunState.STOPPED: "was stopped",
    RunState.FAILED: "has failed",
    RunState.INTERRUPTED: "was interrupted",
}


def ensemble_view() -> None:
    """Show all of it; what goes wrong in one part leaves the others usable."""
    runs = cache.store().all()
    members: tuple[Member, ...] = ()
    with errors_shown():
        members = pick_members(runs)
    if not members:
        st.info(
            "Several networks asked together are often right where one of them is wrong. Choose "
            "two or more above, or train them.",
            icon=":material/info:",
        )
    training_panel(runs, opened=not members)
    if not members:
        return
    with errors_shown():
        _voting(members)


def _voting(members: Sequence[Member]) -> None:
    runs = runs_of(members)
    if any(run.state.active for run in runs):
        training_progress(runs)
        return
    if len(members) < MIN_MEMBERS:
        _too_few(members)
        return
    if not broken_off(members):
        return
    try:
        found = votes(members)
    except DataError as error:
        st.error(escaped(str(error)), icon=":material/error:")
        link_to("start", "Get the images on the Start page")
        return
    if found is None:
        return
    ensemble, dataset = found
    results(members, ensemble, dataset)
    with errors_shown():
        render_predictions_table(members, ensemble, dataset)
    with errors_shown():
        one_image(members, ensemble, dataset)


def _too_few(members: Sequence[Member]) -> None:
    """The rule in its own words; but nothing is wrong yet, while somebody is choosing."""
    try:
        check_members(cache.store(), members)
    except ExperimentInvalid as rule:
        st.info(escaped(str(rule)), icon=":material/info:")


def votes(members: Sequence[Member]) -> tuple[Ensemble, Dataset] | None:
    """The members' votes on their common test images, and the data set these are of.

    Members are measured one after another, which shows how far it is; ``None`` after that was
    stopped. Raises what ``check_members`` does, ``DataError`` and ``ArtifactDamaged``.
    """
    check_members(cache.store(), members)
    dataset = cache.dataset(members[0].run.experiment.data.dataset, common_variant(members))
    answers: dict[Member, Predictions] = {}
    for number, member in enumerate(members, 1):
        if isinstance(member.when, int):
            continue
        job = evaluation_job(member.run, member.when, dataset)
        evaluation = wait_for(job, f"Member {number} of {len(members)}")
        if evaluation is None:
            return None
        answers[member] = evaluation.predictions
    stamped = tuple((token(one), _stamp(one)) for one in members)
    ensemble = _counted(stamped, dataset.variant, cache.settings(), members, dataset, answers)
    return ensemble, dataset


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs={Settings: repr})
def _counted(
    stamped: tuple[tuple[str, Stamp], ...],
    variant: Variant,
    settings: Settings,
    _members: Sequence[Member],
    _dataset: Dataset,
    _answers: dict[Member, Predictions],
) -> Ensemble:
    asked = {(member.run.id, member.when): found for member, found in _answers.items()}
    return vote(
        cache.store(),
        _members,
        _dataset.test,
        lambda run, which, _test: asked[run.id, which],
        len(address_names(_dataset.info)),
    )


def _stamp(member: Member) -> Stamp:
    folder = cache.store().folder(member.run.id)
    if not isinstance(member.when, int):
        return checkpoint_stamp(folder, member.when)
    path = epoch_predictions_path(folder, member.when)
    if not path.is_file():
        # Reading it says so.
        return (0, 0)
    found = path.stat()
    return found.st_mtime_ns, found.st_size


def runs_of(members: Sequence[Member]) -> list[Run]:
    """The runs behind ``members``, each once."""
    return list({one.run.id: one.run for one in members}.values())


def training_progress(runs: Sequence[Run]) -> None:
    """Show how far each of these runs is; the page is run again when one of them ends."""
    active = [run for run in runs if run.state.active]
    feed = "-".join(["members", *(run.id for run in runs)])
    hub().register(feed, partial(progress_message, cache.store(), [run.id for run in runs]))
    live = Live(feed, active_mark(runs))
    done = len(runs) - len(active)
    st.subheader("The members are being trained", anchor=False)
    if len(runs) == 1:
        st.caption("The result shows here by itself when the run is done.")
    elif done == 1:
        st.caption(f"1 of {len(runs)} is done; the result shows here by itself when all are.")
    else:
        st.caption(f"{done} of {len(runs)} are done; the result shows here by itself when all are.")
    items = _items(cache.store(), runs)
    for run in runs:
        line, link = st.columns([8, 1], vertical_alignment="center")
        with line:
            live_items({run.id: items[run.id]}, key=f"member-{run.id}", live=live)
        with link:
            if run.state.active:
                link_to("train", "Watch", view="watch", run=run.id)
    stopping = all(run.requested == Action.STOP for run in active)
    st.button(
        "Stopping …" if stopping else "Stop all" if len(active) > 1 else "Stop",
        key="stop-members",
        icon=":material/stop:",
        disabled=stopping,
        on_click=uninterruptible(stop_runs),
        args=([run.id for run in active],),
        help="Ends the training; what was learned is kept, and it can be resumed.",
    )


def progress_message(store: RunStore, run_ids: Sequence[str]) -> dict[str, Any]:
    """Return what moves of these runs, for the channel."""
    runs = [store.get(run_id) for run_id in run_ids]
    items = {run_id: item.values() for run_id, item in _items(store, runs).items()}
    return {"mark": active_mark(runs), "items": items}


def _items(store: RunStore, runs: Sequence[Run]) -> dict[str, Item]:
    active = store.active()
    return {run.id: progress_item(run, waiting=waiting_text(run, active)) for run in runs}


def broken_off(members: Sequence[Member]) -> bool:
    """Say which members did not finish, or lack their weights, and what to do.

    Returns whether they can vote together as they are.
    """
    silent = [one for one in members if not _can_vote(one)]
    hurt = [one for one in members if one.run.state is not RunState.FINISHED or not _can_vote(one)]
    if not hurt:
        return True
    runs = runs_of(hurt)
    said = [_sentence(run, [one for one in silent if one.run.id == run.id]) for run in runs]
    words = said[0] if len(said) == 1 else "\n".join(f"- {one}" for one in said)
    if silent:
        st.error(words, icon=":material/error:")
    else:
        st.warning(words, icon=":material/warning:")
    resumable = [run for run in runs if run.resumable]
    out = silent or hurt
    instead = {one: other for one in silent if (other := _other_weights(one)) is not None}
    with st.container(horizontal=True):
        if instead:
            st.button(
                "Take the best epoch"
                if all(other.when == "best" for other in instead.values())
                else "Take the weights there are",
                key="other-weights",
                icon=":material/swap_horiz:",
                on_click=uninterruptible(choose),
                args=(list(dict.fromkeys(instead.get(one, one) for one in members)),),
                help="Go on with the weights that have been kept.",
            )
        if resumable and st.button(
            "Resume" if len(resumable) == 1 else f"Resume all {len(resumable)}",
            key="resume-members",
            icon=":material/play_arrow:",
            help="Queues what did not finish; each goes on from its last checkpoint.",
        ):
            with errors_shown():
                in_order = sorted(resumable, key=lambda one: one.created)
                cache.worker().resume_all(run.id for run in in_order)
                st.rerun()
        st.button(
            "Leave it out" if len(out) == 1 else f"Leave these {len(out)} out",
            key="leave-out",
            icon=":material/remove:",
            on_click=uninterruptible(choose),
            args=([one for one in members if one not in out],),
            help="Go on with the other members; nothing is deleted.",
        )
    return not silent


def _sentence(run: Run, silent: Sequence[Member]) -> str:
    who = f"“{escaped(run.name)}”"
    lacking = " It ".join(_lacking(run, silent))
    if run.state is RunState.FINISHED:
        there = any(_other_weights(one) is not None for one in silent)
        todo = "Take those, or leave it out." if there else "Leave it out, or train it again."
        return f"{who} {lacking} {todo}"
    ended = f"{who} {_ENDED[run.state]}. {escaped(outcome_text(run))}"
    if silent:
        return f"{ended} It {lacking} Resume it, or leave it out."
    return f"{ended} It votes with what it has learned; it can be resumed, or left out."


def _lacking(run: Run, silent: Sequence[Member]) -> Iterator[str]:
    epochs = [one.when for one in silent if isinstance(one.when, int)]
    if epochs:
        if len(epochs) == 1:
            yield f"has kept no answers after epoch {epochs[0]}, so it cannot vote."
        else:
            yield f"has kept no answers after epochs {listed(epochs)}, so it cannot vote."
    for one in silent:
        if not isinstance(one.when, int):
            yield f"{explain_missing_weights(cache.store(), run, one.when)}, so it cannot vote."
            return


def _other_weights(member: Member) -> Member | None:
    """The same run with the weights it has instead of those that ``member`` lacks."""
    if isinstance(member.when, int):
        return None
    which = weights_of(cache.store(), member.run, member.when)
    return None if which is None else replace(member, when=which)


def _can_vote(member: Member) -> bool:
    store = cache.store()
    if isinstance(member.when, int):
        return member.when in kept_epochs(store, member.run)
    return weights_of(store, member.run, member.when) == member.when
