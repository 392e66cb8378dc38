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
from cifarviz.errors import DataError
from cifarviz.experiment.preprocessing import Divide
from cifarviz.ui import cache
from cifarviz.ui.address import escaped, quoted
from cifarviz.ui.class_names import (
    class_names,
    format_number_word,
    language_query_params,
    query_class_names,
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
from cifarviz.ui.train.fields import format_number_input, parse_number_input

Choice = Literal["random", "published"]
MOST_IMAGES: Final = 400
SMALLEST_DIVISOR: Final = 0.001
LARGEST_DIVISOR: Final = float(Divide.limits("divisor")[1] or 0)
SPLIT_WORDS: Final[Mapping[Split, str]] = {"train": "training", "test": "test"}
VARIANT_WORDS: Final[Mapping[Variant, str]] = {"sample": "embedded sample", "full": "full set"}


@dataclass(frozen=True)
class NumberField:
    """Name and range of a number of the view."""

    label: str
    low: float
    high: float
    integer: bool = True

    def problem(self, value: object) -> str | None:
        """Why ``value``, a number or typed text, is not allowed; ``None`` if it is."""
        if isinstance(value, int | float) and self.low <= value <= self.high:
            return None if not self.integer or value == int(value) else self._rule(f"{value:g}")
        return self._rule("" if value is None else format_number_input(value))

    def _rule(self, text: str) -> str:
        kind = "a whole number" if self.integer else "a number"
        rule = f"{self.label} must be {kind} from {self.low:g} to {self.high:,.0f}"
        return f"{rule}, not {quoted(text)}." if text else f"{rule}."


NUMBERS: Final[Mapping[str, NumberField]] = {
    "count": NumberField("The number of images", 1, MOST_IMAGES),
    "seed": NumberField("The seed", 0, LARGEST_SEED),
    "divisor": NumberField("The custom divisor", SMALLEST_DIVISOR, LARGEST_DIVISOR, integer=False),
}
_INTEGER = "[0-9]{1,10}"
_DECIMAL = r"[0-9]{1,7}(\.[0-9]{1,17})?"


@dataclass(frozen=True)
class SamplesView:
    """All state of the page that a link holds.

    ``classes``: names, empty for all. ``image``: the number of the open image. ``divisor``:
    the custom divisor of the preprocessing chart. ``view`` "published" shows the training
    images of an original tutorial, whatever the other choices are.
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
        """Positions in ``images``, the shown split, of the images of the grid, in order."""
        if self.view == "published":
            published = self.info.published_images
            wanted = (images.position_of(i) for i in (published.indices if published else ()))
            return np.array([p for p in wanted if p is not None], np.int64)
        labels = [query_class_names(self.info).index(name) for name in self.classes]
        return random_images(images, self.count, self.seed, labels)

    def changed(self, **changes: Any) -> "SamplesView":
        """The view with these fields changed."""
        return replace(self, **changes)

    def address(self) -> dict[str, str]:
        """The fields that differ from the defaults, as query parameters."""
        defaults = SamplesView()
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            name: _format_value(value)
            for name, value in values.items()
            if value != getattr(defaults, name)
        }


class _Reader:
    def __init__(self, address: Mapping[str, str]) -> None:
        self._address = address
        self._defaults = SamplesView()
        self.problems: list[str] = []

    def choice(self, name: str, known: tuple[Any, ...], otherwise: str) -> Any:
        default = getattr(self._defaults, name)
        text = self._address.get(name, default)
        if text in known:
            return text
        self.problems.append(f"{quoted(text)} {otherwise}. “{default}” is shown.")
        return default

    def variant(self, info: DatasetInfo) -> Variant:
        """The variant in the address, else the sample, or the full set if there is no sample."""
        if "variant" not in self._address and self._defaults.variant not in info.variants:
            return info.variants[0]
        chosen: Variant = self.choice(
            "variant", get_args(Variant), "is neither “sample” nor “full”"
        )
        if chosen in info.variants:
            return chosen
        self.problems.append(f"{info.title} has no embedded sample. The full set is shown.")
        return info.variants[0]

    def number(self, name: str) -> float:
        default: float = getattr(self._defaults, name)
        text = self._address.get(name)
        if text is None:
            return default
        field = NUMBERS[name]
        value = _parse_plain_number(text, _INTEGER if field.integer else _DECIMAL)
        problem = field.problem(text if value is None else value)
        if value is not None and problem is None:
            return value
        self.problems.append(f"{problem} {default:g} is used instead.")
        return default

    def classes(self, info: DatasetInfo) -> tuple[str, ...]:
        named = [name.strip() for name in self._address.get("classes", "").split(",")]
        named = [name for name in named if name]
        known = query_class_names(info)
        unknown = next((name for name in named if name not in known), None)
        if unknown is not None:
            self.problems.append(
                f"{info.title} has no class {quoted(unknown)}. Its classes are "
                f"{', '.join(known[:-1])} and {known[-1]}."
            )
        return tuple(name for name in known if name in named)

    def image(self, view: SamplesView) -> int | None:
        text = self._address.get("image")
        if text is None:
            return None
        index = _parse_plain_number(text, _INTEGER)
        if index is not None and 0 <= index < view.image_count:
            return int(index)
        self.problems.append(
            f"There is no {SPLIT_WORDS[view.shown_split]} image {quoted(text)}: image numbers are "
            f"0 to {view.image_count - 1:,}."
        )
        return None


# Short enough to be read aloud.
_SHUFFLE_LIMIT = 10_000
_DATASET_FIELDS = ("classes", "variant", "view")
_NUMBER_WIDTH = 150
_MAX_CHARS = 40


def read_address(address: Mapping[str, str]) -> tuple[SamplesView, tuple[str, ...]]:
    """The view in the address, and a sentence for each value replaced by the default."""
    reader = _Reader(address)
    names = tuple(info.name for info in all_datasets())
    dataset = reader.choice("dataset", names, "is not a known data set")
    info = find_dataset(dataset)
    view = SamplesView(
        dataset=dataset,
        variant=reader.variant(info),
        split=reader.choice("split", get_args(Split), "is neither “train” nor “test”"),
        view=reader.choice("view", get_args(Choice), "is neither “random” nor “published”"),
        count=int(reader.number("count")),
        classes=reader.classes(info),
        seed=int(reader.number("seed")),
        divisor=reader.number("divisor"),
    )
    if view.view == "published" and info.published_images is None:
        reader.problems.append(
            f"No original tutorial shows images of {info.title}. Random images are shown."
        )
        view = view.changed(view="random")
    view = view.changed(image=reader.image(view))
    return view, tuple(reader.problems)


def _parse_plain_number(text: str, pattern: str) -> float | None:
    # Plain digits only: int() also accepts "１" and "1_000", and an address may hold a million
    # digits.
    return float(text) if re.fullmatch(pattern, text) else None


def _format_value(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value).removesuffix(".0") if isinstance(value, float) else str(value)


def write_address(view: SamplesView) -> None:
    """Write this view to the address, always with the data set."""
    address = {"dataset": view.dataset} | view.address() | language_query_params()
    update_query_params(**dict.fromkeys(current_query_params()) | address)


def render_number_input(
    label: str, field: str, view: SamplesView, *, hint: str, disabled: bool = False
) -> None:
    """Render a text input for a number of the view; wrong input stays to be corrected."""

    def matches(typed: str, value: float) -> bool:
        meant = _parse_number(field, typed)
        return meant == value or NUMBERS[field].problem(meant) is not None

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
    """Render what is wrong with typed numbers, and which are used instead."""
    problems = []
    for name in names:
        problem = NUMBERS[name].problem(_parse_number(name, widget_value(f"samples-{name}")))
        if problem is not None:
            problems.append(
                f"{problem} {format_number_input(getattr(view, name))} is used instead."
            )
    if problems:
        st.warning("  \n".join(problems), icon=":material/warning:")


def _parse_number(field: str, typed: str) -> float | str:
    meant = parse_number_input(typed, is_integer=NUMBERS[field].integer)
    return "" if meant is None else meant


def _number_to_address(field: str) -> None:
    meant = _parse_number(field, widget_value(f"samples-{field}"))
    if NUMBERS[field].problem(meant) is None:
        _change_view(**{field: meant})


def bind_widget(field: str, view: SamplesView) -> dict[str, Any]:
    """The key and callback that bind a widget to a field of the address."""
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
    """The data of this view; the sample with a warning if the full set is unavailable.

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
                link_to("start", f"Download the full {view.info.title} set on the Start page")
            if not view.info.has_sample:
                return None
    return cache.dataset(view.dataset, "sample"), view.changed(variant="sample")


def render_controls(view: SamplesView) -> None:
    """Render all controls; a change returns through the address at the next rerun."""
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
        help="Some data sets have a sample that comes with cifarviz. Download the full set on the "
        "Start page.",
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
            get_args(Choice),
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
