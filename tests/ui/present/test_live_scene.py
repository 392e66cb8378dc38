"""What moves in the live scene comes from the store alone, outside of any page."""

from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from cifarviz.ui.present.training import live_message
from tests import stored_runs


def test_the_curves_grow_with_the_run_and_the_mark_changes_at_its_end(settings: Settings) -> None:
    store = RunStore(settings)
    run = stored_runs.store_run(store, stored_runs.experiment(), state=RunState.RUNNING, epochs=0)
    with stored_runs.hold_lock(store, run):
        built = live_message(store, run.id)
        stored_runs.advance_run(store, run, 5)
        begun = live_message(store, run.id)
        stored_runs.advance_run(store, run, 5, epoch=True)
        stored_runs.advance_run(store, run, 2)
        later = live_message(store, run.id)
        store.transition(run.id, RunState.STOPPING)
        store.transition(run.id, RunState.STOPPED)
    over = live_message(store, run.id)
    messages = (built, begun, later, over)
    assert [one["mark"] for one in messages] == ["starting", "live", "live", "recorded"]
    assert [one["words"]["mark"] for one in messages] == ["starting", "live", "live", "recorded"]
    assert [one["replay"]["until"] for one in messages] == [0.0, 0.5, 1.2, 1.2]
    assert begun["words"]["below"] == "running: epoch 1 of 3, about 30 s left"
    assert later["words"]["below"].startswith("running: epoch 2 of 3")
    assert "The weights are saved" in over["words"]["below"]
    # What has not grown is the same object, which the feed need not look through.
    assert live_message(store, run.id)["replay"] is over["replay"]
    [loss, _] = later["replay"]["panels"]
    assert loss["training"] == [2.0]
    assert len(loss["x"]) == 12
