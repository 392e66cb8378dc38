"""The most accurate networks, for views that need several good ones to begin with."""

from collections.abc import Sequence
from typing import Final

import streamlit as st

from cifarviz.analysis.members import Member
from cifarviz.experiment.ensemble_members import MIN_MEMBERS
from cifarviz.runs.artifacts import Checkpoint
from cifarviz.runs.records import Run
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.runs.stored_weights import restored_best_weights, stored_checkpoints
from cifarviz.ui import cache, state
from cifarviz.ui.ensemble.members import REMEMBERED, experiment_facts, format_members
from cifarviz.ui.query import update_query_params

MOST_ACCURATE: Final = 5
"""Networks at most: more hardly change the mean."""
# Below the most accurate, as a share of images: others would only blur what it predicts.
_COMPARABLE = 0.05


def begin_with_accurate_members() -> None:
    """Choose the most accurate networks where this browser session has not chosen any yet."""
    if "members" in st.query_params or state.recall(REMEMBERED) is not None:
        return
    members = accurate_members(cache.store())
    if members:
        update_query_params(members=format_members(members))


def accurate_members(store: RunStore, dataset: str | None = None) -> list[Member]:
    """Return the most accurate networks of a data set, the best first; none if it has only one.

    By validation accuracy of finished runs without wrong labels, each run once; where only one run
    is as accurate, its last and its best epoch. Without ``dataset``: that of the most accurate.
    """
    ranked = [
        (accuracy, member)
        for run in store.all()
        if _is_candidate(run, dataset)
        for accuracy, member in _checkpoints(store, run)
    ]
    ranked.sort(key=lambda entry: -entry[0])
    if not ranked:
        return []
    best, first = ranked[0]
    dataset = first.run.experiment.data.dataset
    ranked = [entry for entry in ranked if entry[1].run.experiment.data.dataset == dataset]
    comparable = [member for accuracy, member in ranked if accuracy >= best - _COMPARABLE]
    for candidates in (_one_of_each_run(comparable), _different(comparable)):
        if len(candidates) >= MIN_MEMBERS:
            return candidates[:MOST_ACCURATE]
    candidates = _one_of_each_run([member for _, member in ranked])[:MIN_MEMBERS]
    return candidates if len(candidates) == MIN_MEMBERS else []


def _is_candidate(run: Run, dataset: str | None) -> bool:
    is_finished = run.state is RunState.FINISHED and run.damage is None
    if not is_finished or experiment_facts(run.experiment_json) is None:
        return False
    data = run.experiment.data
    return not data.wrong_labels and dataset in (None, data.dataset)


def _checkpoints(store: RunStore, run: Run) -> list[tuple[float, Member]]:
    """Return the weights of ``run`` with their validation accuracy, as far as it is known."""
    best = run.best_epoch_val_accuracy
    last = best if restored_best_weights(run) else run.last_val_accuracy
    accuracies: dict[Checkpoint, float | None] = {"last": last, "best": best}
    return [
        (accuracy, Member(run, checkpoint))
        for checkpoint in stored_checkpoints(store, run)
        if (accuracy := accuracies[checkpoint]) is not None
    ]


def _one_of_each_run(members: Sequence[Member]) -> list[Member]:
    chosen: dict[str, Member] = {}
    for member in members:
        chosen.setdefault(member.run.id, member)
    return list(chosen.values())


def _different(members: Sequence[Member]) -> list[Member]:
    chosen: list[Member] = []
    for member in members:
        if not any(map(member.same_network, chosen)):
            chosen.append(member)
    return chosen
