"""The history of a run decides when it ends, as early stopping in Keras."""

from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest

from cifarviz.experiment.choices import EarlyStopping
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.presets import PRESETS
from cifarviz.runs.records import Epoch
from cifarviz.runs.states import RunState
from cifarviz.training.ending import Ending, ending_after

FASHION = PRESETS["fashion-mnist-cnn"]


def fashion(**changes: Any) -> Experiment:
    return Experiment.make(**{**dict(FASHION.experiment), **changes})


def epoch(number: int, val_loss: float | None, val_accuracy: float | None = 0.5) -> Epoch:
    return Epoch(number, 1.0, 0.5, val_loss, val_accuracy, 0.001, 1.0)


def history(*val_losses: float) -> list[Epoch]:
    return [epoch(number, loss) for number, loss in enumerate(val_losses, start=1)]


def test_the_published_run_stops_at_its_published_epoch() -> None:
    rows = FASHION.facts["history"]
    epochs = [Epoch._make((*row, 0.001, 1.0)) for row in rows]
    for length in range(8):
        assert ending_after(FASHION.experiment, epochs[:length]) is None
    assert ending_after(FASHION.experiment, epochs) == Ending(
        RunState.FINISHED,
        "Stopped early after epoch 8: no better validation loss than in epoch 6 for 2 epochs.",
        8,
    )


def test_a_tie_is_not_better() -> None:
    ending = ending_after(fashion(), history(0.5, 0.5, 0.5))
    assert ending is not None
    assert (ending.stopped_early, ending.message) == (
        3,
        "Stopped early after epoch 3: no better validation loss than in epoch 1 for 2 epochs.",
    )


def test_the_monitor_decides() -> None:
    rising = [epoch(1, 0.1, 0.1), epoch(2, 0.2, 0.2), epoch(3, 0.3, 0.3)]
    assert ending_after(fashion(monitor="loss"), rising) is not None
    assert ending_after(fashion(monitor="accuracy"), rising) is None
    falling = [epoch(1, 0.3, 0.3), epoch(2, 0.2, 0.3)]
    impatient = fashion(monitor="accuracy", early_stopping=EarlyStopping(patience=1))
    ending = ending_after(impatient, falling)
    assert ending is not None
    assert ending.message == (
        "Stopped early after epoch 2: no better validation accuracy than in epoch 1 for 1 epoch."
    )


def test_without_validation_the_training_images_decide() -> None:
    unseen = [
        Epoch(1, 0.5, 0.5, None, None, 0.001, 1.0),
        Epoch(2, 0.6, 0.4, None, None, 0.001, 1.0),
        Epoch(3, 0.7, 0.3, None, None, 0.001, 1.0),
    ]
    ending = ending_after(fashion(), unseen)
    assert ending is not None
    assert "no better training loss than in epoch 1" in (ending.message or "")


def test_after_the_last_epoch_there_is_no_early_stop() -> None:
    worse = history(*np.linspace(1, 2, 20))
    assert ending_after(fashion(early_stopping=EarlyStopping(patience=19)), worse) == Ending(
        RunState.FINISHED
    )
    assert ending_after(fashion(early_stopping=None), worse[:-1]) is None


@pytest.mark.parametrize("monitor", ["loss", "accuracy"])
@pytest.mark.parametrize("patience", [1, 2, 3, 5])
def test_early_stopping_ends_at_the_same_epoch_as_in_keras(monitor: str, patience: int) -> None:
    for seed in range(40):
        # Few different values, so that there are ties.
        draws = np.random.default_rng([seed, patience]).integers(1, 6, (20, 2)) / 10
        epochs = [epoch(i, float(pair[0]), float(pair[1])) for i, pair in enumerate(draws, start=1)]
        experiment = fashion(
            monitor=monitor, early_stopping=EarlyStopping(patience=patience), epochs=1000
        )
        ours = next(
            (n for n in range(1, 21) if ending_after(experiment, epochs[:n]) is not None), None
        )
        assert ours == _stopped_by_keras(epochs, f"val_{monitor}", patience)


def _stopped_by_keras(epochs: list[Epoch], monitor: str, patience: int) -> int | None:
    mode = "max" if monitor == "val_accuracy" else "min"
    callback = keras.callbacks.EarlyStopping(monitor=monitor, patience=patience, mode=mode)
    model = SimpleNamespace(stop_training=False)
    callback.set_model(model)
    callback.on_train_begin()
    for one in epochs:
        callback.on_epoch_end(one.epoch - 1, one._asdict())
        if model.stop_training:
            return one.epoch
    return None


def test_early_stopping_of_a_fork_counts_only_its_own_epochs() -> None:
    own = [epoch(number, loss) for number, loss in ((7, 0.5), (8, 0.6), (9, 0.7))]
    assert ending_after(fashion(), own[:2]) is None
    early = ending_after(fashion(), own)
    assert early is not None
    assert (early.stopped_early, early.state) == (9, RunState.FINISHED)
    assert ending_after(fashion(epochs=8), own[:2]) == Ending(RunState.FINISHED)
    assert ending_after(fashion(epochs=8), own[:1]) is None
