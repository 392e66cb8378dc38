"""A published experiment beside its reproduction, as values and as a report."""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from cifarviz.errors import PlaceRefused
from cifarviz.experiment.presets import PRESETS, Preset
from cifarviz.experiment.published.preset import HistoryRow
from cifarviz.runs.earlier_losses import PLAIN, EarlierLosses
from cifarviz.runs.records import Epoch
from cifarviz.storage import atomically

FigureKind = Literal["share", "difference", "loss", "epoch"]
"""A share is shown in percent, a difference of two shares in points, a loss in nats, an epoch as a
whole number."""

# With fewer published epochs nobody can say where a curve turns.
_ENOUGH_FOR_A_TURN = 3


@dataclass(frozen=True)
class PublishedFigure:
    """One published number, ``None`` where none was published, and one's own of each seed."""

    what: str
    kind: FigureKind
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
class ReproductionPart:
    """One way of running a published experiment, repeated: figures, and what they took.

    ``seconds`` is one a repeat, time at work; ``epochs`` may be empty. ``losses`` says how losses
    were computed; results that do not say are of an earlier version.
    """

    title: str
    seeds: tuple[int, ...]
    machine: str
    seconds: tuple[float, ...]
    figures: tuple[PublishedFigure, ...]
    epochs: tuple[EpochComparison, ...] = ()
    losses: str = EarlierLosses(clipped=True, smoothing=0.0, until=None).label


BEGIN = "<!-- made by: python -m cifarviz reproduce -->"
END = "<!-- end of what was made -->"
_Results = TypeAdapter(dict[str, tuple[ReproductionPart, ...]])
_HEADING = "# Reproduction\n"


def history_figures(
    published: Sequence[HistoryRow], histories: Sequence[Sequence[Epoch]], *, validated_on: str
) -> tuple[PublishedFigure, ...]:
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

    def figure(
        what: str, kind: FigureKind, of: Callable[[Sequence[Epoch]], float]
    ) -> PublishedFigure:
        return PublishedFigure(
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
            figure(
                f"epoch of the lowest {validated_on} loss",
                "epoch",
                lambda h: lowest_loss_epoch(h).epoch,
            ),
            figure(
                f"lowest {validated_on} loss", "loss", lambda h: _val_loss(lowest_loss_epoch(h))
            ),
            figure(
                f"{validated_on} accuracy at the lowest loss",
                "share",
                lambda h: _val_accuracy(lowest_loss_epoch(h)),
            ),
            figure("gap, training less validation accuracy, last epoch", "difference", _gap),
            figure("number of epochs", "epoch", len),
        ]
    return tuple(figures)


def lowest_loss_epoch(history: Sequence[Epoch]) -> Epoch:
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


def read_results(path: Path) -> dict[str, tuple[ReproductionPart, ...]]:
    """The parts of each preset by its name; none where there is no file.

    Raises ``PlaceRefused`` for a file that is something else.
    """
    try:
        return _Results.validate_json(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValidationError) as error:
        raise PlaceRefused(
            "{path} does not hold earlier results, so nothing was written: move it away, or name "
            "another place with --out.",
            path=path,
        ) from error


def check_place(page: Path) -> None:
    """Raise ``PlaceRefused`` if the report can't be written here later; nothing is left behind."""
    if page.suffix == ".json":
        raise _refused(page, "the numbers go into a .json file, so the page needs another name")
    if page.is_dir():
        raise _refused(page, "it is a folder")
    # Links may be broken, and a folder may be there only later.
    parent = next(one for one in page.absolute().parents if one.exists())
    if not parent.is_dir():
        raise _refused(page, f"“{parent}” is a file, not a folder")
    try:
        with tempfile.TemporaryFile(dir=parent):
            pass
        if page.exists():
            page.read_text("utf-8")
            page.open("a").close()
    except UnicodeDecodeError as error:
        raise _refused(page, "what stands there already is not text in UTF-8") from error
    except OSError as error:
        raise _refused(page, error.strerror or str(error)) from error


def write_report(page: Path, results: Mapping[str, tuple[ReproductionPart, ...]]) -> None:
    """Put the tables into the page and the numbers into the JSON file of the same name.

    Only what stands between ``BEGIN`` and ``END`` is replaced. Raises ``PlaceRefused`` where they
    can't be written.
    """
    try:
        page.parent.mkdir(parents=True, exist_ok=True)
        there = page.read_text("utf-8") if page.exists() else None
        before, after = (f"{_HEADING}\n", "\n") if there is None else _around(there)
        text = f"{before}{BEGIN}\n\n{format_report(results)}\n{END}{after}"
        for path, content in (
            (page, text.encode("utf-8")),
            (page.with_suffix(".json"), _Results.dump_json(dict(results), indent=1) + b"\n"),
        ):
            with atomically(path) as temporary:
                temporary.write_bytes(content)
    except OSError as error:
        raise _refused(page, error.strerror or str(error)) from error


