"""Any page of the app, opened and read by its tests."""

import re
from collections.abc import Iterator
from typing import Any

from streamlit.testing.v1 import AppTest

from scripts.app_server import ROOT


def opened_by_link(page: str, /, **address: object) -> AppTest:
    """A page that is the first thing its session shows."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    return _led_to(app, page, address)


def opened_from_start(page: str, /, **address: object) -> AppTest:
    """A page that is gone to from Start."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    return _led_to(app, page, address)


def _led_to(app: AppTest, page: str, address: dict[str, object]) -> AppTest:
    app.switch_page(f"pages/{page}.py")
    for name, value in address.items():
        app.query_params[name] = str(value)
    return app.run()


def address_of(app: AppTest) -> dict[str, str]:
    # A value set by the page comes back as text, one set by a test as a list of one.
    pairs = app.query_params.items()
    return {name: value if isinstance(value, str) else value[0] for name, value in pairs}


def elements(app: AppTest, kind: str) -> list[Any]:
    return list(app.get(kind))


def walk(node: Any) -> Iterator[Any]:
    """Everything below an element, the element itself not."""
    for child in getattr(node, "children", {}).values():
        yield child
        yield from walk(child)


def widget(app: AppTest, kind: str, name: str) -> Any:
    """The widget of this name, however often something else has changed its value."""
    keys = re.compile(rf"{re.escape(name)}(-v\d+)?")
    [found] = [one for one in getattr(app, kind) if keys.fullmatch(one.key or "")]
    return found
