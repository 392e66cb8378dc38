"""The Inside page, opened and read by its tests."""

import re

from streamlit.testing.v1 import AppTest

from tests.pages.app_page import opened_by_link, walk

MAPS = ["conv2d_1", "max_pooling2d_1", "conv2d_2", "max_pooling2d_2"]


def opened(**address: str) -> AppTest:
    return opened_by_link("inside", **address)


def said(app: AppTest) -> list[str]:
    """All that the page says, errors and remarks first."""
    found = [*app.error, *app.warning, *app.info, *app.markdown, *app.caption]
    return [one.value for one in found]


def errors(app: AppTest) -> list[str]:
    return [one.value.replace("\\", "") for one in app.error]


def grids(app: AppTest) -> list[str]:
    """Names of the layers whose channels are shown as pictures."""
    return [key.removeprefix("maps-") for key in components(app) if key.startswith("maps-")]


def components(app: AppTest) -> list[str]:
    found = [one.proto.id for one in walk(app._tree) if one.type == "bidi_component"]
    return [re.sub(r"^.*-[0-9a-f]{32}-", "", one) for one in found]
