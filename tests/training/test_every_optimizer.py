"""Each optimiser keeps the promises to a run: exact resume, packed runs, exported code."""

import ast
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from cifarviz.executors.worker import Worker
from cifarviz.experiment.optimizers import OPTIMIZERS
from cifarviz.export.code.program import script
from cifarviz.runs.archive import pack, unpack
from cifarviz.runs.artifacts import checkpoint_path, load_arrays
from cifarviz.runs.records import Run
from cifarviz.runs.states import Action, RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from cifarviz.training import engine, recorder
from cifarviz.training.checkpoint import save_last
from cifarviz.training.trainable import build_optimizer


def _last(store: RunStore, run: Run) -> dict[str, np.ndarray]:
    return load_arrays(checkpoint_path(store.folder(run.id), "last"))[0]


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_a_stopped_run_is_imported_and_resumed_to_the_same_end(
    kind: str,
    worker: Worker,
    trained: Callable[..., Run],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    uninterrupted = trained(optimizer=OPTIMIZERS[kind]())

    def save_and_stop(*state: object, **facts: object) -> None:
        save_last(*state, **facts)  # type: ignore[arg-type]
        worker.store.request(worker.store.active()[0].id, Action.STOP)

    with monkeypatch.context() as patch:
        patch.setattr(engine, "save_last", save_and_stop)
        # Its steps may all be done before the next poll.
        patch.setattr(recorder, "POLL_SECONDS", 0)
        stopped = trained(optimizer=OPTIMIZERS[kind]())
    assert stopped.state is RunState.STOPPED
    pack(worker.store, stopped.id, tmp_path / "run.zip")
    home = {"CIFARVIZ_HOME": str(tmp_path / "home"), "KERAS_HOME": str(tmp_path)}
    elsewhere = Worker(Settings.from_environment(home), "dashboard")
    imported = unpack(elsewhere.store, tmp_path / "run.zip", origin="imported")
    resumed = elsewhere.wait(elsewhere.resume(imported.id).id)
    assert resumed.state is RunState.FINISHED, resumed.message
    arrays = _last(elsewhere.store, resumed)
    for name, expected in _last(worker.store, uninterrupted).items():
        np.testing.assert_array_equal(arrays[name], expected, err_msg=name)


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_the_exported_code_has_the_optimiser_of_the_run(
    kind: str, trained: Callable[..., Run], make_experiment: Callable
) -> None:
    experiment = make_experiment(optimizer=OPTIMIZERS[kind](learning_rate=0.02))
    run = replace(trained(epochs=1), experiment_json=experiment.to_json())
    source = script(run)
    tree = ast.parse(source)
    keywords = [node for node in ast.walk(tree) if isinstance(node, ast.keyword)]
    [code] = [ast.unparse(one.value) for one in keywords if one.arg == "optimizer"]
    names = {"keras": keras, "math": math, "LEARNING_RATE": 0.02}
    classes: list[ast.stmt] = [
        node
        for node in tree.body
        if isinstance(node, ast.ClassDef) and ast.unparse(node.bases[0]).startswith("keras.opt")
    ]
    exec(compile(ast.Module(classes, []), "train.py", "exec"), names)
    written = eval(code, names)
    built = build_optimizer(experiment.optimizer)
    assert type(written).__name__ == type(built).__name__
    assert written.get_config() == {**built.get_config(), "name": written.name}
    check_same_steps(written, built)


def check_same_steps(
    written: keras.optimizers.Optimizer, built: keras.optimizers.Optimizer
) -> None:
    random = np.random.default_rng(4)
    found = []
    shapes = {"conv2d": (3, 3, 2, 5), "depthwise": (3, 3, 5, 2), "dense": (5, 4), "out": (4, 3)}
    start = {name: random.normal(size=shape) for name, shape in shapes.items()}
    for optimizer in (written, built):
        variables = []
        for name, value in start.items():
            with keras.name_scope(name):
                variables.append(keras.Variable(value, name="kernel"))
        optimizer.build(variables)
        optimizer.apply([keras.ops.cos(variable) for variable in variables])
        found.append([variable.numpy() for variable in variables])
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_array_equal(ours, theirs)
