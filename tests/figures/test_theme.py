"""Colours that can be told apart, and a layout that suits both pages."""

import itertools
import re
from pathlib import Path

import plotly.graph_objects as go
import pytest

from cifarviz.figures import theme

PAGES = ("#FFFFFF", "#14181D")
ROOT = Path(__file__).parents[2]


def linear(color: str) -> list[float]:
    values = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values]


def contrast(a: str, b: str) -> float:
    """The contrast of WCAG 2: 1 to 21."""
    weights = (0.2126, 0.7152, 0.0722)
    light, dark = sorted(
        (sum(w * v for w, v in zip(weights, linear(c), strict=True)) for c in (a, b)), reverse=True
    )
    return (light + 0.05) / (dark + 0.05)


def distance(a: str, b: str) -> float:
    """How different two colours look: the distance in OKLab (Ottosson 2020)."""
    points = []
    for red, green, blue in (linear(a), linear(b)):
        long = (0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue) ** (1 / 3)
        middle = (0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue) ** (1 / 3)
        short = (0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue) ** (1 / 3)
        points.append(
            (
                0.2104542553 * long + 0.7936177850 * middle - 0.0040720468 * short,
                1.9779984951 * long - 2.4285922050 * middle + 0.4505937099 * short,
                0.0259040371 * long + 0.7827717662 * middle - 0.8086757660 * short,
            )
        )
    return sum((p - q) ** 2 for p, q in zip(*points, strict=True)) ** 0.5


def test_ten_classes_have_distinct_colours() -> None:
    assert len(theme.CLASS_COLORS) == 10
    assert min(distance(a, b) for a, b in itertools.combinations(theme.CLASS_COLORS, 2)) > 0.12


@pytest.mark.parametrize("kept", [theme.TRAINING, theme.VALIDATION])
def test_no_class_looks_like_training_or_validation(kept: str) -> None:
    assert min(distance(color, kept) for color in theme.CLASS_COLORS) > 0.09


@pytest.mark.parametrize("page", PAGES)
def test_all_colours_are_visible_in_both_themes(page: str) -> None:
    colors = [*theme.CLASS_COLORS, theme.TRAINING, theme.TEST, theme.WARNING, theme.NEUTRAL]
    assert min(contrast(color, page) for color in colors) > 2.4


def test_only_the_theme_has_the_colour_of_validation() -> None:
    red, green, blue = (int(theme.VALIDATION[i : i + 2], 16) for i in (1, 3, 5))
    copy = re.compile(rf"{theme.VALIDATION}|\b{red},?\s*{green},?\s*{blue}\b", re.IGNORECASE)
    files = [
        path
        for folder in ("cifarviz", "pages", "assets", ".streamlit")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".py", ".css", ".js", ".html", ".toml"}
    ]
    found = {path.relative_to(ROOT) for path in files if copy.search(path.read_text("utf-8"))}
    assert found == {Path("cifarviz/figures/theme.py")}


def test_components_get_the_colours_of_curves() -> None:
    assert f"--validation-color: {theme.VALIDATION};" in theme.css_properties()
    assert f"--training-color: {theme.TRAINING};" in theme.css_properties()


def test_the_layout_is_independent_of_the_theme() -> None:
    layout = go.Figure(layout=theme.base_layout(height=200, xaxis={"title": {"text": "x"}})).layout
    assert layout.height == 200
    assert layout.paper_bgcolor == layout.plot_bgcolor == theme.CLEAR
    assert layout.font.color is None
    assert layout.uirevision == "keep"
    assert layout.template.layout.to_plotly_json() == {}
    assert (layout.xaxis.title.text, layout.xaxis.title.standoff) == ("x", 8)


def test_an_empty_figure_has_a_message() -> None:
    figure = theme.empty_figure("Nothing yet.")
    assert len(figure.data) == 0
    assert figure.layout.annotations[0].text == "Nothing yet."


def test_mixing_two_colours() -> None:
    assert theme.mix("#000000", "#FFFFFF", 0.5) == "#808080"
    assert theme.mix("#123456", "#FFFFFF", 0.0) == "#123456"


def test_one_of_two_similar_colours_has_a_second_sign() -> None:
    assert theme.similar_colors(["#A516A0", "#45AE1E"]) == [False, False]
    assert theme.similar_colors(["#A516A0", "#A516A4", "#45AE1E"]) == [False, True, False]
