"""Eight pages whose controls are pressed, and what they show of them.

Each has presses that go on for ever, says what is shown after some of them, and reads it off the
page: from the widgets, from the address and from what is drawn.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import cycle

import numpy as np
from playwright.sync_api import Page

from cifarviz.data import library
from cifarviz.datasets.cifar10 import CIFAR10
from cifarviz.experiment.address import unpack_changes
from cifarviz.settings import Settings
from scripts.chromium import settle
from tests.browser.quick_presses import PageState, Press, PressedPage, address_of

# What pages show


def _addressed(page: Page, *names: str) -> dict[str, str]:
    address = address_of(page)
    return {f"{name} in the address": address.get(name, "") for name in names}


def _groups(page: Page, *labels: str) -> dict[str, str]:
    """What is chosen in rows of buttons."""
    script = """label => [...document.querySelectorAll(`[aria-label="${label}"] button`)]
        .filter(e => e.ariaChecked === "true" || e.ariaPressed === "true")
        .map(e => (e.querySelector("p") ?? e).textContent).join(",")"""
    return {label: page.evaluate(script, label) for label in labels}


def _fields(page: Page, *labels: str) -> dict[str, str]:
    main = page.get_by_test_id("stMain")
    return {
        label: main.get_by_label(label, exact=True).and_(main.locator("input")).input_value()
        for label in labels
    }


def _line(page: Page, pattern: str) -> str:
    """The first paragraph or heading that has this in it."""
    texts = page.get_by_test_id("stMain").locator("p:visible, h1:visible, h2:visible, h3:visible")
    found = texts.filter(has_text=re.compile(pattern))
    return str(found.first.text_content()) if found.count() else ""


def _last(presses: Sequence[Press], of: str, otherwise: str) -> str:
    return next((one.to for one in reversed(presses) if one.of == of), otherwise)


def _count(presses: Sequence[Press], kind: str, of: str) -> int:
    return sum(one.kind == kind and one.of == of for one in presses)


def _optional(value: str, usual: str) -> str:
    """A value in the address, which may be missing there where it is the usual one."""
    return f"({re.escape(value)})?" if value == usual else re.escape(value)


# The pages


def _samples_presses() -> Iterator[Press]:
    splits = cycle(["Test", "Training"])
    for number in cycle(range(70)):
        if number % 7 == 6:
            yield Press("choice", "Split", next(splits))
        else:
            yield Press("choice", "Classes", CIFAR10.classes[(3 * number) % 10])


def _samples_expected(presses: Sequence[Press], ids: Mapping[str, str]) -> PageState:
    pressed = [one.to for one in presses if one.of == "Classes"]
    chosen = [name for name in CIFAR10.classes if pressed.count(name) % 2]
    split = _last(presses, "Split", "Training")
    some = "|".join(chosen or CIFAR10.classes)
    return {
        "Classes": ",".join(chosen),
        "Split": split,
        "classes in the address": ",".join(sorted(chosen)),
        "split in the address": _optional("test" if split == "Test" else "train", "train"),
        "drawn": rf"50 of [\d,]+ {split.lower()} images.*{'.*'.join(chosen)} in the .*",
        "tiles": f"({some})(,({some}))*",
        "tiles are of": f"{split.lower()} image",
    }


def _samples_shown(page: Page) -> PageState:
    tiles = page.get_by_role("group", name="Sampled images").get_by_role("button")
    names: list[str] = tiles.evaluate_all("all => all.map(e => e.ariaLabel)")
    return {
        **_groups(page, "Classes", "Split"),
        **_addressed(page, "split"),
        # In any order: a link means the same in each.
        "classes in the address": ",".join(sorted(address_of(page).get("classes", "").split(","))),
        "drawn": _line(page, r"^\d+ of [\d,]+ "),
        "tiles": ",".join(sorted({name.split(",")[0] for name in names})),
        "tiles are of": ",".join({" ".join(name.split(", ")[1].split()[:2]) for name in names}),
    }


_COLORS = {"Grey": "grey", "Viridis": "viridis", "Magma": "magma"}


def _inside_presses() -> Iterator[Press]:
    scales, colors = cycle(["Per layer", "Per channel"]), cycle(["Viridis", "Magma", "Grey"])
    while True:
        yield Press("button", "Next")
        yield Press("choice", "Colours", next(colors))
        yield Press("button", "Next")
        yield Press("choice", "Scale", next(scales))


def _inside_expected(presses: Sequence[Press], ids: Mapping[str, str]) -> PageState:
    images = library.load("cifar10", "sample", Settings.from_environment()).test.indices
    index = str(np.sort(images)[3 + _count(presses, "button", "Next")])
    colors, scale = _last(presses, "Colours", "Grey"), _last(presses, "Scale", "Per channel")
    layer = scale == "Per layer"
    return {
        "Image number": index,
        "Colours": colors,
        "Scale": scale,
        "image in the address": index,
        "colors in the address": _optional(_COLORS[colors], "grey"),
        "scale in the address": _optional("layer" if layer else "own", "own"),
        "drawn": f"Test image {index}, .*",
        "large": f"Test image {index}, .*",
        "legend": ".*the layer’s smallest value.*" if layer else ".*standard deviations.*",
    }


def _inside_shown(page: Page) -> PageState:
    pictures = page.get_by_test_id("stMain").get_by_role("img", name=re.compile("^Test image"))
    legend = page.get_by_test_id("stHtml").filter(has_text=re.compile("smallest|standard"))
    return {
        **_fields(page, "Image number"),
        **_groups(page, "Colours", "Scale"),
        **_addressed(page, "image", "colors", "scale"),
        "drawn": _line(page, r"^Test image \d+, "),
        "large": pictures.first.get_attribute("alt") or "",
        "legend": str(legend.first.text_content()),
    }


_PARTS = {
    "Calibration": ("sure", "Calibration"),
    "Random images": ("random", "Ten random test images"),
    "Each class": ("classes", "Scores of each class"),
}


def _evaluate_presses() -> Iterator[Press]:
    counts, orders = cycle(["Row percent", "Counts"]), cycle(["Confused together", "Usual order"])
    parts = cycle(_PARTS)
    while True:
        yield Press("choice", "Confusion matrix", next(counts))
        yield Press("choice", "Classes", next(orders))
        yield Press("choice", "Details", next(parts))


def _evaluate_expected(presses: Sequence[Press], ids: Mapping[str, str]) -> PageState:
    shares = _last(presses, "Confusion matrix", "Counts")
    order = _last(presses, "Classes", "Usual order")
    part = _last(presses, "Details", "Each class")
    usual = ",".join(CIFAR10.classes)
    name, heading = _PARTS[part]
    return {
        "Confusion matrix": shares,
        "Classes": order,
        "Details": part,
        "matrix in the address": _optional(
            "counts" if shares == "Counts" else "row_percent", "counts"
        ),
        "order in the address": _optional("usual" if order == "Usual order" else "alike", "usual"),
        "part in the address": _optional(name, "classes"),
        "drawn order": usual if order == "Usual order" else f"(?!{usual}).*",
        "drawn values": r"\d\d+" if shares == "Counts" else "1",
        "drawn part": f"{heading}.*",
    }


def _evaluate_shown(page: Page) -> PageState:
    # The largest value of the colour scale: of counts there are dozens, shares are up to 1.
    order, most = page.evaluate(
        """() => {
            const {x, zmax} = document.querySelector(
                ".st-key-evaluate-matrix .cifarviz-chart")._fullData[0];
            return [x.join(","), String(zmax)];
        }"""
    )
    headings = "|".join(heading for _, heading in _PARTS.values())
    # The choice of the part has some of the same words.
    heading = page.get_by_role("heading", name=re.compile(f"^({headings})"))
    return {
        **_groups(page, "Confusion matrix", "Classes", "Details"),
        **_addressed(page, "matrix", "order", "part"),
        "drawn order": order,
        "drawn values": most,
        "drawn part": str(heading.first.text_content()),
    }


_FITS = {"Crop": "crop", "Stretch": "stretch", "Pad": "pad"}


def _predict_presses() -> Iterator[Press]:
    fits, tiles = (
        cycle(["Stretch", "Pad", "Crop"]),
        cycle(zip(CIFAR10.classes, _tried(), strict=True)),
    )
    while True:
        for _ in range(2):
            name, index = next(tiles)
            yield Press("tile", "Test images to try", f"{name}, test image {index}")
        yield Press("choice", "Fit to square", next(fits))


@cache
def _tried() -> list[int]:
    """The images that Predict offers: the first of each class in the sample."""
    test = library.load("cifar10", "sample", Settings.from_environment()).test
    return [int(test.indices[int(np.argmax(test.labels == label))]) for label in range(10)]


def _predict_expected(presses: Sequence[Press], ids: Mapping[str, str]) -> PageState:
    tile, fit = _last(presses, "Test images to try", ""), _last(presses, "Fit to square", "Crop")
    name, index = re.fullmatch(r"(\w+), test image (\d+)", tile).groups()  # type: ignore[union-attr]
    return {
        "Image number": index,
        "Fit to square": fit,
        "Or choose from the data set": "Test",
        "image in the address": index,
        "fit in the address": _optional(_FITS[fit], "crop"),
        "ringed": tile,
        "drawn": f"Test image {index}, {name}",
    }


def _predict_shown(page: Page) -> PageState:
    tiles = page.get_by_role("group", name="Test images to try").get_by_role("button", pressed=True)
    return {
        **_fields(page, "Image number"),
        **_groups(page, "Fit to square", "Or choose from the data set"),
        **_addressed(page, "image", "fit"),
        "ringed": ";".join(tiles.evaluate_all("all => all.map(e => e.ariaLabel)")),
        "drawn": page.get_by_role("heading", name=re.compile("^Test image")).inner_text(),
    }


_SHORT = {"mine": "MINE", "other": "OTHER", "as published": "VGG", "clothes": "CLOTHES"}
_SMOOTHING = {"Off": "1", "3 epochs": "3", "5": "5"}


def _runs_presses() -> Iterator[Press]:
    # "mine" stays ticked, so that the charts and their controls stay.
    names = ["other", "as published", "clothes"]
    rows = cycle(names[place] for place in (0, 1, 2, 0, 2, 1, 0))
    smooth = cycle(["3 epochs", "5", "Off"])
    while True:
        for _ in range(3):
            yield Press("row", next(rows))
        yield Press("choice", "Smoothing", next(smooth))


def _runs_expected(presses: Sequence[Press], ids: Mapping[str, str]) -> PageState:
    pressed = [one.of for one in presses if one.kind == "row"]
    ticked = sorted(name for name in _SHORT if name == "mine" or pressed.count(name) % 2)
    smooth = _last(presses, "Smoothing", "Off")
    return {
        "ticked rows": ",".join(ticked),
        "runs in the address": ",".join(sorted(ids[_SHORT[name]] for name in ticked)),
        "Smoothing": smooth,
        "smooth in the address": _optional(_SMOOTHING[smooth], "1"),
        "drawn": "mine.*" if len(ticked) == 1 else f"{len(ticked)} runs compared.*",
        "drawn curves": ",".join(ticked),
    }


def _runs_shown(page: Page) -> PageState:
    rows = """() => [...document.querySelectorAll(".st-key-runs-list tr[aria-selected=true]")]
        .map(row => row.children[1].textContent).sort().join(",")"""
    chart = page.locator(".st-key-runs-loss [aria-label^='Loss of']").first
    curves = str(chart.get_attribute("aria-label")).removeprefix("Loss of ")
    return {
        "ticked rows": page.evaluate(rows),
        "runs in the address": ",".join(sorted(address_of(page).get("runs", "").split(","))),
        **_groups(page, "Smoothing"),
        **_addressed(page, "smooth"),
        "drawn": _line(page, r"^mine|runs compared"),
        "drawn curves": ",".join(sorted(curves.split(", "))),
    }


def _train_presses() -> Iterator[Press]:
    for filters in cycle(range(33, 97)):
        yield Press("text", "Number of filters", str(filters))


def _layer_presses() -> Iterator[Press]:
    moves = cycle(["up", "down"])
    for edit in _train_presses():
        yield edit
        yield Press("layer", next(moves), "-1-3-")


def _train_expected(presses: Sequence[Press], ids: Mapping[str, str]) -> PageState:
    filters = _last(presses, "Number of filters", "32")
    moved = _count(presses, "layer", "up") - _count(presses, "layer", "down")
    table = ["Convolution", "Max pooling", "Convolution"]
    if moved:
        table = ["Convolution", "Convolution", "Max pooling"]
    return {
        "Number of filters": filters,
        "filters in the address": filters,
        "drawn": f"{filters} filters.*",
        "layers in the address": ",".join(table),
        "drawn layers": ",".join(table),
    }


def _train_shown(page: Page) -> PageState:
    address = address_of(page)
    draft = unpack_changes(address["preset"], address["changes"], 1)
    words = {"conv2d": "Convolution", "max_pool2d": "Max pooling"}
    layers = [words.get(layer.type, layer.type) for layer in draft.layers]
    types = page.locator(".st-key-layer-table p strong")
    return {
        **_fields(page, "Number of filters"),
        "filters in the address": str(draft.layers[0].fields.get("filters")),
        "layers in the address": ",".join(layers[:3]),
        "drawn": _line(page, r"^\d+ filters"),
        "drawn layers": ",".join(types.all_inner_texts()[:3]),
    }


def _open_first_layer(page: Page) -> None:
    filters = page.get_by_label("Number of filters", exact=True)
    if not filters.count():
        page.locator("[class*='st-key-layer-'][class*='-1-edit'] button:visible").first.click()
        filters.wait_for()
        settle(page)


def _present_presses() -> Iterator[Press]:
    while True:
        for key in ("PageDown", "n", "PageUp", "n", "n"):
            yield Press("key", key)


def _present_expected(presses: Sequence[Press], ids: Mapping[str, str]) -> PageState:
    second = _count(presses, "key", "PageDown") > _count(presses, "key", "PageUp")
    notes = _count(presses, "key", "n") % 2
    return {
        "place": "2 of 7" if second else "1 of 7",
        "scene in the address": _optional("network" if second else "data", "data"),
        "notes in the address": "1" if notes else "0?",
        "drawn": "6 layers, .*" if second else "60,000 small pictures .*",
        "panels of notes": "1" if notes else "0",
    }


def _present_shown(page: Page) -> PageState:
    return {
        "place": page.locator("nav.bar .place").inner_text(),
        **_addressed(page, "scene", "notes"),
        "drawn": _line(page, "layers,|small pictures"),
        "panels of notes": str(page.locator(".st-key-present-panel").count()),
    }


def _lab_presses() -> Iterator[Press]:
    while True:
        yield Press("step", "Epochs", "+")
        yield Press("step", "Seed", "+")
        yield Press("step", "Epochs", "+")
        yield Press("choice", "Choose 2 or 3 to compare", "mirrored")


def _lab_expected(presses: Sequence[Press], ids: Mapping[str, str]) -> PageState:
    epochs = 40 + _count(presses, "step", "Epochs")
    seed = 1 + _count(presses, "step", "Seed")
    three = _count(presses, "choice", "Choose 2 or 3 to compare") % 2
    labels = ["no augmentation", *(["mirrored"] if three else []), "mirrored and shifted"]
    values = "both,flip,off" if three else "both,off"
    return {
        "Epochs": str(epochs),
        "Seed": str(seed),
        "Choose 2 or 3 to compare": ",".join(labels),
        "epochs in the address": str(epochs),
        "seed in the address": str(seed),
        "values in the address": _optional(values, "both,off"),
        "drawn": f"Trains {len(labels)} runs .*, {epochs} epochs each .*, from seed {seed}, .*",
    }


def _lab_shown(page: Page) -> PageState:
    return {
        **_fields(page, "Epochs", "Seed"),
        **_groups(page, "Choose 2 or 3 to compare"),
        **_addressed(page, "epochs", "seed"),
        "values in the address": ",".join(sorted(address_of(page).get("values", "").split(","))),
        "drawn": _line(page, r"^Trains \d"),
    }


PAGES: tuple[PressedPage, ...] = (
    PressedPage("Samples", "samples", _samples_presses, _samples_expected, _samples_shown),
    PressedPage("Inside", "inside?run=MINE&image=3", _inside_presses, _inside_expected,
                _inside_shown),
    PressedPage("Evaluate", "evaluate?run=MINE", _evaluate_presses, _evaluate_expected,
                _evaluate_shown),
    PressedPage("Predict", "predict?run=MINE", _predict_presses, _predict_expected, _predict_shown),
    PressedPage("Runs", "runs?runs=MINE", _runs_presses, _runs_expected, _runs_shown),
    PressedPage("Train", "train?preset=cifar10-starter", _train_presses, _train_expected,
                _train_shown, _open_first_layer),
    PressedPage("Present", "present?run=MINE", _present_presses, _present_expected,
                _present_shown),
    PressedPage("Lab", "lab", _lab_presses, _lab_expected, _lab_shown),
)  # fmt: skip


# Layers that are moved up and down while their filters are edited: of many such presses at this
# pace one can be lost, so it is measured (benchmarks/bench_presses.py) and not a test.
LAYERS = PressedPage("Layers", "train?preset=cifar10-starter", _layer_presses, _train_expected,
                     _train_shown, _open_first_layer)  # fmt: skip


def shares(count: int, pages: Sequence[PressedPage] = PAGES) -> Iterator[tuple[PressedPage, int]]:
    """Each page with its share of ``count`` presses."""
    for number, pressed in enumerate(pages):
        yield pressed, count // len(pages) + (number < count % len(pages))
