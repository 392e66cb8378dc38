"""Loads the components of this folder from their HTML, CSS and JavaScript files."""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from cifarviz.figures.theme import css_properties
from cifarviz.ui import state

_FOLDER = Path(__file__).parent


@cache
def component(
    name: str,
    *,
    html: str = "",
    setup: Callable[[], str] | None = None,
    shared: tuple[str, ...] = (),
    isolate_styles: bool = True,
) -> Any:
    """Return the Streamlit component of the files ``<name>.js``, ``.css`` and ``.html``.

    Isolated styles can use the colours of figures, such as ``var(--validation-color)``.
    ``html`` replaces the HTML file. Before the component's script come the result of ``setup`` and
    the scripts of the names in ``shared``; their styles come before its own.
    """
    names = [*shared, name]
    styles, scripts = ([_read(f"{one}.{kind}") or "" for one in names] for kind in ("css", "js"))
    return st.components.v2.component(
        f"cifarviz.{name}",
        html=html or _read(f"{name}.html"),
        css="\n".join([f":host {{ {css_properties()} }}", *styles]),
        js="\n".join([setup() if setup else "", *scripts]),
        isolate_styles=isolate_styles,
    )


def _read(file_name: str) -> str | None:
    path = _FOLDER / file_name
    return path.read_text("utf-8") if path.exists() else None


def ignore() -> None:
    """Do nothing: a component's trigger needs a callback, even if the result is read."""


def clicked_tile(
    mount: Any,
    key: str,
    parts: Sequence[bytes],
    count: int,
    on_click: Callable[[int], None] | None = None,
) -> int | None:
    """Mount a component of ``count`` tiles with ``parts``, a line each; return a clicked tile.

    A click is returned once; an index out of range, of an earlier picture, is ignored. With
    ``on_click`` it is given to that before the next run of the script, and not returned.
    """

    def send() -> None:
        if on_click is not None and (clicked := valid(state.get(key).get("click"))) is not None:
            on_click(clicked)

    def valid(clicked: object) -> int | None:
        return clicked if isinstance(clicked, int) and 0 <= clicked < count else None

    result = mount(key=key, data=b"\n".join(parts), on_click_change=send if on_click else ignore)
    return None if on_click else valid(result.get("click"))
