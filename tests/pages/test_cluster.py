"""Runs shows which computers of a cluster train which runs."""

import pytest

from cifarviz.cluster.files import ClusterStatus, Node, save_status
from cifarviz.executors import ray_executor
from cifarviz.runs.leases import cluster_owner
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore, new_run_id
from tests import stored_runs
from tests.components import live_items
from tests.pages.runs_page import opened


@pytest.fixture(autouse=True)
def _trains_on_a_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIFARVIZ_EXECUTOR", "ray")
    # No process is started for these pages, which read what another has written.
    monkeypatch.setattr(ray_executor.RayExecutor, "_run_gateways", lambda _self: None)
    monkeypatch.setattr(ray_executor.RayExecutor, "attach", lambda _self, _owner: None)


@pytest.fixture
def run_on_a_node(store: RunStore) -> str:
    run_id = new_run_id()
    store.create(run_id, stored_runs.experiment(), "far away", "dashboard")
    store.transition(run_id, RunState.RUNNING, owner=cluster_owner("head:6379"))
    store.describe(run_id, machine="lab-2: A processor, 4 cores")
    return run_id


NODES = (
    Node("1", "server", 0, 0, is_head=True),
    Node("2", "lab-2", 4, 1),
    Node("3", "lab-3", 1, 0),
    Node("4", "lab-4", 4, 0, refusal="It has TensorFlow 2.20.0 instead of 2.21.0."),
)


def test_each_computer_is_listed_with_what_it_does(store: RunStore, run_on_a_node: str) -> None:
    save_status(store.settings, ClusterStatus("head:6379", NODES, places=2))
    app = opened()
    assert app.expander[0].label == "Computers · 2 runs at once"
    items = live_items(app, "cluster-nodes")
    assert [(item["badge"], item["text"]) for item in items.values()] == [
        ("head", "server, trains no runs itself"),
        ("training", "lab-2, 4 cores, 1 GPU: “far away”"),
        ("free", "lab-3, 1 core"),
        ("refused", "lab-4. It has TensorFlow 2.20.0 instead of 2.21.0."),
    ]
    item = live_items(app, "runs-under-way")[run_on_a_node]
    assert item["text"].endswith(" · lab-2, 4 cores")


def test_a_problem_is_said_and_without_contact_that_runs_wait(
    store: RunStore, run_on_a_node: str
) -> None:
    app = opened()
    assert live_items(app, "cluster-nodes")["connecting"]["text"].startswith("Connecting")
    save_status(store.settings, ClusterStatus("", problem="No cluster was started here."))
    app.run()
    assert [warning.value for warning in app.warning] == [r"No cluster was started here\."]


def test_without_a_cluster_nothing_of_it_is_shown(
    store: RunStore, run_on_a_node: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CIFARVIZ_EXECUTOR")
    assert not opened().expander
