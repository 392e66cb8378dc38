"""The Samples page, opened and read by its tests."""

from typing import Any

from streamlit.testing.v1 import AppTest

from tests.components import image_grid
from tests.pages.app_page import opened_from_start


def opened(**address: str) -> AppTest:
    return opened_from_start("samples", **address)


def control(app: AppTest, label: str) -> Any:
    return next(one for one in [*app.text_input, *app.button_group] if one.label == label)


def drawn(app: AppTest, key: str = "samples-grid") -> list[str]:
    """What the tiles of the grid are called."""
    tooltips: list[str] = image_grid(app, key)["tooltips"]
    return tooltips


def warnings(app: AppTest) -> list[str]:
    return [one.value for one in app.warning]


def page_text(app: AppTest) -> str:
    return "\n".join(one.value for one in [*app.markdown, *app.caption, *app.info, *app.header])
