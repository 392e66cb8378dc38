"""Messages of nodes are taken once and in order, and files only as they were sent."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cifarviz.errors import ArtifactDamaged, LeaseLost, MessageRefused
from cifarviz.executors import messages, remote
from cifarviz.executors.inbox import Inbox
from cifarviz.executors.messages import Message, Outbox
from cifarviz.executors.remote import RemoteArtifacts, RemoteSink
from cifarviz.runs import locks
from cifarviz.runs.artifacts import FolderArtifacts
from cifarviz.runs.leases import Attempt, cluster_owner
from cifarviz.runs.records import BatchPoints, Epoch, Progress
from cifarviz.runs.states import Action, RunState
from cifarviz.runs.store import RunStore, new_run_id
from cifarviz.settings import Settings
from cifarviz.training.ending import Ending
from tests import stored_runs

OWNER = cluster_owner("here:6379")
WEIGHTS = {"model/kernel": np.arange(6.0).reshape(2, 3)}


@pytest.fixture
def store(settings: Settings) -> RunStore:
    return RunStore(settings)


@pytest.fixture
def run_id(store: RunStore) -> str:
    """A run that trains on a node; no process watches it."""
    run_id = new_run_id()
    lock = locks.acquire(store.lock_path(run_id))
    assert lock is not None
    store.create(run_id, stored_runs.experiment(), "far away", "dashboard")
    store.transition(run_id, RunState.RUNNING, owner=OWNER)
    lock.release()
    return run_id


def progress(step: int) -> Progress:
    return Progress("training", 1, step, 10, 900.0, 30.0, 0.0)


def points(first: int, last: int) -> BatchPoints:
    steps = np.arange(first, last + 1)
    return BatchPoints(steps, (1 / steps).astype(np.float32), np.ones(len(steps), np.float32))


def epoch(number: int) -> Epoch:
    return Epoch(number, 1.0, 0.5, 1.1, 0.4, 0.001, 2.0)


def contents(store: RunStore, run_id: str) -> tuple[list[int], list[Epoch], int]:
    steps = store.batch_points(run_id).steps.tolist()
    return steps, store.epochs(run_id), store.received(run_id)


def test_repeated_late_and_missing_messages_change_nothing(store: RunStore, run_id: str) -> None:
    outbox = Outbox()
    sink = RemoteSink(outbox)
    sink.record(progress(3), points(1, 3))
    sink.describe(train_images=7)
    sink.record(progress(10), points(4, 10), epoch(1), 2.5)
    first, second, third = outbox.after(0).messages
    inbox = Inbox(store, run_id, Attempt(1, OWNER))
    inbox.take(first)
    with pytest.raises(MessageRefused):
        Inbox(store, run_id, Attempt(1, OWNER)).take(third)
    assert contents(store, run_id) == ([1, 2, 3], [], 1)
    inbox.take(second)
    inbox.take(third)
    after = contents(store, run_id)
    assert after == (list(range(1, 11)), [epoch(1)], 3)
    # A gateway that knows nothing asks for all of them again, and another took them meanwhile.
    late = Inbox(store, run_id, Attempt(1, OWNER))
    late.received = 0
    for message in outbox.after(0).messages:
        with pytest.raises(MessageRefused):
            late.take(message)
    assert [inbox.take(message) for message in (first, second, third)] == [None] * 3
    assert contents(store, run_id) == after
    assert store.get(run_id).seconds == 2.5


def test_an_earlier_attempt_is_refused_and_leaves_the_files(store: RunStore, run_id: str) -> None:
    store.transition(run_id, RunState.INTERRUPTED)
    store.transition(run_id, RunState.QUEUED)
    store.transition(run_id, RunState.RUNNING, owner=OWNER)
    outbox = Outbox()
    RemoteArtifacts(store.folder("elsewhere"), outbox, {}).save("checkpoint-last", WEIGHTS, {})
    RemoteSink(outbox).record(progress(3), points(1, 3))
    [save, record] = outbox.after(0).messages
    for message in (save, replace(record, number=1)):
        with pytest.raises(LeaseLost):
            Inbox(store, run_id, Attempt(1, OWNER)).take(message)
    assert contents(store, run_id) == ([], [], 0)
    assert not FolderArtifacts(store.folder(run_id)).exists("checkpoint-last")
    Inbox(store, run_id, Attempt(2, OWNER)).take(save)
    assert FolderArtifacts(store.folder(run_id)).exists("checkpoint-last")


def test_a_new_attempt_counts_its_messages_from_one(store: RunStore, run_id: str) -> None:
    Inbox(store, run_id, Attempt(1, OWNER)).take(Message("describe", {"train_images": 1}, 1))
    assert store.received(run_id) == 1
    store.transition(run_id, RunState.INTERRUPTED)
    store.transition(run_id, RunState.QUEUED)
    assert store.transition(run_id, RunState.RUNNING, owner=OWNER).attempt == 2
    assert store.received(run_id) == 0


def test_files_arrive_with_their_stamp_and_snapshots_leave_the_node(
    store: RunStore, run_id: str, tmp_path: Path
) -> None:
    outbox = Outbox()
    there = RemoteArtifacts(tmp_path / "node", outbox, {"snapshots/weights-0001": 5})
    there.save("checkpoint-last", WEIGHTS, {"format": 1})
    there.save("snapshots/weights-0002", WEIGHTS, {"epoch": 2}, durable=False)
    there.remove("snapshots/weights-0001")
    inbox = Inbox(store, run_id, Attempt(1, OWNER))
    for message in outbox.after(0).messages:
        inbox.take(message)
    here = FolderArtifacts(store.folder(run_id))
    assert here.stamp("checkpoint-last") == there.stamp("checkpoint-last")
    arrays, facts = here.load("snapshots/weights-0002")
    assert (arrays["model/kernel"] == WEIGHTS["model/kernel"]).all()
    assert facts == {"epoch": 2}
    assert there.sizes("snapshots") == here.sizes("snapshots")
    assert there.exists("snapshots/weights-0002")
    assert not there.exists("snapshots/weights-0001")
    assert [path.name for path in (tmp_path / "node").rglob("*.npz")] == ["checkpoint-last.npz"]


def test_a_file_with_other_bytes_is_not_put_in_place(
    store: RunStore, run_id: str, tmp_path: Path
) -> None:
    outbox = Outbox()
    there = RemoteArtifacts(tmp_path, outbox, {})
    there.save("checkpoint-last", WEIGHTS, {})
    [sent] = outbox.after(0).messages
    inbox = Inbox(store, run_id, Attempt(1, OWNER))
    broken = replace(sent, content={**sent.content, "data": sent.content["data"][:-1] + b"x"})
    with pytest.raises(ArtifactDamaged, match="was damaged on its way"):
        inbox.take(broken)
    here = FolderArtifacts(store.folder(run_id))
    assert (store.received(run_id), here.exists("checkpoint-last")) == (0, False)
    escaping = replace(sent, content={**sent.content, "name": "../checkpoint-last"})
    with pytest.raises(ArtifactDamaged, match="invalid name"):
        inbox.take(escaping)
    # It was not acknowledged, so it comes again.
    assert outbox.after(inbox.received).messages == (sent,)
    inbox.take(sent)
    assert (store.received(run_id), here.exists("checkpoint-last")) == (1, True)


def test_while_nobody_asks_messages_are_merged_but_none_that_was_sent(tmp_path: Path) -> None:
    outbox = Outbox()
    sink, there = RemoteSink(outbox), RemoteArtifacts(tmp_path, outbox, {})
    sink.record(progress(2), points(1, 2))
    assert [message.number for message in outbox.after(0).messages] == [1]
    for last in (4, 6, 8):
        sink.record(progress(last), points(last - 1, last))
    sink.record(progress(10), points(9, 10), epoch(1))
    there.save("checkpoint-last", {"a": np.zeros(1)}, {})
    sink.record(progress(12), points(11, 12))
    there.save("checkpoint-last", {"a": np.ones(1)}, {})
    sent = outbox.after(0).messages
    kinds = [(message.number, message.kind) for message in sent]
    # The checkpoint that was replaced is gone, and the history before it stays.
    assert kinds == [(1, "record"), (2, "record"), (3, "record"), (4, "save")]
    assert sent[1].content["batches"].steps.tolist() == list(range(3, 11))
    assert sent[1].content["epoch"] == epoch(1)
    assert sent[2].content["batches"].steps.tolist() == [11, 12]
    assert outbox.after(3).messages == sent[3:]
    assert outbox.after(4).messages == ()


def test_large_files_come_in_several_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages, "MAX_ANSWER_BYTES", 3000)
    outbox = Outbox()
    there = RemoteArtifacts(tmp_path, outbox, {})
    for name in ("checkpoint-last", "checkpoint-best", "snapshots/weights-0001"):
        there.save(name, {"a": np.zeros(300)}, {})
    numbers, received = [], 0
    while (answer := outbox.after(received)).messages:
        numbers.append([message.number for message in answer.messages])
        assert answer.more == (answer.messages[-1].number < 3)
        received = answer.messages[-1].number
    assert numbers == [[1], [2], [3]]


def test_a_stop_stays_requested_and_a_pause_is_taken_once() -> None:
    sink = RemoteSink(Outbox())
    sink.deliver(Action.PAUSE)
    assert [sink.take_request(), sink.take_request()] == [Action.PAUSE, None]
    sink.deliver(Action.STOP)
    sink.deliver(Action.RESUME)
    assert [sink.take_request(), sink.take_request()] == [Action.STOP, Action.STOP]


def test_a_trainer_that_nobody_asks_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    sink = RemoteSink(Outbox())
    monkeypatch.setattr(remote, "MAX_SILENCE", -1.0)
    with pytest.raises(LeaseLost, match="Nobody has asked"):
        sink.describe(train_images=1)


def test_the_ending_comes_last_and_until_it_is_recorded(store: RunStore, run_id: str) -> None:
    outbox = Outbox()
    outbox.add(Message("transition", {"to": RunState.PAUSED}))
    outbox.add(Message("transition", {"to": RunState.QUEUED}))
    ending = Ending(RunState.FINISHED, "Stopped early.", 2)
    outbox.add(Message("end", dict(vars(ending))))
    inbox = Inbox(store, run_id, Attempt(1, OWNER))
    # The second state is refused, which is no reason to stop taking messages.
    assert [inbox.take(message) for message in outbox.after(0).messages] == [None, None, ending]
    assert store.get(run_id).state is RunState.PAUSED
    [again] = outbox.after(store.received(run_id)).messages
    assert inbox.take(again) == ending
