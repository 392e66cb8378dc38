"""Every kind of link there is, opened: an address goes on meaning the same.

Each case holds what the widgets stand at and what is drawn from it; neither looks at keys, so that
the widgets can be made otherwise.
"""

import re
from collections.abc import Mapping
from functools import lru_cache

import pytest
from streamlit.testing.v1 import AppTest

from cifarviz.ui.navigation import PAGES
from tests.pages.app_page import opened_by_link, opened_in_app
from tests.pages.links import LINKS, Link
from tests.pages.page_contents import choices, drawn


@lru_cache(maxsize=100)
def _opened(link: str) -> AppTest:
    page, _, parameters = link.partition("?")
    pairs = dict(one.split("=", 1) for one in parameters.split("&") if one)
    # The language of class names is for app.py to read; the pages alone are drawn in half the time.
    return (opened_in_app if "labels" in pairs else opened_by_link)(page, **pairs)


def opened(link: str, ids: Mapping[str, str]) -> AppTest:
    """The page that a link of ``LINKS`` opens; each once, since nothing is pressed on it."""
    page, _, parameters = link.partition("?")
    for name, one in ids.items():
        parameters = parameters.replace(name, one)
    return _opened(f"{page}?{parameters}")


def lines(app: AppTest, ids: Mapping[str, str]) -> str:
    """All that is drawn, with the names of ``linked_home`` in place of ids."""
    text = drawn(app)
    for name, one in ids.items():
        text = text.replace(one, name)
    return text


@pytest.mark.parametrize("case", LINKS, ids=lambda case: case.link[:60])
def test_a_link_opens_its_page_and_content(case: Link, linked: Mapping[str, str]) -> None:
    app = opened(case.link, linked)
    assert not app.exception
    assert [one.value for one in app.error] == []
    found = choices(app)
    for label, value in case.chosen.items():
        assert label in found, f"{label}: {sorted(found)}"
        assert re.match(value if value else "$", found[label]), f"{label}: {found[label]}"
    text = lines(app, linked)
    for pattern in case.shown:
        wanted = not pattern.startswith("no:")
        there = re.search(pattern.removeprefix("no:"), text, re.MULTILINE)
        assert bool(there) is wanted, f"{pattern}\n{text}"
    if case.other_than:
        plain = lines(opened(case.link.replace(case.without, ""), linked), linked)
        for beginning in case.other_than:
            here, before = (
                [one for one in page.splitlines() if one.startswith(beginning)]
                for page in (text, plain)
            )
            assert here, beginning
            assert here != before, beginning


def test_links_are_unique_and_every_page_has_some() -> None:
    assert len({case.link for case in LINKS}) == len(LINKS)
    assert {case.link.partition("?")[0] for case in LINKS} == set(PAGES)
