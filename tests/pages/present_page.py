"""The page for the projector, opened and read by its tests."""

import re

from streamlit.testing.v1 import AppTest

from tests.components import live_texts
from tests.pages.app_page import address_of, opened_by_link, walk

__all__ = ["SCENES", "address_of", "counts", "html", "opened", "page_text", "title"]

SCENES = ("data", "network", "training", "overfitting", "maps", "mistakes", "photo")


def opened(scene: str = "", **address: object) -> AppTest:
    """The page at a scene; without one, as the menu leads to it."""
    app = opened_by_link("present", **({"scene": scene} if scene else {}), **address)
    assert not app.exception
    return app


def title(app: AppTest) -> str:
    return app.title[0].value.replace("\\", "")


def page_text(app: AppTest) -> str:
    """Warnings, remarks, errors and notes."""
    found = [*app.error, *app.warning, *app.info, *app.markdown, *app.caption]
    return "\n".join([*(one.value.replace("\\", "") for one in found), *live_texts(app)])


def html(app: AppTest) -> str:
    """What stands on the stage beside components."""
    return "\n".join(one.proto.body for one in walk(app._tree) if one.type == "html")


def counts(app: AppTest) -> list[tuple[str, str]]:
    """The parts of the images and their sum, and what each is for."""
    return re.findall(r"<b>([\d,]+)</b><span>([^<]*)</span>", html(app))
