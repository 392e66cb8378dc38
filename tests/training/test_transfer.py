"""A run starts its first layers with another run's weights; frozen layers keep theirs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cifarviz.datasets.info import DatasetInfo
from cifarviz.errors import ArtifactMissing, ExperimentInvalid, RunNotFound
from cifarviz.executors.worker import Worker
from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.dataset_fitting import fit_experiment
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.forking import ForkChanges, fork_experiment
from cifarviz.experiment.lab import Arm, LabExperiment
from cifarviz.experiment.preprocessing import Scaling
from cifarviz.experiment.transfer import Transfer, layers_before_head, transferred_variables
from cifarviz.experiment.variable_shapes import without_place
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.flatten import Flatten
from cifarviz.layers.residual import residual
from cifarviz.runs import locks
from cifarviz.runs.artifacts import checkpoint_path, load_arrays, start_path
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import load_weights
from cifarviz.runs.states import RunState
from cifarviz.settings import Settings
from cifarviz.training.series_queue import queue_lab_experiment
from tests.made_up_datasets import WIDE, fetch_into, register
from tests.training.conftest import LAYERS, MakeExperiment, TrainRun

# As many as the layers that work on maps.
BASE = 4


@pytest.fixture
def fruit(monkeypatch: pytest.MonkeyPatch, settings: Settings, tmp_path: Path) -> DatasetInfo:
    """A data set of other images and classes: 48×64 pixels, three classes."""
    register(monkeypatch, WIDE)
    fetch_into(settings, WIDE, tmp_path)
    return WIDE


def started_from(source: Run, info: DatasetInfo, frozen: int, **fields: Any) -> Experiment:
    """The source's experiment on another data set, with its first layers transferred."""
    fitted = fit_experiment(source.experiment, info, "full")
    changes: dict[str, Any] = {
        "data": {"dataset": info.name, "variant": "full"},
        "validation": {"kind": "split", "fraction": 0.2},
        "architecture": fitted.architecture.with_frozen(frozen),
        "transfer": Transfer(run=source.id, layers=BASE),
        "epochs": 2,
    }
    return Experiment.make(**{**dict(fitted), **changes, **fields})


def weights(worker: Worker, run: Run, which: Any) -> dict[str, np.ndarray]:
    """The weights by name, without the place of their layer."""
    arrays, _ = load_weights(worker.store.folder(run.id), which)
    return {without_place(name): values for name, values in arrays.items()}


def test_the_layers_before_the_head_are_those_that_work_on_maps(
    make_experiment: MakeExperiment,
) -> None:
    network = make_experiment().architecture
    assert layers_before_head(network.trace()) == BASE
    assert network.layers[:BASE] == LAYERS[:BASE]


def test_the_first_layers_start_with_the_weights_of_the_run_and_all_others_fresh(
    worker: Worker, trained: TrainRun, fruit: DatasetInfo
) -> None:
    source = trained(epochs=2)
    made = started_from(source, fruit, frozen=0)
    run = worker.wait(worker.submit(made, "transferred").id)
    assert (run.state, run.message, run.epochs_done) == (RunState.FINISHED, None, 2)
    assert (run.parent, run.exact_loss_from) == (None, 1)
    assert [epoch.epoch for epoch in worker.store.epochs(run.id)] == [1, 2]
    assert not start_path(worker.store.folder(run.id)).exists()
    taken, first, last = (
        weights(worker, source, "best"), weights(worker, run, 0), weights(worker, run, "last"),
    )  # fmt: skip
    for name in ("conv2d_1/kernel", "conv2d_1/bias", "batch_normalization_1/moving_variance"):
        np.testing.assert_array_equal(first[f"model/{name}"], taken[f"model/{name}"])
        assert not np.array_equal(first[f"model/{name}"], last[f"model/{name}"])
    scratch = worker.wait(worker.submit(made.model_copy(update={"transfer": None}), "new").id)
    np.testing.assert_array_equal(
        first["model/dense_1/kernel"], weights(worker, scratch, 0)["model/dense_1/kernel"]
    )


def test_frozen_layers_keep_their_weights_and_the_optimiser_has_no_slots_for_them(
    worker: Worker, trained: TrainRun, fruit: DatasetInfo
) -> None:
    source = trained(epochs=2)
    made = started_from(source, fruit, frozen=BASE, l2=0.1)
    trace = made.architecture.trace()
    assert trace.trainable_parameters == trace.rows[-1].parameters
    run = worker.wait(worker.submit(made, "frozen").id)
    assert run.state is RunState.FINISHED, run.message
    taken, last = weights(worker, source, "best"), weights(worker, run, "last")
    for name in taken:
        if "conv2d" in name or "batch_norm" in name:
            np.testing.assert_array_equal(last[name], taken[name], err_msg=name)
    arrays, _ = load_arrays(checkpoint_path(worker.store.folder(run.id), "last"))
    slots = [name for name in arrays if name.startswith("optimizer/")]
    assert len(slots) == 2 + 2 * 2  # iteration and rate; two moments of kernel and bias
    assert not any("conv2d" in name or "batch_norm" in name for name in slots)


def test_a_fork_unfreezes_all_layers_and_its_optimiser_starts_fresh(
    worker: Worker, trained: TrainRun, fruit: DatasetInfo
) -> None:
    source = trained(epochs=1)
    run = worker.wait(worker.submit(started_from(source, fruit, frozen=BASE), "frozen").id)
    made = fork_experiment(
        run.experiment, 2, ForkChanges(epochs=2, learning_rate=1e-4, unfreeze=True)
    )
    assert not any(layer.is_frozen for layer in made.architecture.layers)
    fork = worker.wait(worker.fork(run.id, 2, made, "unfrozen").id)
    assert (fork.state, fork.message) == (RunState.FINISHED, None)
    assert [epoch.epoch for epoch in worker.store.epochs(fork.id)] == [3, 4]
    before, first, after = (
        weights(worker, run, "last"), weights(worker, fork, 2), weights(worker, fork, "last")
    )  # fmt: skip
    for name in ("model/conv2d_1/kernel", "model/batch_normalization_1/gamma"):
        np.testing.assert_array_equal(first[name], before[name])
        assert not np.array_equal(after[name], first[name])


