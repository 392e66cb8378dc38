"""Every preset trains for an epoch on some images of the sample."""

import pytest

from cifarviz.executors.worker import Worker
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.presets import PRESETS
from cifarviz.runs.artifacts import checkpoint_path


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_trains_for_an_epoch(name: str, worker: Worker) -> None:
    preset = PRESETS[name].experiment
    data = {**dict(preset.data), "variant": "sample", "train_images": 200}
    short = {"epochs": 1, "early_stopping": None, "test_epochs": ()}
    size = min(preset.batch_size, 200)
    made = Experiment.make(**{**dict(preset), "data": data, "batch_size": size, **short})
    run = worker.wait(worker.submit(made, name).id)
    assert (run.state, run.message) == ("finished", None)
    [epoch] = worker.store.epochs(run.id)
    assert 0 < epoch.loss < 5
    assert (epoch.val_loss is None) == (preset.validation.kind == "none")
    folder = worker.store.folder(run.id)
    assert checkpoint_path(folder, "best").is_file()
