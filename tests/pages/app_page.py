"""Any page of the app, opened and read by its tests."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from scripts.app_server import ROOT

# For each app AppTest looks for components in all installed packages: 0.4 s of processor time.
manifest_scanner.scan_component_manifests = cache(manifest_scanner.scan_component_manifests)


def opened_by_link(page: str, /, **address: object) -> AppTest:
    """A page that is the first thing its session shows."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    return led_to(app, page, address)


def opened_from_start(page: str, /, **address: object) -> AppTest:
    """A page that is gone to from Start."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    return led_to(app, page, address)


def opened_in_app(page: str, /, **address: str) -> AppTest:
    """A page as ``app.py`` draws it, so that it follows what only ``app.py`` reads."""
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    # Any page but the first is drawn alone, after a run of the first with the same address.
    app = _addressed(app, address).run()
    return app if page == "start" else led_to(app, page, address)


def led_to(app: AppTest, page: str, address: Mapping[str, object]) -> AppTest:
    app.switch_page(f"pages/{page}.py")
    return _addressed(app, address).run()


def _addressed(app: AppTest, address: Mapping[str, object]) -> AppTest:
    for name, value in address.items():
        app.query_params[name] = str(value)
    return app


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
