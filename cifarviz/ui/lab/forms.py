"""What each experiment of the lab can be set to; the address holds it."""

from collections.abc import Sequence

import streamlit as st

from cifarviz.data import library
from cifarviz.datasets.info import Variant
from cifarviz.datasets.registry import all_datasets
from cifarviz.errors import DatasetNotFound
from cifarviz.experiment.choices import Data
from cifarviz.experiment.lab import cures, duel, memorisation, sizes
from cifarviz.experiment.lab.entrants import Entry, Kind
from cifarviz.experiment.member_seeds import LARGEST_SEED
from cifarviz.ui import cache
from cifarviz.ui.address import quoted
from cifarviz.ui.query import (
    render_choice,
    render_number,
    same_items,
    update_query_params,
    widget_key,
    widget_value,
)
from cifarviz.ui.unbroken import unbroken

_MOST_EPOCHS = 200
_FEWEST_IMAGES = 100
_VALUES_KEY = "lab-values"
_NUMBER_WIDTH = 150
_MENU_WIDTH = 250


def entry_form(kind: Kind) -> Entry:
    """Show the form of this experiment and return its runs.

    Raises ``ExperimentInvalid``, and ``DatasetNotFound`` where nothing can be trained on.
    """
    match kind:
        case "duel":
            return _duel_form()
        case "memorisation":
            return _memorisation_form()
        case "sizes":
            return _sizes_form()
        case "cures":
            return _cures_form()


def _duel_form() -> Entry:
    thing = render_choice(
        "thing",
        "They differ in",
        {word: one.title for word, one in duel.THINGS.items()},
        key="lab-thing",
        hint="The one thing that the runs have differently; all else, the seed too, is the same.",
        problem=lambda word: f"A duel can't be about {word}: {', '.join(duel.THINGS)}.",
        forget=("values", "series"),
    )
    about = duel.THINGS[thing]
    values = _values(about)
    data, seed, epochs, _ = _numbers(
        duel.USUAL_EPOCHS, None if thing == "images" else duel.USUAL_IMAGES
    )
    return duel.duel(thing, values, data, epochs=epochs, seed=seed)


def _values(about: duel.Thing) -> Sequence[str]:
    text = st.query_params.get("values")
    wanted = about.usual if text is None else tuple(one for one in text.split(",") if one)
    unknown = [word for word in wanted if word not in about.values]
    if unknown:
        st.error(
            f"{about.title} can't be {quoted(unknown[0])} in a duel, only "
            f"{', '.join(about.values)}: the usual values are taken.",
            icon=":material/error:",
        )
        wanted = about.usual
    chosen = [word for word in about.values if word in wanted]
    st.pills(
        "Two or three of these",
        list(about.values),
        selection_mode="multi",
        default=chosen,
        format_func=about.values.__getitem__,
        key=widget_key(_VALUES_KEY, chosen, same_items),
        help=about.hint,
        on_change=unbroken(_values_chosen),
    )
    return chosen


def _values_chosen() -> None:
    update_query_params(values=",".join(widget_value(_VALUES_KEY)))


def _memorisation_form() -> Entry:
    data, seed, epochs, percent = _numbers(
        memorisation.USUAL_EPOCHS, memorisation.USUAL_IMAGES, percent=True
    )
    return memorisation.memorisation(percent, data, epochs=epochs, seed=seed)


def _sizes_form() -> Entry:
    data, seed, epochs, _ = _numbers(sizes.USUAL_EPOCHS, None)
    return sizes.sizes(_train_images(data), data, epochs=epochs, seed=seed)


def _cures_form() -> Entry:
    data, seed, epochs, _ = _numbers(cures.USUAL_EPOCHS, cures.USUAL_IMAGES)
    return cures.cures(data, epochs=epochs, seed=seed)


def _numbers(
    usual_epochs: int, usual_images: int | None, *, percent: bool = False
) -> tuple[Data, int, int, int]:
    """Data, seed, epochs and per cent of wrong labels; without ``usual_images``, all of them."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        data = _data()
        share = memorisation.USUAL_PERCENT
        if percent:
            bounds = (memorisation.FEWEST_PERCENT, memorisation.MOST_PERCENT)
            with st.container(width=_NUMBER_WIDTH):
                share = render_number(
                    "percent",
                    "Wrong labels, %",
                    share,
                    bounds,
                    "How many per cent of the training labels are made wrong.",
                    key="lab-percent",
                )
        if usual_images is not None:
            most = _train_images(data)
            with st.container(width=_NUMBER_WIDTH):
                images = render_number(
                    "images",
                    "Training images",
                    min(usual_images, most),
                    (min(_FEWEST_IMAGES, most), most),
                    "How many images each run learns from; with fewer it overfits sooner.",
                    key=f"lab-images-{data.dataset}-{data.variant}",
                )
            data = data.model_copy(update={"train_images": images})
        with st.container(width=_NUMBER_WIDTH):
            epochs = render_number(
                "epochs",
                "Epochs",
                usual_epochs,
                (1, _MOST_EPOCHS),
                "How many times each run sees its training images.",
                key="lab-epochs",
            )
        with st.container(width=_NUMBER_WIDTH):
            seed = render_number(
                "seed",
                "Seed",
                1,
                (0, LARGEST_SEED),
                "Decides everything random, the same in all runs: first weights, which images, "
                "their order.",
                key="lab-seed",
            )
    return data, seed, epochs, share


def _data() -> Data:
    """One of the data sets that are here, the sample or all of it."""
    here: dict[str, tuple[str, Variant]] = {}
    words = {}
    for info in all_datasets():
        for variant in library.variants_here(info, cache.settings()):
            name = info.name if variant == "sample" else f"{info.name}-full"
            here[name], words[name] = (info.name, variant), f"{info.title}, {variant}"
    if not here:
        raise DatasetNotFound("There are no images here yet. Fetch a data set on the Start page.")
    with st.container(width=_MENU_WIDTH):
        chosen = render_choice(
            "data",
            "Images",
            words,
            key=f"lab-data-{len(here)}",
            hint="Which images are learned: an embedded sample, or a full set that is here.",
            problem=lambda word: f"There is no data {word} here: {', '.join(here)}.",
            menu=True,
        )
    dataset, variant = here[chosen]
    return Data(dataset=dataset, variant=variant)


def _train_images(data: Data) -> int:
    return image_counts(data)[0]


def image_counts(data: Data) -> tuple[int, int]:
    """How many training and test images there are."""
    return library.image_counts(data.dataset, data.variant)