def _refused(page: Path, reason: str) -> PlaceRefused:
    return PlaceRefused(
        "The report cannot be written to {page}: {reason}. Name another place with --out.",
        page=page,
        reason=reason,
    )


def format_report(results: Mapping[str, tuple[ReproductionPart, ...]]) -> str:
    """All presets that have results, in the order of the menu."""
    sections = [
        "\n".join(_section(preset, results[preset.name]))
        for preset in PRESETS.values()
        if results.get(preset.name)
    ]
    return "\n".join(sections)


def format_value(value: float, kind: FigureKind) -> str:
    """A figure as a person writes it: 73.6 %, 24.7 points, 0.7965, 9."""
    if kind == "share":
        return f"{value:.1%}".replace("%", " %")
    if kind == "difference":
        return f"{100 * value:.1f} points"
    return f"{value:.4f}" if kind == "loss" else f"{value:g}"


def _around(text: str) -> tuple[str, str]:
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        return f"{text.rstrip()}\n\n", "\n"
    return before, after


def _section(preset: Preset, parts: tuple[ReproductionPart, ...]) -> Iterator[str]:
    yield f"## `{preset.name}`: {preset.title[:1].lower()}{preset.title[1:]}\n"
    for note in preset.notes:
        yield f"{note}\n"
    for part in parts:
        yield f"**{part.title}.** {_circumstances(part)}\n"
        yield from _table(part)
        if part.epochs:
            yield from _epochs(part.epochs)


def _circumstances(part: ReproductionPart) -> str:
    seeds = ", ".join(map(str, part.seeds))
    low, high = min(part.seconds), max(part.seconds)
    time = (
        _minutes(low) if _minutes(low) == _minutes(high) else f"{_minutes(low)} to {_minutes(high)}"
    )
    word = "Seed" if len(part.seeds) == 1 else "Seeds"
    losses = "" if part.losses == PLAIN else f" Losses: {part.losses}."
    return f"{word} {seeds}; full data, float32; {time} each on {part.machine}.{losses}"


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.1f} min"


def _table(part: ReproductionPart) -> Iterator[str]:
    repeats = max(len(figure.reproduced) for figure in part.figures)
    heading = "reproduced, median (range)" if repeats > 1 else "reproduced"
    yield f"| figure | published | {heading} | distance |"
    yield "|---|---|---|---|"
    for figure in part.figures:
        published = "–" if figure.published is None else format_value(figure.published, figure.kind)
        yield f"| {figure.what} | {published} | {_reproduced(figure)} | {_distance(figure)} |"
    yield ""


def _reproduced(figure: PublishedFigure) -> str:
    middle = format_value(figure.median, figure.kind)
    if len(figure.reproduced) == 1:
        return middle
    low, high = (format_value(value, figure.kind) for value in (figure.low, figure.high))
    return f"{middle} ({low} – {high})"


def _distance(figure: PublishedFigure) -> str:
    if figure.distance is None:
        return "–"
    if figure.kind in ("share", "difference"):
        return f"{100 * figure.distance:+.1f} points"
    return f"{figure.distance:+.4f}" if figure.kind == "loss" else f"{figure.distance:+g}"


def _epochs(epochs: tuple[EpochComparison, ...]) -> Iterator[str]:
    yield "<details><summary>Epoch by epoch: published, and the median of the repeats</summary>\n"
    yield (
        "| epoch | training loss | training accuracy | validation loss | validation accuracy | "
        "repeats |"
    )
    yield "|---|---|---|---|---|---|"
    for one in epochs:
        row = one.published
        theirs = (
            (None,) * 4 if row is None else (row.loss, row.accuracy, row.val_loss, row.val_accuracy)
        )
        ours = (one.loss, one.accuracy, one.val_loss, one.val_accuracy)
        kinds: tuple[FigureKind, ...] = ("loss", "share", "loss", "share")
        cells = [
            f"{_known(published, kind)} · {_known(own, kind)}"
            for published, own, kind in zip(theirs, ours, kinds, strict=True)
        ]
        yield f"| {one.epoch} | {' | '.join(cells)} | {one.runs} |"
    yield "\n</details>\n"


def _known(value: float | None, kind: FigureKind) -> str:
    return "–" if value is None else format_value(value, kind)
