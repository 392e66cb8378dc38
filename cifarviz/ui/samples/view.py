"""The state of the Samples page in the address, and its controls."""

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
from cifarviz.datasets.registry import all_datasets, default_dataset, find_dataset
from cifarviz.errors import DataError, ExperimentInvalid
from cifarviz.experiment.augmentation_text import format_augmentation, parse_augmentation
from cifarviz.experiment.choices import Augmentation
from cifarviz.experiment.preprocessing import Divide
from cifarviz.ui import cache
from cifarviz.ui.address import escaped, quoted
from cifarviz.ui.augmentation_examples import LARGEST_DRAW
from cifarviz.ui.class_names import (
    class_names,
    format_number_word,
    language_query_params,
    query_class_names,
)
from cifarviz.ui.navigation import link_to_full_set
from cifarviz.ui.query import (
    current_query_params,
    renew_widget,
    same_items,
    update_query_params,
    widget_key,
    widget_value,
)
from cifarviz.ui.train.fields import format_number_input, parse_number_input

ViewName = Literal["random", "published"]
MOST_IMAGES: Final = 400
SMALLEST_DIVISOR: Final = 0.001
LARGEST_DIVISOR: Final = float(Divide.limits("divisor")[1] or 0)
SPLIT_LABELS: Final[Mapping[Split, str]] = {"train": "training", "test": "test"}
VARIANT_LABELS: Final[Mapping[Variant, str]] = {"sample": "embedded sample", "full": "full set"}


# Messages for an invalid number, by whether it must be whole and whether there is a value.
_NUMBER_PROBLEMS: Final[Mapping[tuple[bool, bool], str]] = {
    (True, True): "{label} must be a whole number from {low:g} to {high:,.0f}, not {value}. "
    "{default} is used instead.",
    (True, False): "{label} must be a whole number from {low:g} to {high:,.0f}. "
    "{default} is used instead.",
    (False, True): "{label} must be a number from {low:g} to {high:,.0f}, not {value}. "
    "{default} is used instead.",
    (False, False): "{label} must be a number from {low:g} to {high:,.0f}. "
    "{default} is used instead.",
}
_UNKNOWN_NAMES: Final[Mapping[str, str]] = {
    "dataset": "{value} is not a known data set. “{default}” is shown.",
    "variant": "{value} is neither “sample” nor “full”. “{default}” is shown.",
    "split": "{value} is neither “train” nor “test”. “{default}” is shown.",
    "view": "{value} is neither “random” nor “published”. “{default}” is shown.",
}
_UNKNOWN_CLASS = "{title} has no class {value}. Its classes are {names} and {last_name}."
_UNKNOWN_IMAGE: Final[Mapping[Split, str]] = {
    "train": "There is no training image {value}: image numbers are 0 to {last:,}.",
    "test": "There is no test image {value}: image numbers are 0 to {last:,}.",
}
_NO_SAMPLE = "{title} has no embedded sample. The full set is shown."
_NO_PUBLISHED_IMAGES = "No original tutorial shows images of {title}. Random images are shown."


@dataclass(frozen=True)
class NumberField:
    """Name and range of a number of the view."""

    label: str
    low: float
    high: float
    integer: bool = True

    def is_valid(self, value: object) -> bool:
        """Whether ``value``, a number or typed text, is allowed."""
        if not isinstance(value, int | float) or not self.low <= value <= self.high:
            return False
        return not self.integer or value == int(value)

    def format_problem(self, value: object, default: float) -> str:
        """Return the message for an invalid ``value``, in place of which ``default`` is used."""
        text = format_number_input(value)
        return _NUMBER_PROBLEMS[self.integer, bool(text)].format(
            label=self.label,
            low=self.low,
            high=self.high,
            value=quoted(text),
            default=format_number_input(default),
        )


NUMBERS: Final[Mapping[str, NumberField]] = {
    "count": NumberField("The number of images", 1, MOST_IMAGES),
    "seed": NumberField("The seed", 0, LARGEST_SEED),
    "draw": NumberField("The number of the drawing", 0, LARGEST_DRAW),
    "divisor": NumberField("The custom divisor", SMALLEST_DIVISOR, LARGEST_DIVISOR, integer=False),
}
_INTEGER = "[0-9]{1,10}"
_DECIMAL = r"[0-9]{1,7}(\.[0-9]{1,17})?"


