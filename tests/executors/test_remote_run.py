"""An attempt on a node, as the gateway sees it, with a made-up cluster instead of Ray."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from cifarviz.cluster.versions import label_refusal, version_labels, version_refusal, versions
from cifarviz.errors import StorageFull
from cifarviz.executors import inbox
from cifarviz.executors.messages import Answer, Message, Outbox
from cifarviz.executors.ray_trainer import NodeReport, RemoteJob, thread_variables
from cifarviz.executors.remote import RemoteArtifacts
from cifarviz.executors.remote_run import RemoteRun, stray_trainers, trainer_name
from cifarviz.runs import locks
from cifarviz.runs.leases import LEASE_SECONDS, Attempt, cluster_owner
from cifarviz.runs.states import Action, RunState
from cifarviz.runs.store import RunStore, new_run_id
from cifarviz.settings import Settings
from cifarviz.training.ending import Ending
from tests import stored_runs

OWNER = cluster_owner("here:6379")
Call = tuple[str, tuple[Any, ...]]


class MadeUpTrainer:
    """Stands for the handle of an actor: a call is what was asked."""

    def __getattr__(self, name: str) -> Any:
        class Method:
            def remote(self, *arguments: Any) -> Call:
                return name, arguments

        return Method()


@dataclass
class MadeUpCluster:
    """Two nodes, and trainers that answer as the test says."""

    address: str = "here:6379"
    made: int = 0
    ended: int = 0
    refused: dict[str, str] = field(default_factory=dict)
    found: MadeUpTrainer | None = None

    def make_trainer(self, name: str) -> MadeUpTrainer:
        self.made += 1
        return MadeUpTrainer()

    def find_trainer(self, name: str) -> MadeUpTrainer | None:
        return self.found

    def end_trainer(self, trainer: MadeUpTrainer) -> None:
        self.ended += 1

    def refuse(self, node: str, reason: str) -> None:
        self.refused[node] = reason

    def problem(self) -> str | None:
        return "No node can train." if len(self.refused) == 2 else None

    def node_name(self, node: str) -> str:
        return f"lab-{node}"


@pytest.fixture
def store(settings: Settings) -> RunStore:
    return RunStore(settings)


@pytest.fixture
def made_up() -> MadeUpCluster:
    return MadeUpCluster()


@pytest.fixture
def run(store: RunStore, made_up: MadeUpCluster) -> RemoteRun:
    """An attempt that was told to begin."""
    run_id = new_run_id()
    lock = locks.acquire(store.lock_path(run_id))
    assert lock is not None
    store.create(run_id, stored_runs.experiment(), "far away", "dashboard")
    store.transition(run_id, RunState.RUNNING, owner=OWNER)
    lock.release()
    run = RemoteRun(made_up, store, run_id, Attempt(1, OWNER))  # type: ignore[arg-type]
    run.begin()
    return run


def report(node: str, refusal: str | None = None) -> NodeReport:
    return NodeReport(node, "A processor, 2 cores", refusal, has_data=True)


def start(run: RemoteRun) -> RemoteJob:
    """Bring an attempt to its training; returns what the trainer was given."""
    assert run.call[0] == "prepare"
    run.receive(report("a"))
    name, (job, arrays) = run.call
    assert (name, arrays) == ("start", None)
    run.receive(None)
    run.step(())
    assert run.call == ("exchange", (0, None, None))
    return job


def test_a_run_begins_where_a_node_has_a_place_and_tells_which(
    run: RemoteRun, store: RunStore
) -> None:
    job = start(run)
    assert job.experiment == store.get(run.run_id).experiment
    assert store.get(run.run_id).machine == "lab-a: A processor, 2 cores"
    ending = {"state": RunState.FINISHED, "message": None, "stopped_early": None}
    run.receive(Answer((Message("describe", {"train_images": 3}, 1), Message("end", ending, 2))))
    assert run.outcome == Ending(RunState.FINISHED)
    assert not run.is_recorded()
    store.transition(run.run_id, RunState.FINISHED)
    assert run.is_recorded()


def test_a_node_of_another_version_is_avoided_and_when_all_are_the_run_fails(
    run: RemoteRun, made_up: MadeUpCluster
) -> None:
    run.receive(report("a", "It has TensorFlow 1.15."))
    assert (made_up.made, made_up.ended, run.call[0]) == (2, 1, "prepare")
    run.receive(report("b", "It has TensorFlow 1.14."))
    assert run.outcome == Ending(RunState.FAILED, "No node can train.")
    assert made_up.refused == {"a": "It has TensorFlow 1.15.", "b": "It has TensorFlow 1.14."}


def test_a_run_that_waits_for_a_place_is_stopped_at_once(
    run: RemoteRun, made_up: MadeUpCluster
) -> None:
    run.step([Action.PAUSE])
    assert run.outcome is None
    run.step([Action.PAUSE, Action.STOP])
    assert (run.outcome, made_up.ended) == (Ending(RunState.STOPPED), 1)


def test_a_full_disk_at_the_head_stops_the_run_in_words(
    run: RemoteRun, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(run)

    def refuse(*_arguments: object, **_options: object) -> None:
        raise StorageFull("“{folder}” is full or read-only.", folder="home")

    monkeypatch.setattr(inbox, "write_atomically", refuse)
    outbox = Outbox()
    RemoteArtifacts(store.folder("node"), outbox, {}).save("checkpoint-last", {}, {})
    run.receive(outbox.after(0))
    assert run.outcome == Ending(RunState.FAILED, "“home” is full or read-only.")


def test_a_file_that_arrives_damaged_is_asked_for_again_three_times(
    run: RemoteRun, store: RunStore
) -> None:
    start(run)
    outbox = Outbox()
    RemoteArtifacts(store.folder("node"), outbox, {}).save("checkpoint-last", {}, {})
    [sent] = outbox.after(0).messages
    damaged = Answer((replace(sent, content={**sent.content, "sha256": "0"}),))
    for _ in range(2):
        run.receive(damaged)
        assert run.outcome is None
    run.receive(damaged)
    assert isinstance(run.outcome, Ending)
    assert "was damaged on its way" in (run.outcome.message or "")


def silent(run: RemoteRun, monkeypatch: pytest.MonkeyPatch) -> None:
    run.fail(OSError("no route"), unavailable=True, died=False)
    assert run.outcome is None
    later = time.monotonic() + LEASE_SECONDS + 1
    monkeypatch.setattr(time, "monotonic", lambda: later)
    run.call = ("exchange", ())
    run.step(())


def dead(run: RemoteRun, monkeypatch: pytest.MonkeyPatch) -> None:
    run.fail(OSError("it died"), unavailable=False, died=True)


@pytest.mark.parametrize("lose", [silent, dead])
def test_a_run_whose_node_is_lost_is_interrupted(
    run: RemoteRun,
    made_up: MadeUpCluster,
    monkeypatch: pytest.MonkeyPatch,
    lose: Callable[[RemoteRun, pytest.MonkeyPatch], None],
) -> None:
    start(run)
    lose(run, monkeypatch)
    lost = "The node lab-a, which trained this run, was lost."
    assert run.outcome == Ending(RunState.INTERRUPTED, lost)
    # Were it only silent, it must not train on.
    assert made_up.ended == 1


def test_another_gateway_finds_the_trainer_wherever_the_first_left_it(
    run: RemoteRun, store: RunStore, made_up: MadeUpCluster
) -> None:
    def attached() -> RemoteRun:
        again = RemoteRun(made_up, store, run.run_id, run.attempt)  # type: ignore[arg-type]
        again.attach()
        return again

    # It had not been made, or was not started, or trains.
    assert attached().call[0] == "prepare"
    made_up.found = MadeUpTrainer()
    again = attached()
    again.receive(False)
    assert (again.phase, again.call[0]) == ("placing", "prepare")
    again = attached()
    again.receive(True)
    again.step(())
    assert again.call == ("exchange", (0, None, None))
    again.receive(Answer((Message("describe", {"train_images": 3}, 1),)))
    # It has ended with its node.
    made_up.found = None
    assert isinstance(outcome := attached().outcome, Ending)
    assert outcome.state is RunState.INTERRUPTED


def test_a_run_that_was_asked_to_stop_is_stopped_when_its_node_is_lost(
    run: RemoteRun, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(run)
    store.request(run.run_id, Action.STOP)
    dead(run, monkeypatch)
    assert run.outcome == Ending(RunState.STOPPED)


def test_a_run_that_was_started_again_elsewhere_is_lost_to_this_attempt(
    run: RemoteRun, store: RunStore, made_up: MadeUpCluster
) -> None:
    start(run)
    store.transition(run.run_id, RunState.INTERRUPTED)
    run.receive(Answer((Message("describe", {"train_images": 3}, 1),)))
    assert (run.outcome, made_up.ended, run.is_recorded()) == ("lost", 1, True)
    assert store.get(run.run_id).train_images is None


def test_a_node_whose_memory_is_used_up_is_named_with_the_cause(run: RemoteRun) -> None:
    start(run)
    run.fail(OSError("killed due to memory pressure"), unavailable=False, died=True)
    out_of_memory = "The node lab-a, which trained this run, ran out of memory."
    assert run.outcome == Ending(RunState.INTERRUPTED, out_of_memory)


def test_trainers_of_attempts_that_are_over_are_strays() -> None:
    current, refused = trainer_name("ab-c", 2), trainer_name("ab-c", 2, 1)
    over, deleted = trainer_name("ab-c", 1), trainer_name("d", 2)
    names = [current, refused, over, deleted]
    assert stray_trainers(names, {"ab-c": 2, "e": 1}) == [over, deleted]


def test_versions_must_be_equal_and_are_labels_of_a_node() -> None:
    here = versions()
    assert version_refusal(here, here) is None
    assert version_refusal(here, {**here, "Python": "3.9.1"}) == (
        f"It has Python 3.9.1 instead of {here['Python']}: install the head’s version there, and "
        "join again."
    )
    assert label_refusal({}) is label_refusal(version_labels()) is None
    assert label_refusal({"cifarviz-version-cifarviz": "0.0.1"}) is not None


def test_tensorflow_keeps_to_the_cores_that_a_run_was_given() -> None:
    names = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
    assert thread_variables(1) == dict(zip(names, "11", strict=True))
    assert thread_variables(2) == dict(zip(names, "12", strict=True))
    assert thread_variables(8) == dict(zip(names, "88", strict=True))
