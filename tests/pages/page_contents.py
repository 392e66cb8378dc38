"""What a page shows: its widgets by their labels, and all that is drawn beside them."""

import re
from typing import Any

from streamlit.testing.v1 import AppTest

from tests.components import Component, components
from tests.pages.app_page import elements, walk

_TEXTS = ("caption", "error", "header", "info", "markdown", "subheader", "title", "warning")


def choices(app: AppTest) -> dict[str, str]:
    """What each widget stands at, in the words a person reads, by the widget's label.

    Neither keys nor options are looked at, which may be renamed without changing the page.
    Several choices are joined by commas; a pagination, which has no label, is called "page". Of
    widgets with one label it is the first, menus before fields.
    """
    found: dict[str, str] = {}
    for widget in (*app.selectbox, *app.radio):
        words = "" if widget.index is None else widget.options[widget.index]
        found.setdefault(widget.label, words)
    for group in app.button_group:
        found.setdefault(group.label, ",".join(map(_plain, group.formatted_values)))
    for several in app.multiselect:
        found.setdefault(several.label, ",".join(several.values))
    for field in (*app.text_input, *app.number_input, *app.slider, *app.toggle, *app.checkbox):
        found.setdefault(field.label, str(field.value))
    for pages in elements(app, "pagination"):
        found.setdefault("page", str(pages.value))
    return found


def drawn(app: AppTest) -> str:
    """All that stands on the page but widgets: texts, pictures, tables, components, links.

    A line each: texts as a person reads them, and ``kind key: JSON`` of components.
    """
    lines = []
    one: Any
    for one in walk(app._tree):
        if one.type in _TEXTS:
            lines.append(_plain(one.value))
        elif one.type == "html" and "<style>" not in one.proto.body:
            lines.append(one.proto.body)
        elif one.type == "image":
            lines += [f"picture: {image.alt} {image.url}" for image in one.proto.imgs]
        elif one.type == "dataframe":
            lines.append(f"table: {one.value.to_csv(index=False)}")
        elif one.type == "page_link":
            lines.append(
                f"link: {_plain(one.proto.label)} {one.proto.page}?{one.proto.query_string}"
            )
        elif one.type in ("button", "download_button"):
            lines.append(f"button: {_plain(one.label)}")
        elif one.type == "dialog":
            lines.append(f"dialog: {_plain(one.proto.dialog.title)}")
        elif one.type == "metric":
            lines.append(f"{_plain(one.label)}: {one.value}")
    return "\n".join([*lines, *map(_component, components(app))])


def _component(given: Component) -> str:
    return f"{given.kind} {given.key}: {given.json_lines()}"


def _plain(markdown: str) -> str:
    """Without backslashes, icons and the border that ``escaped`` puts around signs."""
    return re.sub(r":material/\w+: ?|:color\[\]", "", markdown.replace("\\", ""))
