"""Each optimiser keeps the promises to a run: exact resume, packed runs, exported code."""

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
    line = next(line for line in script(run).splitlines() if "optimizer=keras." in line)
    code = line.strip().removeprefix("optimizer=").removesuffix(",")
    written = eval(code, {"keras": keras, "LEARNING_RATE": 0.02})
    built = build_optimizer(experiment.optimizer)
    assert type(written) is type(built)
    assert written.get_config() == {**built.get_config(), "name": written.name}
