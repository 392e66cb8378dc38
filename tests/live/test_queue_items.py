"""All runs in training are shown, with where they train, and the others with what they wait for."""

from dataclasses import replace

from cifarviz import processor
from cifarviz.live.items import progress_item, state_item
from cifarviz.live.queue_items import active_items, queue_text, status_items, waiting_text
from cifarviz.runs.records import Progress, Run
from cifarviz.runs.states import RunState
from cifarviz.training.queue_estimate import QueueEstimate
from tests.stored_runs import run_record

PROGRESS = Progress("training", 3, 22, 10, 5.0, 9.0, 0.0)
HERE = processor.machine_name()


def training(name: str, **facts: object) -> Run:
    given = {"progress": PROGRESS, "machine": HERE} | facts
    return replace(run_record(), id=name, name=name, state=RunState.RUNNING, **given)  # type: ignore[arg-type]


def queued(name: str) -> Run:
    return run_record(id=name, name=name, state=RunState.QUEUED, machine=HERE)


def test_one_run_in_training_is_shown_as_ever() -> None:
    active = [training("a"), queued("b"), queued("c")]
    (item,) = status_items(active, QueueEstimate()).values()
    assert (item.title, item.text) == ("a", "epoch 3 of 10, about 9 s left")
    assert item.note.splitlines()[1:] == ["2 more waiting"]
    known = QueueEstimate(700.0, True, {"b": 9.0, "c": 300.0})
    (item,) = status_items(active, known).values()
    assert item.note.splitlines()[1:] == ["2 more waiting, all done in about 12 min"]
    assert queue_text(active, known) == "1 in training, 2 waiting: all done in about 12 min."
    least = replace(known, is_complete=False)
    assert queue_text(active, least) == "1 in training, 2 waiting: all done in at least 12 min."
    assert queue_text(active[:1], known) == ""


def test_a_run_that_waits_alone_is_shown_by_itself() -> None:
    (item,) = status_items([queued("a")], QueueEstimate(20.0)).values()
    assert (item.title, item.badge) == ("a", "queued")
    assert "done in" not in item.note


def test_the_sidebar_shows_all_runs_in_training_up_to_four() -> None:
    active = [training(name) for name in "abcdef"] + [queued("g")]
    items = status_items(active, QueueEstimate(20.0))
    assert list(items) == ["current", "run-2", "run-3", "run-4"]
    assert [item.title for item in items.values()] == ["a", "b", "c", "d"]
    notes = [item.note for item in items.values()]
    assert notes[:3] == ["", "", ""]
    assert notes[3] == "2 more in training\n1 more waiting, all done in about 20 s"


def test_a_run_on_a_share_of_the_computer_says_so() -> None:
    share = processor.machine_name(77)
    run = training("a", machine=share)
    assert progress_item(run).text == "epoch 3 of 10, about 9 s left · this computer, 77 cores"
    assert state_item(run).text == "epoch 3 of 10 · this computer, 77 cores"
    assert progress_item(training("a", machine="Other, 2 cores")).text.endswith(" · Other, 2 cores")
    on_node = training("a", machine=f"lab-7: {HERE}")
    assert progress_item(on_node).text.endswith(f" · lab-7, {HERE.rpartition(', ')[2]}")
    items = status_items([training("a", machine=share), training("b")], QueueEstimate())
    assert [item.text for item in items.values()] == ["epoch 3 of 10, about 9 s left"] * 2
    assert [item.note for item in items.values()] == ["this computer, 77 cores", ""]
    # One that waits has no place yet, and one that has ended none any more.
    assert "core" not in progress_item(queued("a")).text
    assert "core" not in state_item(replace(run, state=RunState.FINISHED)).text


def test_a_run_that_gave_way_says_to_whom_and_when_it_goes_on() -> None:
    short = training("short")
    long = replace(queued("long"), gave_way_to="short")
    active = [short, long, queued("later")]
    known = QueueEstimate(900.0, True, {"long": 170.0, "later": 700.0})
    assert waiting_text(long, active, known) == "gave way to “short”, goes on in about 3 min"
    assert waiting_text(long, active) == "gave way to “short”"
    # Of somebody else's run that is not shown, only that there is one.
    active[0] = replace(short, name="somebody else’s run", hidden=True)
    assert waiting_text(long, active) == "gave way to somebody else’s run"
    # It is saved before it waits.
    saving = training("long", gave_way_to="short", requested="stop")
    assert state_item(saving).badge == "giving way"


def test_what_a_run_waits_for_and_how_long() -> None:
    active = [training("a"), training("b"), queued("c"), queued("d")]
    known = QueueEstimate(9000.0, True, {"c": 0.0, "d": 7300.0})
    items = active_items(active, known)
    assert list(items) == ["queue", "a", "b", "c", "d"]
    assert items["c"].text == "starting next"
    assert items["d"].text == "waiting for “c” and 2 more, starts in about 2 h 00 min"
    assert waiting_text(active[2], active) == "waiting for “b” and 1 more"
    short = QueueEstimate(lacks_memory=True)
    assert waiting_text(active[2], active, short) == (
        "waiting for 0.9 GB of free memory, or the end of another run"
    )
    assert waiting_text(active[3], active, short) == "waiting for “c” and 2 more"
