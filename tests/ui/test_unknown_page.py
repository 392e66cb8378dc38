"""Whether an address leads to a page."""

import pytest

from cifarviz.ui.navigation import PAGES, unknown_page

HOST = "http://localhost:8501"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/nosuchpage", "nosuchpage"),
        ("/nosuchtrain/", "nosuchtrain"),
        ("/behind/a/proxy/Train", "Train"),
        ("/n%C3%B6%20x", "nö x"),
        ("/%3Cb%3E", "<b>"),
    ],
)
def test_a_name_that_no_page_has_is_found(path: str, name: str) -> None:
    assert unknown_page(HOST + path) == name


def test_a_name_that_a_page_has_is_not() -> None:
    known = [f"{HOST}/{name}" for name, entry in PAGES.items() if not entry.default]
    assert {unknown_page(url) for url in (None, "", HOST, f"{HOST}/", *known)} == {None}
    assert unknown_page(f"{HOST}/behind/a/proxy/train/") is None
