"""Reproductions of published experiments: values and a report."""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from cifarviz.errors import OutputPathInvalid
from cifarviz.experiment.presets import PRESETS, Preset
from cifarviz.experiment.published.preset import HistoryRow
from cifarviz.runs.earlier_losses import PLAIN, EarlierLosses
from cifarviz.runs.records import Epoch
from cifarviz.storage import atomic_write

FigureKind = Literal["share", "difference", "loss", "epoch"]
"""Formats: a share in percent, a difference of shares in points, a loss in nats, an epoch as an
integer."""

# With fewer published epochs the lowest validation loss means little.
_FEWEST_FOR_LOWEST = 3


@dataclass(frozen=True)
class PublishedFigure:
    """A published number, ``None`` if none was published, and the reproduced one of each seed."""

    what: str
    kind: FigureKind
    published: float | None
    reproduced: tuple[float, ...]

    @property
    def median(self) -> float:
        """Median of the reproduced numbers."""
        return median(self.reproduced)

    @property
    def low(self) -> float:
        """Smallest reproduced number."""
        return min(self.reproduced)

    @property
    def high(self) -> float:
        """Largest reproduced number."""
        return max(self.reproduced)

    @property
    def distance(self) -> float | None:
        """Median minus published number."""
        return None if self.published is None else self.median - self.published


