"""The Runs page as a test opens it, and what it shows."""

import base64
import json
from typing import Any

import numpy as np
from streamlit.testing.v1 import AppTest

from tests.components import live_texts
from tests.pages.app_page import opened_by_link, walk


def opened(*runs: str) -> AppTest:
    return opened_by_link("runs", **({"runs": ",".join(runs)} if runs else {}))


def page_texts(app: AppTest) -> list[str]:
    found = [*app.error, *app.warning, *app.info, *app.header, *app.markdown, *app.caption]
    # A backslash only keeps Markdown from reading a sign as its own.
    metrics = [text for one in app.metric for text in (one.label, one.value, one.delta)]
    return [*(one.value.replace("\\", "") for one in found), *metrics, *live_texts(app)]


def buttons(app: AppTest) -> list[str]:
    return [one.label for one in app.button]


def press(app: AppTest, label: str) -> None:
    next(one for one in app.button if one.label == label).click().run()


def links(app: AppTest) -> dict[str, str]:
    main = walk(app._tree.children[0])
    found = [one.proto for one in main if one.type == "page_link"]
    return {one.label: f"{one.page}?{one.query_string}" for one in found}


def widths(app: AppTest) -> dict[str, int]:
    """Columns of the table that have a width, in pixels."""
    columns = json.loads(app.dataframe[0].proto.columns)
    return {name: one["width"] for name, one in columns.items() if one.get("width") is not None}


def differences(app: AppTest) -> list[list[str]]:
    """The table of what tells runs apart: its titles, and its rows."""
    table = app.dataframe[-1]
    columns = json.loads(table.proto.columns)
    titles = [columns[name]["label"] for name in table.value.columns]
    return [titles, *table.value.to_numpy().tolist()]


def numbers(sent: Any) -> list[float]:
    """Numbers as they go to the browser: a list, or bytes in base64."""
    if isinstance(sent, list):
        return sent
    return np.frombuffer(base64.b64decode(sent["bdata"]), sent["dtype"]).tolist()
