import pytest

from cifarviz.analysis.reproduction import epoch_comparison, history_figures, lowest_loss_epoch
from cifarviz.experiment.presets import HistoryRow
from cifarviz.runs.records import Epoch

PUBLISHED = (
    HistoryRow(1, 1.5, 0.4, 1.2, 0.5),
    HistoryRow(2, 1.0, 0.7, 1.0, 0.6),
    HistoryRow(3, 0.5, 0.9, 1.4, 0.61),
)


def history(*rows: tuple[float, float, float | None, float | None]) -> list[Epoch]:
    return [Epoch(number, *row, 0.001, 1.0) for number, row in enumerate(rows, 1)]


FIRST = history((1.4, 0.5, 1.1, 0.5), (0.9, 0.7, 1.2, 0.55), (0.4, 0.95, 1.5, 0.6))
SECOND = history((1.6, 0.4, 1.3, 0.4), (1.1, 0.6, 1.1, 0.57), (0.6, 0.85, 1.3, 0.64))


def test_a_figure_is_the_median_and_the_range_over_the_runs() -> None:
    figures = {f.what: f for f in history_figures(PUBLISHED, [FIRST, SECOND], validated_on="test")}
    last = figures["test accuracy, last epoch"]
    assert (last.published, last.low, last.high) == (0.61, 0.6, 0.64)
    assert last.median == pytest.approx(0.62)
    assert last.distance == pytest.approx(0.01)


def test_lowest_loss_and_gap_are_measured_alike_for_published_and_reproduced() -> None:
    figures = {f.what: f for f in history_figures(PUBLISHED, [FIRST, SECOND], validated_on="test")}
    lowest = figures["epoch of the lowest test loss"]
    assert (lowest.published, *lowest.reproduced) == (2, 1, 2)
    gap = figures["gap, training less validation accuracy, last epoch"]
    assert gap.published == pytest.approx(0.29)
    assert gap.reproduced == pytest.approx((0.35, 0.21))


def test_two_published_epochs_have_no_lowest_loss() -> None:
    figures = history_figures((PUBLISHED[0], PUBLISHED[2]), [FIRST], validated_on="test")
    assert len(figures) == 4


def test_without_validation_there_are_only_training_figures() -> None:
    unvalidated = history((1.4, 0.5, None, None))
    figures = history_figures((), [unvalidated], validated_on="test")
    assert [(f.what, f.published) for f in figures] == [
        ("training loss, last epoch", None),
        ("training accuracy, last epoch", None),
    ]
    assert epoch_comparison((), [unvalidated])[0].val_loss is None


def test_no_history_gives_no_figures() -> None:
    assert history_figures(PUBLISHED, [[]], validated_on="test") == ()
    assert epoch_comparison((), []) == ()


def test_the_first_of_equal_losses_is_the_lowest() -> None:
    assert lowest_loss_epoch(history((1, 0.5, 1.0, 0.5), (1, 0.5, 1.0, 0.6))).epoch == 1


def test_epochs_are_compared_as_far_as_runs_go() -> None:
    compared = epoch_comparison(PUBLISHED[:2], [FIRST, SECOND[:2]])
    assert epoch_comparison(PUBLISHED, [FIRST[:1]])[2].loss is None
    assert [(one.epoch, one.runs) for one in compared] == [(1, 2), (2, 2), (3, 1)]
    assert compared[1].published == PUBLISHED[1]
    assert compared[1].val_loss == pytest.approx(1.15)
    assert compared[2].published is None
