"""What the Samples page shows, as a value that the address holds."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final, Literal, get_args

import numpy as np
import numpy.typing as npt

from cifarviz.data.image_set import ImageSet, Split
from cifarviz.data.random_images import LARGEST_SEED, random_images
from cifarviz.datasets.info import DatasetInfo, Variant
from cifarviz.datasets.registry import all_datasets, default_dataset, find
from cifarviz.experiment.preprocessing import Divide
from cifarviz.ui.address import quoted
from cifarviz.ui.class_names import address_names
from cifarviz.ui.setup.fields import number_typed

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
        return self._rule("" if value is None else number_typed(value))

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


def _number(text: str, pattern: str) -> float | None:
    # Plain digits only: int() takes "１" and "1_000" too, and an address may hold a million digits.
    return float(text) if re.fullmatch(pattern, text) else None


def _written(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value).removesuffix(".0") if isinstance(value, float) else str(value)