@dataclass(frozen=True)
class SamplesView:
    """The state of the Samples page, as stored in its address.

    ``classes``: names, empty for all. ``image``: the number of the open image. ``divisor``:
    the custom divisor of the preprocessing chart. ``view`` "published" shows the training
    images of an original tutorial and ignores split, classes, count and seed. ``augment``: the
    changes to the first images, in drawing ``draw``.
    """

    dataset: str = field(default_factory=lambda: default_dataset().name)
    variant: Variant = "sample"
    split: Split = "train"
    view: ViewName = "random"
    count: int = 50
    classes: tuple[str, ...] = ()
    seed: int = 777
    image: int | None = None
    divisor: float = 128.0
    augment: Augmentation | None = None
    draw: int = 0

    @property
    def info(self) -> DatasetInfo:
        """The data set shown."""
        return find_dataset(self.dataset)

    @property
    def shown_split(self) -> Split:
        """The split of the images shown."""
        return "train" if self.view == "published" else self.split

    @property
    def image_count(self) -> int:
        """The number of images of the published split shown."""
        return self.info.train_images if self.shown_split == "train" else self.info.test_images

    def positions(self, images: ImageSet) -> npt.NDArray[np.int64]:
        """Return the grid's images as positions in ``images``, the shown split, in order."""
        if self.view == "published":
            published = self.info.published_images
            found = (images.position_of(i) for i in (published.indices if published else ()))
            return np.array([p for p in found if p is not None], np.int64)
        labels = [query_class_names(self.info).index(name) for name in self.classes]
        return random_images(images, self.count, self.seed, labels)

    def changed(self, **changes: Any) -> "SamplesView":
        """Return a copy with these fields changed."""
        return replace(self, **changes)

    def address(self) -> dict[str, str]:
        """Return the fields that differ from the defaults, as query parameters."""
        defaults = SamplesView()
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            name: _format_value(value)
            for name, value in values.items()
            if value != getattr(defaults, name)
        }


class _AddressParser:
    """Parses query parameters; ``problems`` are the messages for invalid ones."""

    def __init__(self, address: Mapping[str, str]) -> None:
        self._address = address
        self._defaults = SamplesView()
        self.problems: list[str] = []

    def name(self, field: str, known: tuple[Any, ...]) -> Any:
        default = getattr(self._defaults, field)
        text = self._address.get(field, default)
        if text in known:
            return text
        self.problems.append(_UNKNOWN_NAMES[field].format(value=quoted(text), default=default))
        return default

    def variant(self, info: DatasetInfo) -> Variant:
        """Return the variant in the address, else the sample, or without sample the full set."""
        if "variant" not in self._address and self._defaults.variant not in info.variants:
            return info.variants[0]
        chosen: Variant = self.name("variant", get_args(Variant))
        if chosen in info.variants:
            return chosen
        self.problems.append(_NO_SAMPLE.format(title=info.title))
        return info.variants[0]

    def number(self, name: str) -> float:
        default: float = getattr(self._defaults, name)
        text = self._address.get(name)
        if text is None:
            return default
        field = NUMBERS[name]
        value = _parse_plain_number(text, _INTEGER if field.integer else _DECIMAL)
        if value is not None and field.is_valid(value):
            return value
        self.problems.append(field.format_problem(text if value is None else value, default))
        return default

    def selected_classes(self, info: DatasetInfo) -> tuple[str, ...]:
        selected = [name.strip() for name in self._address.get("classes", "").split(",")]
        known = query_class_names(info)
        unknown = next((name for name in selected if name and name not in known), None)
        if unknown is not None:
            self.problems.append(
                _UNKNOWN_CLASS.format(
                    title=info.title,
                    value=quoted(unknown),
                    names=", ".join(known[:-1]),
                    last_name=known[-1],
                )
            )
        return tuple(name for name in known if name in selected)

    def augmentation(self) -> Augmentation | None:
        if (text := self._address.get("augment")) is None:
            return None
        try:
            return parse_augmentation(text.split(","))
        except ExperimentInvalid as error:
            self.problems.append(escaped(str(error)))
            return Augmentation()

    def image(self, view: SamplesView) -> int | None:
        text = self._address.get("image")
        if text is None:
            return None
        index = _parse_plain_number(text, _INTEGER)
        if index is not None and 0 <= index < view.image_count:
            return int(index)
        self.problems.append(
            _UNKNOWN_IMAGE[view.shown_split].format(value=quoted(text), last=view.image_count - 1)
        )
        return None


