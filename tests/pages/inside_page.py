"""The Inside page, opened and read by its tests."""

from streamlit.testing.v1 import AppTest

from tests.components import component_keys, live_texts
from tests.pages.app_page import opened_by_link

MAPS = ["conv2d_1", "max_pooling2d_1", "conv2d_2", "max_pooling2d_2"]


def opened(**address: str) -> AppTest:
    return opened_by_link("inside", **address)


def page_texts(app: AppTest) -> list[str]:
    """All that the page says, errors and remarks first."""
    found = [*app.error, *app.warning, *app.info, *app.markdown, *app.caption]
    return [*(one.value for one in found), *live_texts(app)]


def errors(app: AppTest) -> list[str]:
    return [one.value.replace("\\", "") for one in app.error]


def grids(app: AppTest) -> list[str]:
    """Names of the layers whose channels are shown as pictures."""
    keys = component_keys(app)
    return [key.removeprefix("maps-") for key in keys if key.startswith("maps-")]
