"""Unknown pages in an address are detected."""

import pytest

from cifarviz.ui.navigation import PAGES, unknown_page_name

HOST = "http://localhost:8501"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/nosuchpage", "nosuchpage"),
        ("/nosuchtrain/", "nosuchtrain"),
        ("/behind/a/proxy/Train", "Train"),
        ("/n%C3%B6%20x", "nö x"),
        ("/%3Cb%3E", "<b>"),
        ("/a%2Fb%2F", "b"),
    ],
)
def test_an_unknown_page_is_detected(path: str, name: str) -> None:
    assert unknown_page_name(HOST + path) == name


def test_a_known_page_is_not_reported() -> None:
    known = [f"{HOST}/{name}" for name in PAGES]
    assert {unknown_page_name(url) for url in (None, "", HOST, f"{HOST}/", *known)} == {None}
    assert unknown_page_name(f"{HOST}/behind/a/proxy/train/") is None