# Short enough to read aloud.
_SHUFFLE_LIMIT = 10_000
_DATASET_FIELDS = ("classes", "variant", "view")
_NUMBER_WIDTH = 150
_MAX_CHARS = 40


def read_address(address: Mapping[str, str]) -> tuple[SamplesView, tuple[str, ...]]:
    """Return the view in the address, and a message for each invalid value."""
    parser = _AddressParser(address)
    names = tuple(info.name for info in all_datasets())
    dataset = parser.name("dataset", names)
    info = find_dataset(dataset)
    view = SamplesView(
        dataset=dataset,
        variant=parser.variant(info),
        split=parser.name("split", get_args(Split)),
        view=parser.name("view", get_args(ViewName)),
        count=int(parser.number("count")),
        classes=parser.selected_classes(info),
        seed=int(parser.number("seed")),
        divisor=parser.number("divisor"),
        augment=parser.augmentation(),
        draw=int(parser.number("draw")),
    )
    if view.view == "published" and info.published_images is None:
        parser.problems.append(_NO_PUBLISHED_IMAGES.format(title=info.title))
        view = view.changed(view="random")
    view = view.changed(image=parser.image(view))
    return view, tuple(parser.problems)


def _parse_plain_number(text: str, pattern: str) -> float | None:
    # Plain digits only: int() also accepts "１" and "1_000", and an address may hold a million
    # digits.
    return float(text) if re.fullmatch(pattern, text) else None


