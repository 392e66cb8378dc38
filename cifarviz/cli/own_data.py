"""The ``data edit``, ``export`` and ``delete`` commands, for data sets of one's own."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from cifarviz.cli.output import AsJson, print_json, print_message
from cifarviz.cli.paths import parse_path, place_errors
from cifarviz.data.importing.editing import (
    PictureSelection,
    derived_titles,
    edit_texts,
    find_own_dataset,
)
from cifarviz.data.importing.export import ENDING, export_dataset
from cifarviz.datasets.info import DatasetInfo
from cifarviz.errors import ImportRefused, OutputPathInvalid
from cifarviz.runs.own_pictures import delete_own_dataset, delete_own_pictures
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from cifarviz.storage import atomic_write

OwnDataset = Annotated[str, typer.Argument(help="The name of an imported data set.")]
_PICTURE = re.compile(r"(train|test):(\d{1,9})")


def edit(
    name: OwnDataset,
    title: Annotated[str | None, typer.Option(help="As pages show it.")] = None,
    source: Annotated[
        str | None, typer.Option(help="Where the pictures are from, in a sentence.")
    ] = None,
    licence: Annotated[str | None, typer.Option(help="Their licence, in a sentence.")] = None,
    as_json: AsJson = False,
) -> None:
    """Change title, source or licence of an imported data set; its images stay as they are."""
    if title is None and source is None and licence is None:
        raise typer.BadParameter("Give --title, --source or --licence.")
    settings = Settings.from_environment()
    info = edit_texts(name, settings, title=title, source=source, licence=licence)
    if as_json:
        print_json(_as_dict(info))
    else:
        print_message(f"Changed {info.title}.")


def export_data(
    name: OwnDataset,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "--out",
            parser=parse_path,
            metavar="PATH",
            help=f"The {ENDING} file to write, or its folder.",
        ),
    ],
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the file if there is one.")
    ] = False,
) -> None:
    """Export an imported data set to a .npz file; ``data import`` reads the same images again."""
    settings = Settings.from_environment()
    info = find_own_dataset(name, settings)
    path = output / f"{info.name}{ENDING}" if output.is_dir() else output
    if not path.name.endswith(ENDING) or path.name == ENDING:
        raise typer.BadParameter(f"The name of the file must end in {ENDING}, not {path.name}.")
    if not path.parent.is_dir():
        raise OutputPathInvalid(
            "There is no folder {folder}: create it, or choose another.", folder=path.parent
        )
    with place_errors(path):
        if os.path.lexists(path) and not overwrite:
            raise OutputPathInvalid(
                "{path} exists already: choose another name, or give --overwrite.", path=path
            )
        with atomic_write(path) as temporary, temporary.open("wb") as file:
            export_dataset(name, settings, file)
        size = path.stat().st_size
    print_message(f"{path}: {size / 1e6:,.2f} MB")


def delete(
    name: OwnDataset,
    classes: Annotated[
        list[str] | None,
        typer.Option(
            "--class",
            help="Delete only the pictures of this class; may be repeated.",
        ),
    ] = None,
    pictures: Annotated[
        list[str] | None,
        typer.Option(
            "--picture",
            metavar="SPLIT:NUMBER",
            help="Delete only this picture, as train:12 or test:3; may be repeated. Numbers are "
            "those on the page Samples, before anything is deleted.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Permanently delete an imported data set, or some of its pictures, without confirmation.

    Feature maps that runs stored of them go, too; the runs stay.
    """
    settings = Settings.from_environment()
    store = RunStore(settings)
    copies = derived_titles(find_own_dataset(name, settings), settings)
    if classes or pictures:
        deleted = delete_own_pictures(store, name, _parse_selection(classes or (), pictures or ()))
        info, count = deleted.info, len(deleted.train) + len(deleted.test)
        message = f"Deleted {count:,} {'picture' if count == 1 else 'pictures'} of {info.title}."
        facts = _as_dict(info) | {"deleted": count}
    else:
        info = delete_own_dataset(store, name)
        message = f"Deleted {info.title}, with its {info.nbytes / 1e6:,.0f} MB of images."
        facts = {"name": info.name, "title": info.title}
    if as_json:
        print_json(facts)
    else:
        print_message(message)
    if copies:
        print_message(f"Data sets made of it keep their own copies: {', '.join(copies)}.")


def _parse_selection(classes: Sequence[str], pictures: Sequence[str]) -> PictureSelection:
    found: dict[str, set[int]] = {"train": set(), "test": set()}
    for text in pictures:
        match = _PICTURE.fullmatch(text)
        if match is None:
            raise ImportRefused(
                "A picture is called train:NUMBER or test:NUMBER, not “{text}”.", text=text
            )
        found[match[1]].add(int(match[2]))
    return PictureSelection(frozenset(found["train"]), frozenset(found["test"]), frozenset(classes))


def _as_dict(info: DatasetInfo) -> dict[str, Any]:
    return {
        "name": info.name,
        "title": info.title,
        "classes": list(info.classes),
        "train_images": info.train_images,
        "test_images": info.test_images,
        "source": info.citation,
        "licence": info.terms,
    }
