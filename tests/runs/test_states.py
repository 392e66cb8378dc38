"""Transitions between states are listed or refused with a message."""

import itertools

import pytest

from cifarviz.errors import TransitionRefused
from cifarviz.runs.states import Action, RunState, check_action, check_transition

Q, R, P, G, S, F, X, I = RunState  # noqa: E741 - queued … interrupted, as they are declared

ALLOWED = {
    (Q, R), (Q, S), (Q, X),
    (R, P), (R, G), (R, F), (R, X), (R, I),
    (P, R), (P, G), (P, X), (P, I),
    (G, S), (G, X), (G, I),
    (S, Q), (X, Q), (I, Q),
}  # fmt: skip


@pytest.mark.parametrize(("current", "to"), list(itertools.product(RunState, RunState)))
def test_only_the_listed_transitions_are_allowed(current: RunState, to: RunState) -> None:
    if (current, to) in ALLOWED:
        check_transition("mine", current, to)
    else:
        with pytest.raises(TransitionRefused, match="mine"):
            check_transition("mine", current, to)


def test_resuming_a_finished_run_is_refused_with_the_reason() -> None:
    with pytest.raises(TransitionRefused, match="finished all its epochs"):
        check_transition("mine", RunState.FINISHED, RunState.QUEUED)


def test_only_runs_that_ended_unfinished_are_resumable() -> None:
    assert {state for state in RunState if state.resumable} == {S, X, I}


def test_only_queued_running_paused_and_stopping_are_active() -> None:
    assert {state for state in RunState if state.active} == {Q, R, P, G}


@pytest.mark.parametrize(
    ("action", "states"),
    [(Action.PAUSE, {R, P}), (Action.RESUME, {R, P}), (Action.STOP, {Q, R, P, G})],
)
def test_actions_are_refused_in_other_states(action: Action, states: set[RunState]) -> None:
    for state in RunState:
        if state in states:
            check_action("mine", state, action)
        else:
            with pytest.raises(TransitionRefused, match=f"mine.*{state}"):
                check_action("mine", state, action)
