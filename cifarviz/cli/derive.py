"""The ``data derive`` command: a new data set of images of another one."""

from typing import Annotated

import typer

from cifarviz.cli.data import print_report, read_and_store
from cifarviz.cli.output import AsJson, print_message
from cifarviz.data.importing.derivation import Derivation, prepare_derived
from cifarviz.data.library import available_variants
from cifarviz.datasets.info import DatasetInfo, Variant
from cifarviz.datasets.own import split_title, use_folder
from cifarviz.datasets.registry import find_dataset
from cifarviz.settings import Settings


def derive(
    dataset: Annotated[str, typer.Argument(help="The data set that has the images.")],
    name: Annotated[
        str,
        typer.Option(help="The new data set's name: my-pets, also for “My pets”."),
    ],
    classes: Annotated[
        list[str] | None,
        typer.Option(
            "--class",
            metavar="CLASS or NEW=CLASS,…",
            help="A class to take, also under a new name, or several classes merged into one: "
            "animals=bird,cat,deer. Once for each class. Default: all classes.",
        ),
    ] = None,
    images: Annotated[
        int | None,
        typer.Option(help="So many training images of each class. Default: all."),
    ] = None,
    variant: Annotated[
        Variant | None,
        typer.Option(help="Default: the full set if it is on this machine, else the sample."),
    ] = None,
    seed: Annotated[int, typer.Option(help="The seed for drawing training images.")] = 0,
    title: Annotated[str, typer.Option(help="As pages show it. Default: the name.")] = "",
    as_json: AsJson = False,
) -> None:
    """Make a data set of images of another: choose, merge or rename classes, or take fewer."""
    settings = Settings.from_environment()
    use_folder(settings.datasets)
    info = find_dataset(dataset)
    name, meant = split_title(name)
    derivation = Derivation(_parse_classes(classes, info), images, seed)
    if variant is None:
        here = available_variants(info, settings)
        variant = here[-1] if here else "full"
        if variant == "sample":
            print_message(
                f"The full {info.title} set is not on this machine, so the sample is used."
            )
    new, report = read_and_store(
        lambda update: prepare_derived(
            info, variant, derivation, name, settings, title=title or meant, on_progress=update
        ),
        settings,
    )
    print_report(new, report, as_json, done="Made")


def _parse_classes(texts: list[str] | None, info: DatasetInfo) -> dict[str, list[str]]:
    if not texts:
        return {name: [name] for name in info.classes}
    classes: dict[str, list[str]] = {}
    for text in texts:
        # A class may have “=” in its name.
        new, equals, old = (text, "", "") if text in info.classes else text.partition("=")
        names = [name.strip() for name in old.split(",")] if equals else [text]
        classes.setdefault(new.strip(), []).extend(names)
    return classes
