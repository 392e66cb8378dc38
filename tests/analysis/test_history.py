import math

import pytest

from cifarviz.analysis.history import COLUMNS, best_epoch, history_frame
from cifarviz.runs.records import Epoch


def epoch(number: int, loss: float, val_loss: float | None) -> Epoch:
    val_accuracy = None if val_loss is None else 0.5
    return Epoch(number, loss, 0.4, val_loss, val_accuracy, 0.001, 2.0)


def test_a_row_an_epoch_with_the_values_as_stored() -> None:
    table = history_frame([epoch(1, 1.5, 1.25), epoch(2, 1.0, 1.125)])

    assert tuple(table.columns) == COLUMNS == Epoch._fields
    assert table.to_dict("list") == {
        "epoch": [1, 2],
        "loss": [1.5, 1.0],
        "accuracy": [0.4, 0.4],
        "val_loss": [1.25, 1.125],
        "val_accuracy": [0.5, 0.5],
        "learning_rate": [0.001, 0.001],
        "seconds": [2.0, 2.0],
    }


@pytest.mark.parametrize("epochs", [[], [epoch(1, 1.5, None), epoch(2, 1.0, None)]])
def test_what_was_not_measured_is_nan_in_columns_of_fixed_types(epochs: list[Epoch]) -> None:
    table = history_frame(epochs)

    assert [str(kind) for kind in table.dtypes] == ["int64"] + ["float64"] * 6
    assert table["val_loss"].isna().all()
    assert len(table) == len(epochs)


def test_the_best_epoch_has_the_lowest_validation_loss_the_first_of_equals() -> None:
    losses = [1.5, 0.75, 1.0, 0.75]
    epochs = [epoch(n, 1.0 / n, loss) for n, loss in enumerate(losses, start=1)]

    assert best_epoch(epochs) == 2


def test_without_validation_the_training_loss_decides() -> None:
    assert best_epoch([epoch(1, 1.5, None), epoch(2, 0.5, None), epoch(3, 0.75, None)]) == 2


def test_the_accuracy_decides_where_it_is_monitored() -> None:
    found = [(0.5, 0.7), (0.6, 0.9), (0.7, 0.9), (0.8, 0.8)]
    epochs = [Epoch(n, 1.0, a, 1.0, b, 0.001, 1.0) for n, (a, b) in enumerate(found, start=1)]
    unseen = [Epoch(n, 1.0, a, None, None, 0.001, 1.0) for n, (a, _) in enumerate(found, start=1)]

    assert best_epoch(epochs, "accuracy") == 2
    assert best_epoch(unseen, "accuracy") == 4


def test_no_epoch_is_best_when_there_is_none_with_a_loss() -> None:
    assert best_epoch([]) is None
    assert best_epoch([epoch(1, math.nan, None)]) is None
    assert best_epoch([epoch(1, math.nan, None), epoch(2, 3.0, None)]) == 2
