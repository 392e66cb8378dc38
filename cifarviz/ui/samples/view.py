"""What Samples shows, and the controls that choose it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from operator import eq
from random import SystemRandom
from typing import Any, Final, Literal, get_args

import numpy as np
import numpy.typing as npt
import streamlit as st

from cifarviz.data.image_set import Dataset, ImageSet, Split
from cifarviz.data.random_images import LARGEST_SEED, random_images
from cifarviz.datasets.info import DatasetInfo, Variant
from cifarviz.datasets.registry import all_datasets, default_dataset, find
from cifarviz.errors import DataError
from cifarviz.experiment.preprocessing import Divide
from cifarviz.ui import cache
from cifarviz.ui.address import escaped, quoted
from cifarviz.ui.class_names import (
    address_names,
    class_names,
    language_query_params,
    number_in_words,
)
from cifarviz.ui.navigation import link_to
from cifarviz.ui.query import (
    current_query_params,
    renew_widget,
    same_items,
    update_query_params,
    widget_key,
    widget_value,
)
from cifarviz.ui.streamlit_patches import uninterruptible
from cifarviz.ui.train.fields import format_number_input, parse_number_input

Choice = Literal["random", "published"]
MOST_IMAGES: Final = 400
SMALLEST_DIVISOR: Final = 0.001
LARGEST_DIVISOR: Final = float(Divide.limits("divisor")[1] or 0)
SPLIT_WORDS: Final[Mapping[Split, str]] = {"train": "training", "test": "test"}
VARIANT_WORDS: Final[Mapping[Variant, str]] = {"sample": "embedded sample", "full": "full set"}


@dataclass(frozen=True)
class NumberField:
    """What a number of the view can be; ``words`` are its name in a sentence."""

    words: str
    low: float
    high: float
    whole: bool = True

    def problem(self, value: object) -> str | None:
        """Say why ``value``, a number or what was typed instead of one, cannot be it."""
        if isinstance(value, int | float) and self.low <= value <= self.high:
            return None if not self.whole or value == int(value) else self._rule(f"{value:g}")
        return self._rule("" if value is None else format_number_input(value))

    def _rule(self, given: str) -> str:
        kind = "a whole number" if self.whole else "a number"
        return (
            f"{quoted(given) if given else 'Nothing'} cannot be {self.words}: it must be {kind} "
            f"from {self.low:g} to {self.high:,.0f}."
        )


NUMBERS: Final[Mapping[str, NumberField]] = {
    "count": NumberField("the number of images", 1, MOST_IMAGES),
    "seed": NumberField("the seed", 0, LARGEST_SEED),
    "divisor": NumberField("the custom divisor", SMALLEST_DIVISOR, LARGEST_DIVISOR, whole=False),
}
_WHOLE = "[0-9]{1,10}"
_DECIMAL = r"[0-9]{1,7}(\.[0-9]{1,17})?"


@dataclass(frozen=True)
class SamplesView:
    """Everything a link to the page holds.

    ``classes``: names, none for all of them. ``image``: the official index of the one that is
    open. ``divisor``: the custom one of the preprocessing chart. ``view`` "published" shows the
    training images of a published experiment, whatever the choices for random ones are.
    """

    dataset: str = field(default_factory=lambda: default_dataset().name)
    variant: Variant = "sample"
    split: Split = "train"
    view: Choice = "random"
    count: int = 50
    classes: tuple[str, ...] = ()
    seed: int = 777
    image: int | None = None
    divisor: float = 128.0

    @property
    def info(self) -> DatasetInfo:
        """The data set shown."""
        return find(self.dataset)

    @property
    def shown_split(self) -> Split:
        """The split that the images shown are of."""
        return "train" if self.view == "published" else self.split

    @property
    def image_count(self) -> int:
        """How many images the published split has that is shown."""
        return self.info.train_images if self.shown_split == "train" else self.info.test_images

    def positions(self, images: ImageSet) -> npt.NDArray[np.int64]:
        """Which of ``images``, those of the split shown, are in the grid, in their order."""
        if self.view == "published":
            published = self.info.published_images
            wanted = (images.position_of(i) for i in (published.indices if published else ()))
            return np.array([p for p in wanted if p is not None], np.int64)
        labels = [address_names(self.info).index(name) for name in self.classes]
        return random_images(images, self.count, self.seed, labels)

    def changed(self, **changes: Any) -> "SamplesView":
        """Give the view with these fields changed."""
        return replace(self, **changes)

    def address(self) -> dict[str, str]:
        """What differs from the defaults, as it stands in a link."""
        standard = SamplesView()
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            name: _written(value)
            for name, value in values.items()
            if value != getattr(standard, name)
        }


class _Reader:
    def __init__(self, address: Mapping[str, str]) -> None:
        self._address = address
        self._standard = SamplesView()
        self.problems: list[str] = []

    def one_of(self, name: str, known: tuple[Any, ...], otherwise: str) -> Any:
        standard = getattr(self._standard, name)
        given = self._address.get(name, standard)
        if given in known:
            return given
        self.problems.append(f"{quoted(given)} {otherwise}; “{standard}” is shown.")
        return standard

    def variant(self, info: DatasetInfo) -> Variant:
        """The sample where none is named, or where there is no sample the full set."""
        if "variant" not in self._address and self._standard.variant not in info.variants:
            return info.variants[0]
        chosen: Variant = self.one_of(
            "variant", get_args(Variant), "is neither “sample” nor “full”"
        )
        if chosen in info.variants:
            return chosen
        self.problems.append(f"{info.title} has no embedded sample; the full set is shown.")
        return info.variants[0]

    def number(self, name: str) -> float:
        standard: float = getattr(self._standard, name)
        given = self._address.get(name)
        if given is None:
            return standard
        field = NUMBERS[name]
        value = _number(given, _WHOLE if field.whole else _DECIMAL)
        problem = field.problem(given if value is None else value)
        if value is not None and problem is None:
            return value
        self.problems.append(f"{problem} {standard:g} is used.")
        return standard

    def classes(self, info: DatasetInfo) -> tuple[str, ...]:
        named = [name.strip() for name in self._address.get("classes", "").split(",")]
        named = [name for name in named if name]
        known = address_names(info)
        unknown = next((name for name in named if name not in known), None)
        if unknown is not None:
            self.problems.append(
                f"{info.title} has no class {quoted(unknown)}. Its classes are "
                f"{', '.join(known[:-1])} and {known[-1]}."
            )
        return tuple(name for name in known if name in named)

    def image(self, view: SamplesView) -> int | None:
        given = self._address.get("image")
        if given is None:
            return None
        index = _number(given, _WHOLE)
        if index is not None and 0 <= index < view.image_count:
            return int(index)
        self.problems.append(
            f"There is no {SPLIT_WORDS[view.shown_split]} image {quoted(given)}: the official "
            f"indices run from 0 to {view.image_count - 1:,}."
        )
        return None


# Short enough to be read out in a room.
_SHUFFLED_SEEDS = 10_000
_OF_DATASET = ("classes", "variant", "view")
_NUMBER_WIDTH = 150
_LONGEST = 40


def read_address(address: Mapping[str, str]) -> tuple[SamplesView, tuple[str, ...]]:
    """Read a link; for what cannot be shown the default takes its place, and a sentence says so."""
    reader = _Reader(address)
    names = tuple(info.name for info in all_datasets())
    dataset = reader.one_of("dataset", names, "is not a data set that is known here")
    info = find(dataset)
    view = SamplesView(
        dataset=dataset,
        variant=reader.variant(info),
        split=reader.one_of("split", get_args(Split), "is neither “train” nor “test”"),
        view=reader.one_of("view", get_args(Choice), "is neither “random” nor “published”"),
        count=int(reader.number("count")),
        classes=reader.classes(info),
        seed=int(reader.number("seed")),
        divisor=reader.number("divisor"),
    )
    if view.view == "published" and info.published_images is None:
        reader.problems.append(
            f"No published experiment shows images of {info.title}. Random images are shown."
        )
        view = view.changed(view="random")
    view = view.changed(image=reader.image(view))
    return view, tuple(reader.problems)


def _number(text: str, pattern: str) -> float | None:
    # Plain digits only: int() takes "１" and "1_000" too, and an address may hold a million digits.
    return float(text) if re.fullmatch(pattern, text) else None


def _written(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value).removesuffix(".0") if isinstance(value, float) else str(value)


def show_in_address(view: SamplesView) -> None:
    """Make the address hold this view, the data set in any case."""
    address = {"dataset": view.dataset} | view.address() | language_query_params()
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
        format_number_input(value),
        key=widget_key(f"samples-{field}", value, matches),
        width=_NUMBER_WIDTH,
        max_chars=_LONGEST,
        autocomplete="off",
        disabled=disabled,
        help=hint,
        on_change=uninterruptible(_number_to_address),
        args=(field,),
    )


def number_problems(view: SamplesView, *names: str) -> None:
    """Say what is wrong with numbers typed, and which are used; nothing where they are right."""
    said = []
    for name in names:
        problem = NUMBERS[name].problem(_meant(name, widget_value(f"samples-{name}")))
        if problem is not None:
            said.append(f"{problem} {format_number_input(getattr(view, name))} is still used.")
    if said:
        st.warning("  \n".join(said), icon=":material/warning:")


def _meant(field: str, typed: str) -> float | str:
    meant = parse_number_input(typed, is_integer=NUMBERS[field].whole)
    return "" if meant is None else meant


def _number_to_address(field: str) -> None:
    meant = _meant(field, widget_value(f"samples-{field}"))
    if NUMBERS[field].problem(meant) is None:
        _change_view(**{field: meant})


def bound(field: str, view: SamplesView) -> dict[str, Any]:
    """Give what binds a widget to a field of the address: its key, and what it does on a change."""
    # These have the options of the data set: another one's widget is another widget.
    name = f"samples-{field}-{view.dataset}" if field in _OF_DATASET else f"samples-{field}"
    value = getattr(view, field)
    key = widget_key(name, value, same_items if field == "classes" else eq)
    return {"key": key, "on_change": uninterruptible(_to_address), "args": (field, name)}


def _to_address(field: str, name: str) -> None:
    value = widget_value(name)
    _change_view(**{field: tuple(value) if isinstance(value, list) else value})


def _change_view(**fields: Any) -> None:
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
        count = number_in_words(len(shown.indices))
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
        on_click=uninterruptible(_shuffle),
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