def _format_value(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    if isinstance(value, Augmentation):
        return format_augmentation(value)
    return str(value).removesuffix(".0") if isinstance(value, float) else str(value)


def write_address(view: SamplesView) -> None:
    """Write this view, always with the data set, to the address."""
    address = {"dataset": view.dataset} | view.address() | language_query_params()
    update_query_params(**dict.fromkeys(current_query_params()) | address)


def render_number_input(
    label: str, field: str, view: SamplesView, *, hint: str, disabled: bool = False
) -> None:
    """Render a text input for a number of the view; invalid input stays to be corrected."""

    def matches(typed: str, value: float) -> bool:
        parsed = _parse_number(field, typed)
        return parsed == value or not NUMBERS[field].is_valid(parsed)

    value = getattr(view, field)
    st.text_input(
        label,
        format_number_input(value),
        key=widget_key(f"samples-{field}", value, matches),
        width=_NUMBER_WIDTH,
        max_chars=_MAX_CHARS,
        autocomplete="off",
        disabled=disabled,
        help=hint,
        on_change=_number_to_address,
        args=(field,),
    )


def render_number_problems(view: SamplesView, *names: str) -> None:
    """Render a warning for invalid typed numbers, with those used instead."""
    problems = []
    for name in names:
        value = _parse_number(name, widget_value(f"samples-{name}"))
        if not NUMBERS[name].is_valid(value):
            problems.append(NUMBERS[name].format_problem(value, getattr(view, name)))
    if problems:
        st.warning("  \n".join(problems), icon=":material/warning:")


def _parse_number(field: str, typed: str) -> float | str:
    parsed = parse_number_input(typed, is_integer=NUMBERS[field].integer)
    return "" if parsed is None else parsed


def _number_to_address(field: str) -> None:
    parsed = _parse_number(field, widget_value(f"samples-{field}"))
    if NUMBERS[field].is_valid(parsed):
        _change_view(**{field: parsed})


def bind_widget(field: str, view: SamplesView) -> dict[str, Any]:
    """Return key and callback that bind a widget to a field of the address."""
    # Their options depend on the data set, so each data set has its own widgets.
    name = f"samples-{field}-{view.dataset}" if field in _DATASET_FIELDS else f"samples-{field}"
    value = getattr(view, field)
    key = widget_key(name, value, same_items if field == "classes" else eq)
    return {"key": key, "on_change": _to_address, "args": (field, name)}


def _to_address(field: str, name: str) -> None:
    value = widget_value(name)
    _change_view(**{field: tuple(value) if isinstance(value, list) else value})


def _change_view(**fields: Any) -> None:
    view, _ = read_address(current_query_params())
    if fields.get("dataset", view.dataset) != view.dataset:
        # Another data set has other classes and published images, and may have no sample.
        variant = (
            find_dataset(fields["dataset"]).variants[0] if view.variant == "sample" else "full"
        )
        fields = {"classes": (), "view": "random", "variant": variant} | fields
    write_address(view.changed(**fields, image=None))


def open_dataset(view: SamplesView) -> tuple[Dataset, SamplesView] | None:
    """Return the data of this view; the sample, with a warning, if there is no full set.

    ``None`` if there is no sample either.
    """
    if view.variant == "full":
        try:
            return cache.dataset(view.dataset, "full"), view
        except DataError as error:
            problem = escaped(str(error))
            if view.info.has_sample:
                problem = f"{problem} The embedded sample is shown instead."
            with st.container(border=True):
                st.warning(problem, icon=":material/warning:")
                link_to_full_set(f"Download the full {view.info.title} set on the Data page")
            if not view.info.has_sample:
                return None
    return cache.dataset(view.dataset, "sample"), view.changed(variant="sample")


def render_controls(view: SamplesView) -> None:
    """Render all controls; a change updates the address, and the page reruns."""
    with st.container(border=True, key="samples-controls"):
        with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
            _render_data_controls(view)
        with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
            _render_image_controls(view)
        if view.view != "published":
            render_number_problems(view, "count", "seed")
        names = dict(zip(query_class_names(view.info), class_names(view.info), strict=True))
        st.pills(
            "Classes",
            list(names),
            default=view.classes,
            format_func=lambda name: escaped(names[name]),
            selection_mode="multi",
            **bind_widget("classes", view),
            disabled=view.view == "published",
            help="Show only images of these classes. Choose none for all classes.",
        )


def _render_data_controls(view: SamplesView) -> None:
    titles = {info.name: info.title for info in all_datasets()}
    st.selectbox(
        "Data set",
        list(titles),
        list(titles).index(view.dataset),
        format_func=titles.__getitem__,
        **bind_widget("dataset", view),
        width=200,
        help="The labelled images to browse.",
    )
    st.segmented_control(
        "Sample or full set",
        view.info.variants,
        default=view.variant,
        required=True,
        format_func={"sample": "Embedded sample", "full": "Full set"}.__getitem__,
        **bind_widget("variant", view),
        help="Some data sets have a sample that comes with cifarviz. The full set comes from the "
        "Data page.",
    )
    st.segmented_control(
        "Split",
        get_args(Split),
        default=view.split,
        required=True,
        format_func={"train": "Training", "test": "Test"}.__getitem__,
        **bind_widget("split", view),
        disabled=view.view == "published",
        help="Networks learn from training images; test images measure what they learned.",
    )


def _render_image_controls(view: SamplesView) -> None:
    published = view.view == "published"
    if (tutorial := view.info.published_images) is not None:
        count = format_number_word(len(tutorial.indices)).capitalize()
        labels = {
            "random": "Random images",
            "published": f"{count} images from the original tutorial",
        }
        st.segmented_control(
            "Show",
            get_args(ViewName),
            default=view.view,
            required=True,
            format_func=labels.__getitem__,
            **bind_widget("view", view),
            help=f"The training images that the original tutorial “{tutorial.preset}” shows, drawn "
            f"from all {view.info.train_images:,} by `{tutorial.code}`.",
        )
    render_number_input(
        "Number of images",
        "count",
        view,
        disabled=published,
        hint=f"How many images to draw, at most {MOST_IMAGES}.",
    )
    render_number_input(
        "Seed",
        "seed",
        view,
        disabled=published,
        hint="Start of the random numbers: the same seed draws the same images.",
    )
    st.button(
        "Shuffle",
        icon=":material/shuffle:",
        on_click=_shuffle,
        disabled=published,
        help="Draw other images with a new seed.",
    )


def _shuffle() -> None:
    view, _ = read_address(current_query_params())
    seed = SystemRandom().randrange(_SHUFFLE_LIMIT - 1)
    # Never the current seed: a click that changes nothing looks broken.
    seed += seed >= view.seed
    renew_widget("samples-seed")
    write_address(view.changed(seed=seed, image=None))