@dataclass(frozen=True)
class EpochComparison:
    """An epoch of a published history, and the medians of the reproduced runs.

    ``runs`` is the number of reproduced runs that reached it. Values not measured are ``None``.
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
    """A variant of a published experiment, repeated with several seeds.

    ``seconds`` is the training time of each repeat; ``epochs`` may be empty. ``losses`` is how
    losses were computed; the default is for results of an earlier version.
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
    """Figures of the last epoch, of the lowest validation loss, of the gap and of the length.

    The gap is training accuracy minus validation accuracy after the last epoch. The last three
    kinds are left out with fewer than three published epochs, and all validation figures without
    validation. ``validated_on`` names the validation images, such as ``"test"``. Empty without
    histories, or if one has no epoch.
    """
    if not histories or not all(histories):
        return ()
    validated = all(epoch.val_loss is not None for history in histories for epoch in history)
    published_epochs = [Epoch(**row._asdict(), learning_rate=0.0, seconds=0.0) for row in published]

    def figure(
        what: str, kind: FigureKind, of: Callable[[Sequence[Epoch]], float]
    ) -> PublishedFigure:
        return PublishedFigure(
            what,
            kind,
            of(published_epochs) if published_epochs else None,
            tuple(of(history) for history in histories),
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
    if not published_epochs or len(published_epochs) >= _FEWEST_FOR_LOWEST:
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
    """The first epoch with the lowest validation loss."""
    return min(history, key=_val_loss)


def epoch_comparison(
    published: Sequence[HistoryRow], histories: Sequence[Sequence[Epoch]]
) -> tuple[EpochComparison, ...]:
    """All published and reproduced epochs, in order."""
    rows = {row.epoch: row for row in published}
    longest = max((len(history) for history in histories), default=0)
    compared = []
    for number in range(1, max([longest, *rows]) + 1):
        reached = [history[number - 1] for history in histories if len(history) >= number]
        if reached or number in rows:
            compared.append(
                EpochComparison(
                    epoch=number,
                    published=rows.get(number),
                    runs=len(reached),
                    loss=_median([epoch.loss for epoch in reached]),
                    accuracy=_median([epoch.accuracy for epoch in reached]),
                    val_loss=_median([epoch.val_loss for epoch in reached]),
                    val_accuracy=_median([epoch.val_accuracy for epoch in reached]),
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
    """Read the parts of each preset by name; empty if there is no file.

    Raises ``OutputPathInvalid`` if the file has other contents.
    """
    try:
        return _Results.validate_json(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValidationError) as error:
        raise OutputPathInvalid(
            "{path} does not contain reproduction results, so nothing was written. Move it, or "
            "choose another path with --out.",
            path=path,
        ) from error


def check_place(page: Path) -> None:
    """Raise ``OutputPathInvalid`` if the report cannot be written here; leaves nothing behind."""
    if page.suffix == ".json":
        raise _refused(page, "the .json file is for the numbers")
    if page.is_dir():
        raise _refused(page, "it is a folder")
    # Links may be broken, and folders may still be missing.
    parent = next(folder for folder in page.absolute().parents if folder.exists())
    if not parent.is_dir():
        raise _refused(page, f"“{parent}” is a file, not a folder")
    try:
        with tempfile.TemporaryFile(dir=parent):
            pass
        if page.exists():
            page.read_text("utf-8")
            page.open("a").close()
    except UnicodeDecodeError as error:
        raise _refused(page, "the existing file is not UTF-8 text") from error
    except OSError as error:
        raise _refused(page, error.strerror or str(error)) from error


def write_report(page: Path, results: Mapping[str, tuple[ReproductionPart, ...]]) -> None:
    """Write the tables into the page and the numbers into the JSON file of the same name.

    Only the text between ``BEGIN`` and ``END`` is replaced. Raises ``OutputPathInvalid`` if a file
    cannot be written.
    """
    try:
        page.parent.mkdir(parents=True, exist_ok=True)
        text = page.read_text("utf-8") if page.exists() else None
        before, after = (f"{_HEADING}\n", "\n") if text is None else _split_around(text)
        text = f"{before}{BEGIN}\n\n{format_report(results)}\n{END}{after}"
        for path, content in (
            (page, text.encode("utf-8")),
            (page.with_suffix(".json"), _Results.dump_json(dict(results), indent=1) + b"\n"),
        ):
            with atomic_write(path) as temporary:
                temporary.write_bytes(content)
    except OSError as error:
        raise _refused(page, error.strerror or str(error)) from error


def _refused(page: Path, reason: str) -> OutputPathInvalid:
    return OutputPathInvalid(
        "The report cannot be written to {page}: {reason}. Choose another path with --out.",
        page=page,
        reason=reason,
    )


def format_report(results: Mapping[str, tuple[ReproductionPart, ...]]) -> str:
    """The report on all presets with results, in the order of the menu."""
    sections = [
        "\n".join(_section(preset, results[preset.name]))
        for preset in PRESETS.values()
        if results.get(preset.name)
    ]
    return "\n".join(sections)


def format_value(value: float, kind: FigureKind) -> str:
    """Format a figure: ``73.6 %``, ``24.7 points``, ``0.7965`` or ``9``."""
    if kind == "share":
        return f"{value:.1%}".replace("%", " %")
    if kind == "difference":
        return f"{100 * value:.1f} points"
    return f"{value:.4f}" if kind == "loss" else f"{value:g}"


def _split_around(text: str) -> tuple[str, str]:
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
        yield f"**{part.title}.** {_conditions(part)}\n"
        yield from _table(part)
        if part.epochs:
            yield from _epochs(part.epochs)


def _conditions(part: ReproductionPart) -> str:
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
    for epoch in epochs:
        row = epoch.published
        published = (
            (None,) * 4 if row is None else (row.loss, row.accuracy, row.val_loss, row.val_accuracy)
        )
        reproduced = (epoch.loss, epoch.accuracy, epoch.val_loss, epoch.val_accuracy)
        kinds: tuple[FigureKind, ...] = ("loss", "share", "loss", "share")
        cells = [
            f"{_format_known(before, kind)} · {_format_known(after, kind)}"
            for before, after, kind in zip(published, reproduced, kinds, strict=True)
        ]
        yield f"| {epoch.epoch} | {' | '.join(cells)} | {epoch.runs} |"
    yield "\n</details>\n"


def _format_known(value: float | None, kind: FigureKind) -> str:
    return "–" if value is None else format_value(value, kind)
