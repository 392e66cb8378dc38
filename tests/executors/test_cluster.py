"""Runs train on two nodes of a Ray cluster on this machine, and survive what may happen to it."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cifarviz.cluster import node_process
from cifarviz.cluster.files import Node, load_status
from cifarviz.data.importing.importer import prepare_import
from cifarviz.errors import ClusterError
from cifarviz.executors.worker import Worker
from cifarviz.experiment.dataset_fitting import fit_experiment
from cifarviz.experiment.experiment import Experiment
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.flatten import Flatten
from cifarviz.layers.pooling import MaxPool2D
from cifarviz.runs.artifacts import checkpoint_path, load_arrays
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import snapshot_epochs
from cifarviz.runs.states import Action, RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from scripts.local_cluster import LocalCluster, local_cluster
from tests import stored_runs, waiting
from tests.picture_sources import fruits, write_folder

pytestmark = [
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="clusters need Linux"),
    pytest.mark.timeout(300),
]
SOON = 120.0
MakeWorker = Callable[[Settings], Worker]


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    # Paths of Ray's sockets must be short, and are not below this folder.
    with local_cluster(tmp_path_factory.mktemp("cluster")) as made:
        made.join("a", "b")
        yield made


@pytest.fixture
def connected(nodes: LocalCluster, settings: Settings) -> Settings:
    return nodes.connected(settings)


@pytest.fixture(scope="module")
def make_worker() -> Iterator[MakeWorker]:
    """Makes workers; their gateways end with the module, and not with this process."""
    workers: list[Worker] = []

    def make(settings: Settings) -> Worker:
        workers.append(Worker(settings, "dashboard"))
        return workers[-1]

    yield make
    for worker in workers:
        worker._executor.close()  # type: ignore[attr-defined]


def slow_experiment(**fields: object) -> Experiment:
    """An experiment whose epochs take a second or two on a core."""
    layers = (
        Conv2D(filters=24),
        MaxPool2D(),
        Conv2D(filters=32),
        MaxPool2D(),
        Flatten(),
        Dense(units=10, activation="softmax"),
    )
    return stored_runs.experiment(*layers, precision="float32", batch_size=32, **fields)


def wait_until(store: RunStore, run_id: str, holds: Callable[[Run], object]) -> Run:
    """Wait until something holds for a run; returns the run."""

    def is_so() -> bool:
        now = store.get(run_id)
        assert now.state is not RunState.FAILED, now.message
        return bool(holds(now))

    waiting.wait_until(is_so, SOON)
    return store.get(run_id)


def result(store: RunStore, run: Run) -> tuple[object, ...]:
    """Return what must be equal to the last digit: history, points and the last checkpoint."""
    points = store.batch_points(run.id)
    arrays, facts = load_arrays(checkpoint_path(store.folder(run.id), "last"))
    facts.pop("seconds")
    return (
        [tuple(epoch)[:-1] for epoch in store.epochs(run.id)],
        points.steps.tolist(),
        points.loss.tolist(),
        {name: values.tobytes() for name, values in arrays.items()},
        facts,
        snapshot_epochs(store.folder(run.id), "weights"),
        snapshot_epochs(store.folder(run.id), "maps"),
    )


def import_fruits(settings: Settings, folder: Path) -> Experiment:
    """Import pictures that no node has; returns an experiment on them."""
    with prepare_import(write_folder(fruits(20), folder / "pictures"), "fruits", settings) as made:
        info = made.store(settings)
    fields = {"epochs": 1, "batch_size": 16, "precision": "float32", "tensorboard": True}
    return fit_experiment(stored_runs.experiment(**fields), info)


def step_of(run: Run) -> int:
    return 0 if run.progress is None else run.progress.step


def heartbeat(run: Run) -> float:
    return 0.0 if run.progress is None else run.progress.heartbeat


def node_of(run: Run) -> str:
    return run.machine.partition(":")[0]


@pytest.fixture(scope="module")
def uninterrupted(
    nodes: LocalCluster, make_worker: MakeWorker, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], tuple[object, ...]]:
    """Begin an uninterrupted run; the fixture waits for its end, and returns its result."""
    home = tmp_path_factory.mktemp("uninterrupted")
    settings = Settings.from_environment({"CIFARVIZ_HOME": str(home)})
    worker = make_worker(nodes.connected(settings))
    run = worker.submit(slow_experiment(), "uninterrupted")

    def wait() -> tuple[object, ...]:
        done = worker.wait(run.id, SOON)
        assert (done.state, done.message) == (RunState.FINISHED, None)
        return result(worker.store, done)

    return wait


def test_a_run_is_watched_paused_stopped_and_gone_on_with(
    connected: Settings, make_worker: MakeWorker, uninterrupted: Callable[[], tuple[object, ...]]
) -> None:
    worker = make_worker(connected)
    store = worker.store
    run = worker.submit(slow_experiment(), "far away")
    seen = set()

    def has_an_epoch(now: Run) -> bool:
        seen.add(len(store.batch_points(now.id)))
        return now.epochs_done >= 1

    wait_until(store, run.id, has_an_epoch)
    # Its points come while it trains.
    assert len(seen) > 2
    status = load_status(connected)
    assert status is not None
    assert node_of(store.get(run.id)) in ("a", "b")
    assert (status.places, status.problem) == (2, None)

    store.request(run.id, Action.PAUSE)
    paused = wait_until(store, run.id, lambda run: run.state is RunState.PAUSED)
    steps = len(store.batch_points(run.id))
    # It is heard of, and does not go on.
    wait_until(store, run.id, lambda run: heartbeat(run) > heartbeat(paused) + 0.5)
    assert len(store.batch_points(run.id)) == steps
    store.request(run.id, Action.RESUME)
    wait_until(store, run.id, lambda run: run.state is RunState.RUNNING)
    store.request(run.id, Action.STOP)
    stopped = worker.wait(run.id, SOON)
    assert (stopped.state, stopped.message) == (RunState.STOPPED, None)

    done = worker.wait(worker.resume(run.id).id, SOON)
    assert (done.state, done.message, done.attempt) == (RunState.FINISHED, None, 2)
    assert result(store, done) == uninterrupted()


def test_the_dashboard_and_then_its_gateway_are_killed(
    connected: Settings,
    make_worker: MakeWorker,
    tmp_path: Path,
    uninterrupted: Callable[[], tuple[object, ...]],
) -> None:
    script = (
        "import time\n"
        "from cifarviz.executors.worker import Worker\n"
        "from cifarviz.settings import Settings\n"
        "worker = Worker(Settings.from_environment(), 'dashboard')\n"
        "from tests.executors.test_cluster import slow_experiment\n"
        "print(worker.submit(slow_experiment(), 'left alone').id, flush=True)\n"
        "time.sleep(300)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        env={**os.environ, **connected.environment()},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    run_id = process.stdout.readline().strip()
    store = RunStore(connected)
    wait_until(store, run_id, lambda run: step_of(run) >= 20)
    process.kill()
    process.wait()
    # It trains on, and whoever reads it does not say that it was interrupted.
    assert store.get(run_id).state is RunState.RUNNING
    taken = store.received(run_id)

    worker = make_worker(connected)
    worker.adopt()
    pictures = import_fruits(connected, tmp_path)
    other = worker.submit(pictures, "fruits")
    wait_until(store, run_id, lambda run: store.received(run.id) > taken)
    worker._executor._gateway.kill()  # type: ignore[attr-defined]
    done = worker.wait(run_id, SOON)
    assert (done.state, done.message, done.attempt) == (RunState.FINISHED, None, 1)
    assert result(store, done) == uninterrupted()

    # The images were sent, and TensorBoard's files came back.
    done = worker.wait(other.id, SOON)
    assert (done.state, done.note, done.epochs_done) == (RunState.FINISHED, None, 1)
    events = [path.parent.name for path in store.tensorboard_folder(other.id).rglob("events*")]
    assert sorted(events) == ["train", "validation"]


def test_a_node_with_another_version_is_refused_and_with_a_wrong_token_too(
    nodes: LocalCluster,
    make_worker: MakeWorker,
    connected: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    labels = {"cifarviz-version-TensorFlow": "1.15.0"}
    monkeypatch.setattr(node_process, "version_labels", lambda: labels)
    nodes.join("old")
    monkeypatch.undo()
    worker = make_worker(connected)

    def all_nodes() -> list[Node]:
        status = load_status(connected)
        return [] if status is None else list(status.nodes)

    waiting.wait_until(lambda: len(all_nodes()) == 4, SOON)
    [refusal] = [node.refusal for node in all_nodes() if node.refusal]
    assert "It has TensorFlow 1.15.0 instead of 2." in refusal
    now = load_status(connected)
    assert now is not None
    assert now.places == 2
    del worker
    nodes.kill("old")
    with pytest.raises(ClusterError, match="refuses this token"):
        node_process.join(nodes.settings_of("stranger"), nodes.address, "0" * 64)


def test_a_node_is_killed_in_the_middle_of_an_epoch(
    nodes: LocalCluster,
    make_worker: MakeWorker,
    connected: Settings,
    uninterrupted: Callable[[], tuple[object, ...]],
) -> None:
    worker = make_worker(connected)
    run = worker.submit(slow_experiment(), "unlucky")
    store, per_epoch = worker.store, 157
    between = wait_until(
        store, run.id, lambda run: run.epochs_done >= 1 and step_of(run) % per_epoch
    )
    nodes.kill(node_of(between))
    done = worker.wait(run.id, SOON)
    assert (done.state, done.message) == (RunState.FINISHED, None)
    assert done.note is not None
    assert "was lost. It went on from its last checkpoint (1 of 3)." in done.note
    assert node_of(done) != node_of(between)
    assert result(worker.store, done) == uninterrupted()
