"""The controls of the Samples page; the address is what they show and what they change."""

from operator import eq
from random import SystemRandom
from typing import Any, get_args

import streamlit as st

from cifarviz.data.image_set import Dataset, Split
from cifarviz.datasets.registry import all_datasets, find
from cifarviz.errors import DataError
from cifarviz.ui import cache
from cifarviz.ui.address import escaped
from cifarviz.ui.class_names import address_names, class_names, language_address
from cifarviz.ui.navigation import link_to
from cifarviz.ui.number_words import in_words
from cifarviz.ui.query import (
    current_query_params,
    renew_widget,
    same_items,
    update_query_params,
    widget_key,
    widget_value,
)
from cifarviz.ui.samples.view import MOST_IMAGES, NUMBERS, Choice, SamplesView, read_address
from cifarviz.ui.setup.fields import number_meant, number_typed
from cifarviz.ui.unbroken import unbroken

# Short enough to be read out in a room.
_SHUFFLED_SEEDS = 10_000
_OF_DATASET = ("classes", "variant", "view")
_NUMBER_WIDTH = 150
_LONGEST = 40


def show_in_address(view: SamplesView) -> None:
    """Make the address hold this view, the data set in any case."""
    address = {"dataset": view.dataset} | view.address() | language_address()
    update_query_params(**dict.fromkeys(current_query_params()) | address)


def number_input(
    label: str, field: str, view: SamplesView, *, hint: str, disabled: bool = False
) -> None:
    """Show a number of the view to be typed; what was typed wrong stays until it is put right."""

    def matches(typed: str, value: float) -> bool:
        meant = _meant(field, typed)
        return meant == value or NUMBERS[field].problem(meant) is not None

    value = getattr(view, field)
    st.text_input(
        label,
        number_typed(value),
        key=widget_key(f"samples-{field}", value, matches),
        width=_NUMBER_WIDTH,
        max_chars=_LONGEST,
        autocomplete="off",
        disabled=disabled,
        help=hint,
        on_change=unbroken(_number_to_address),
        args=(field,),
    )


def number_problems(view: SamplesView, *names: str) -> None:
    """Say what is wrong with numbers typed, and which are used; nothing where they are right."""
    said = []
    for field in names:
        problem = NUMBERS[field].problem(_meant(field, widget_value(f"samples-{field}")))
        if problem is not None:
            said.append(f"{problem} {number_typed(getattr(view, field))} is still used.")
    if said:
        st.warning("  \n".join(said), icon=":material/warning:")


def _meant(field: str, typed: str) -> float | str:
    meant = number_meant(typed, whole=NUMBERS[field].whole)
    return "" if meant is None else meant


def _number_to_address(field: str) -> None:
    meant = _meant(field, widget_value(f"samples-{field}"))
    if NUMBERS[field].problem(meant) is None:
        _change(**{field: meant})


def bound(field: str, view: SamplesView) -> dict[str, Any]:
    """Give what binds a widget to a field of the address: its key, and what it does on a change."""
    # These have the options of the data set: another one's widget is another widget.
    name = f"samples-{field}-{view.dataset}" if field in _OF_DATASET else f"samples-{field}"
    value = getattr(view, field)
    key = widget_key(name, value, same_items if field == "classes" else eq)
    return {"key": key, "on_change": unbroken(_to_address), "args": (field, name)}


def _to_address(field: str, name: str) -> None:
    value = widget_value(name)
    _change(**{field: tuple(value) if isinstance(value, list) else value})


def _change(**fields: Any) -> None:
    view, _ = read_address(current_query_params())
    if fields.get("dataset", view.dataset) != view.dataset:
        # Another data set has other classes and published images, and maybe no sample.
        variant = find(fields["dataset"]).variants[0] if view.variant == "sample" else "full"
        fields = {"classes": (), "view": "random", "variant": variant} | fields
    show_in_address(view.changed(**fields, image=None))


def open_dataset(view: SamplesView) -> tuple[Dataset, SamplesView] | None:
    """Open the data of this view; the sample, and a word why, where the full set cannot be had.

    ``None`` where there is no sample either.
    """
    if view.variant == "full":
        try:
            return cache.dataset(view.dataset, "full"), view
        except DataError as error:
            has_sample = view.info.has_sample
            meanwhile = " The embedded sample is shown meanwhile." if has_sample else ""
            with st.container(border=True):
                st.warning(f"{escaped(str(error))}{meanwhile}", icon=":material/warning:")
                link_to("start", f"Get the full {view.info.title} set on the Start page")
            if not has_sample:
                return None
    return cache.dataset(view.dataset, "sample"), view.changed(variant="sample")


def controls(view: SamplesView) -> None:
    """Show all controls; a change comes back through the address at the next run of the page."""
    with st.container(border=True, key="samples-controls"):
        with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
            _which_data(view)
        with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
            _which_images(view)
        if view.view != "published":
            number_problems(view, "count", "seed")
        names = dict(zip(address_names(view.info), class_names(view.info), strict=True))
        st.pills(
            "Classes",
            list(names),
            default=view.classes,
            format_func=lambda name: escaped(names[name]),
            selection_mode="multi",
            **bound("classes", view),
            disabled=view.view == "published",
            help="Draw images of these classes only. None chosen means all of them.",
        )


def _which_data(view: SamplesView) -> None:
    titles = {info.name: info.title for info in all_datasets()}
    st.selectbox(
        "Data set",
        list(titles),
        list(titles).index(view.dataset),
        format_func=titles.__getitem__,
        **bound("dataset", view),
        width=200,
        help="The collection of labelled images to browse.",
    )
    st.segmented_control(
        "Part of it",
        view.info.variants,
        default=view.variant,
        required=True,
        format_func={"sample": "Embedded sample", "full": "Full set"}.__getitem__,
        **bound("variant", view),
        help="Some data sets have a sample that comes with cifarviz; the full set is fetched once, "
        "on the Start page.",
    )
    st.segmented_control(
        "Split",
        get_args(Split),
        default=view.split,
        required=True,
        format_func={"train": "Training", "test": "Test"}.__getitem__,
        **bound("split", view),
        disabled=view.view == "published",
        help="Networks learn from training images; test images are kept back to judge them.",
    )


def _which_images(view: SamplesView) -> None:
    published = view.view == "published"
    if (shown := view.info.published_images) is not None:
        count = in_words(len(shown.indices))
        words = {"random": "Random images", "published": f"The {count} published images"}
        st.segmented_control(
            "Show",
            get_args(Choice),
            default=view.view,
            required=True,
            format_func=words.__getitem__,
            **bound("view", view),
            help=f"The {count} are the training images that the published experiment "
            f"“{shown.preset}” shows, drawn from all {view.info.train_images:,} by "
            f"`{shown.code}`.",
        )
    number_input(
        "How many",
        "count",
        view,
        disabled=published,
        hint=f"The number of images to draw, at most {MOST_IMAGES}.",
    )
    number_input(
        "Seed",
        "seed",
        view,
        disabled=published,
        hint="The number the draw starts from: the same seed draws the same images again.",
    )
    st.button(
        "Shuffle",
        icon=":material/shuffle:",
        on_click=unbroken(_shuffle),
        disabled=published,
        help="Draw other images, with a new seed.",
    )


def _shuffle() -> None:
    view, _ = read_address(current_query_params())
    seed = SystemRandom().randrange(_SHUFFLED_SEEDS - 1)
    # Never the seed that is there: a press that changes nothing looks broken.
    seed += seed >= view.seed
    renew_widget("samples-seed")
    show_in_address(view.changed(seed=seed, image=None))
