"""The Lab page, opened, pressed and read by its tests."""

from streamlit.testing.v1 import AppTest

from tests.components import components, live_texts
from tests.pages.app_page import opened_by_link, walk


def opened(**address: object) -> AppTest:
    return opened_by_link("lab", **address)


def page_text(app: AppTest) -> str:
    found = [*app.error, *app.warning, *app.info, *app.header, *app.markdown, *app.caption]
    # A backslash only keeps Markdown from reading a sign as its own.
    return "\n".join([*(one.value.replace("\\", "") for one in found), *live_texts(app)])


def errors(app: AppTest) -> list[str]:
    return [one.value.replace("\\", "") for one in app.error]


def charts(app: AppTest) -> int:
    return len(components(app, "chart"))


def links(app: AppTest) -> list[str]:
    return [one.proto.label.replace("\\", "") for one in walk(app._tree) if one.type == "page_link"]