def test_a_run_may_start_from_one_that_is_queued_before_it(
    worker: Worker, make_experiment: MakeExperiment, fruit: DatasetInfo
) -> None:
    slot = locks.acquire(worker.store.slot_path())
    assert slot is not None
    source = worker.submit(make_experiment(epochs=1), "first")
    run = worker.submit(started_from(source, fruit, frozen=BASE, epochs=1), "second")
    slot.release()
    ended = worker.wait(run.id)
    assert (ended.state, ended.message) == (RunState.FINISHED, None)
    name = "model/conv2d_1/kernel"
    np.testing.assert_array_equal(
        weights(worker, ended, "last")[name], weights(worker, source, "best")[name]
    )


def test_a_run_trains_after_the_one_it_starts_from_was_deleted(
    worker: Worker, trained: TrainRun, fruit: DatasetInfo
) -> None:
    source = trained(epochs=1)
    slot = locks.acquire(worker.store.slot_path())
    assert slot is not None
    run = worker.submit(started_from(source, fruit, frozen=0, epochs=1), "second")
    worker.store.delete(source.id)
    slot.release()
    assert worker.wait(run.id).state is RunState.FINISHED


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"transfer": {"run": "nobody"}}, RunNotFound, "nobody"),
        ({"transfer": {"run": "", "layers": 2}}, ExperimentInvalid, "Choose the run"),
        ({"layers": 1}, ExperimentInvalid, "up to layer 1, have no weights to take"),
        ({"layers": 9}, ExperimentInvalid, r"9 layers cannot be taken: the network has 7\."),
        (
            {"layers": 7},
            ExperimentInvalid,
            r"^Layer 7 \(dense_1\) cannot start with the weights of “tiny”: its kernel has the "
            r"shape 192×3 and there it is 64×10\. Take fewer layers",
        ),
        ({"checkpoint": "last"}, ArtifactMissing, "“tiny” .* Choose other weights"),
    ],
)
def test_what_cannot_be_transferred_is_refused_before_anything_is_stored(
    worker: Worker,
    trained: TrainRun,
    fruit: DatasetInfo,
    change: dict[str, Any],
    error: type[Exception],
    message: str,
) -> None:
    source = trained(epochs=1)
    checkpoint_path(worker.store.folder(source.id), "last").unlink()
    fields = {"run": source.id, "layers": 2, **change.get("transfer", change)}
    with pytest.raises(error, match=message):
        worker.submit(started_from(source, fruit, 0, transfer=fields), "refused")
    assert len(worker.store.all()) == 1
    assert len(list(worker.settings.runs.iterdir())) == 1


def test_a_layer_without_counterpart_is_named(
    worker: Worker, trained: TrainRun, make_experiment: Callable
) -> None:
    source = trained(epochs=1)
    doubled = {"input_shape": (32, 32, 3), "classes": 10, "layers": (LAYERS[1], *LAYERS)}
    made = make_experiment(architecture=doubled, transfer=Transfer(run=source.id, layers=4))
    with pytest.raises(ExperimentInvalid, match=r"Layer 3 \(conv2d_2\) has no counterpart in"):
        worker.submit(made, "refused")


def test_a_network_needs_a_layer_that_is_trained(make_experiment: MakeExperiment) -> None:
    network = make_experiment().architecture.with_frozen(len(LAYERS))
    with pytest.raises(ExperimentInvalid, match="All layers are frozen, so nothing would"):
        make_experiment(architecture=network)


def test_a_block_is_frozen_with_all_layers_inside_it(make_experiment: MakeExperiment) -> None:
    from cifarviz.network.build import build
    from cifarviz.network.variables import trainable_variables

    layers = (Conv2D(filters=4), residual(4), Flatten(), Dense(units=10, activation="softmax"))
    network = Architecture(input_shape=(8, 8, 3), classes=10, layers=layers)
    frozen = network.with_frozen(2)
    assert frozen.trace().trainable_parameters == frozen.trace().rows[-1].parameters
    model = build(frozen, Scaling((1 / 255,) * 3, (0.0,) * 3))
    assert [variable.name for variable in trainable_variables(model)] == ["kernel", "bias"]
    assert frozen.with_frozen(0) == network
    # Up to the block, in a network with another head.
    found = transferred_variables(network, frozen, 2, "")
    assert len(found) == 2 + 2 * (1 + 4)
    assert all(own == there for own, there in found.items())


def test_arms_of_a_lab_experiment_start_with_layers_of_the_first(
    worker: Worker, make_experiment: MakeExperiment
) -> None:
    made = make_experiment(epochs=1)
    arms = (Arm("first", made), Arm("scratch", made), Arm("taken", made, layers_taken=BASE))
    series = queue_lab_experiment(worker, LabExperiment("transfer", "Transfer", arms))
    first, scratch, taken = (worker.wait(run_id) for run_id in series.run_ids)
    assert [run.state for run in (first, scratch, taken)] == [RunState.FINISHED] * 3
    assert scratch.experiment.transfer is None
    assert taken.experiment.transfer == Transfer(run=first.id, layers=BASE)
    name = "model/conv2d_1/kernel"
    np.testing.assert_array_equal(
        weights(worker, taken, 0)[name], weights(worker, first, "best")[name]
    )
