"""A published experiment and one's own repeats of it, figure by figure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from cifarviz.experiment.published.preset import HistoryRow
from cifarviz.runs.earlier_losses import EarlierLosses
from cifarviz.runs.records import Epoch

Kind = Literal["share", "difference", "loss", "epoch"]
"""A share is shown in percent, a difference of two shares in points, a loss in nats, an epoch as a
whole number."""

# With fewer published epochs nobody can say where a curve turns.
_ENOUGH_FOR_A_TURN = 3


@dataclass(frozen=True)
class Figure:
    """One published number, ``None`` where none was published, and one's own of each seed."""

    what: str
    kind: Kind
    published: float | None
    reproduced: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle one of one's own."""
        return median(self.reproduced)

    @property
    def low(self) -> float:
        """The smallest one's own."""
        return min(self.reproduced)

    @property
    def high(self) -> float:
        """The largest one's own."""
        return max(self.reproduced)

    @property
    def distance(self) -> float | None:
        """Median less published."""
        return None if self.published is None else self.median - self.published


@dataclass(frozen=True)
class EpochComparison:
    """One epoch of a published history beside the medians of one's own.

    ``runs`` is how many of one's own got so far. What was not measured is ``None``.
    """

    epoch: int
    published: HistoryRow | None
    runs: int
    loss: float | None
    accuracy: float | None
    val_loss: float | None
    val_accuracy: float | None


@dataclass(frozen=True)
class Part:
    """One way of running a published experiment, repeated: figures, and what they took.

    ``seconds`` is one a repeat, time at work; ``epochs`` may be empty. ``losses`` says how losses
    were computed; results that do not say are of an earlier version.
    """

    title: str
    seeds: tuple[int, ...]
    machine: str
    seconds: tuple[float, ...]
    figures: tuple[Figure, ...]
    epochs: tuple[EpochComparison, ...] = ()
    losses: str = EarlierLosses(clipped=True, smoothing=0.0, until=None).words


def history_figures(
    published: Sequence[HistoryRow], histories: Sequence[Sequence[Epoch]], *, validated_on: str
) -> tuple[Figure, ...]:
    """What the last epoch came to, and the turn, the gap and the length of the course.

    The turn is the epoch of the lowest validation loss; the gap is training accuracy less
    validation accuracy after the last epoch. Both are left out, with the length, where so few
    epochs were published that nobody can say where their curve turns, and all about validation
    where nothing was validated. ``validated_on`` says what the validation images are, such as
    ``"test"``. Nothing without a history, or when one has no epoch.
    """
    if not histories or not all(histories):
        return ()
    validated = all(one.val_loss is not None for history in histories for one in history)
    theirs = [Epoch(**row._asdict(), learning_rate=0.0, seconds=0.0) for row in published]

    def figure(what: str, kind: Kind, of: Callable[[Sequence[Epoch]], float]) -> Figure:
        return Figure(
            what, kind, of(theirs) if theirs else None, tuple(of(history) for history in histories)
        )

    figures = [
        figure("training loss, last epoch", "loss", lambda history: history[-1].loss),
        figure("training accuracy, last epoch", "share", lambda history: history[-1].accuracy),
    ]
    if not validated:
        return tuple(figures)
    figures += [
        figure(f"{validated_on} loss, last epoch", "loss", lambda h: _val_loss(h[-1])),
        figure(f"{validated_on} accuracy, last epoch", "share", lambda h: _val_accuracy(h[-1])),
    ]
    if not theirs or len(theirs) >= _ENOUGH_FOR_A_TURN:
        figures += [
            figure(f"epoch of the lowest {validated_on} loss", "epoch", lambda h: turn(h).epoch),
            figure(f"lowest {validated_on} loss", "loss", lambda h: _val_loss(turn(h))),
            figure(
                f"{validated_on} accuracy at the lowest loss",
                "share",
                lambda h: _val_accuracy(turn(h)),
            ),
            figure("gap, training less validation accuracy, last epoch", "difference", _gap),
            figure("number of epochs", "epoch", len),
        ]
    return tuple(figures)


def turn(history: Sequence[Epoch]) -> Epoch:
    """The epoch with the lowest validation loss, the first of equals."""
    return min(history, key=_val_loss)


def epoch_comparison(
    published: Sequence[HistoryRow], histories: Sequence[Sequence[Epoch]]
) -> tuple[EpochComparison, ...]:
    """Every epoch that was published or that one's own runs have, in order."""
    theirs = {row.epoch: row for row in published}
    longest = max((len(history) for history in histories), default=0)
    compared = []
    for number in range(1, max([longest, *theirs]) + 1):
        here = [history[number - 1] for history in histories if len(history) >= number]
        if here or number in theirs:
            compared.append(
                EpochComparison(
                    epoch=number,
                    published=theirs.get(number),
                    runs=len(here),
                    loss=_median([one.loss for one in here]),
                    accuracy=_median([one.accuracy for one in here]),
                    val_loss=_median([one.val_loss for one in here]),
                    val_accuracy=_median([one.val_accuracy for one in here]),
                )
            )
    return tuple(compared)


def _median(values: Sequence[float | None]) -> float | None:
    measured = [value for value in values if value is not None]
    return median(measured) if measured else None


def _val_loss(epoch: Epoch) -> float:
    assert epoch.val_loss is not None
    return epoch.val_loss


def _val_accuracy(epoch: Epoch) -> float:
    assert epoch.val_accuracy is not None
    return epoch.val_accuracy


def _gap(history: Sequence[Epoch]) -> float:
    return history[-1].accuracy - _val_accuracy(history[-1])
