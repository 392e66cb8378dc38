"""The progress of members is read from the store, outside of any page."""

import pytest

from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from cifarviz.ui.ensemble.view import progress_message
from tests import stored_runs


def test_each_member_has_an_item_and_its_end_changes_the_mark(settings: Settings) -> None:
    store = RunStore(settings)
    made = stored_runs.experiment()
    # The running run last: it counts as interrupted until it is held.
    second, first = (
        stored_runs.store_run(store, made, name=name, state=state, epochs=0)
        for name, state in (("second", RunState.QUEUED), ("first", RunState.RUNNING))
    )
    ids = [first.id, second.id]
    with stored_runs.hold_lock(store, first), stored_runs.hold_lock(store, second):
        begun = progress_message(store, ids)
        stored_runs.advance_run(store, first, 6)
        later = progress_message(store, ids)
        stored_runs.advance_run(store, first, 4, epoch=True)
        store.transition(first.id, RunState.FINISHED)
        over = progress_message(store, ids)
    assert [message["items"][first.id]["share"] for message in (begun, later, over)] == [
        0.0, pytest.approx(0.2), 1.0,
    ]  # fmt: skip
    assert later["items"][first.id]["text"].startswith("epoch 1 of 3")
    assert later["items"][second.id]["text"] == "waiting for “first”, starts in about 30 s"
    assert begun["mark"] == later["mark"] != over["mark"]
