"""The address of a page: late requests undo nothing, and no press is lost."""

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from cifarviz.ui import streamlit_patches
from tests.pages.app_page import address_of, widget

BROWSER = {"timezone": "UTC"}  # what tells a browser from a test that has none


def page() -> None:
    import streamlit as st

    from cifarviz.ui.query import (
        current_query_params,
        sync_query_params,
        update_query_params,
        widget_key,
        widget_value,
    )

    def more() -> None:
        n = int(current_query_params().get("n", "0"))
        update_query_params(n=str(n + 1), gone=None)

    def type_n() -> None:
        if widget_value("box") != "refused":
            update_query_params(n=widget_value("box"))

    sync_query_params(st.session_state.get("page", "first"))
    shown = st.query_params.get("n", "0")
    st.text_input(
        "n",
        shown,
        key=widget_key("box", shown),
        on_change=type_n,
    )
    st.button("More", on_click=more)


def opened(**address: str) -> AppTest:
    app = AppTest.from_function(page)
    app.context = BROWSER
    app.query_params.update(address)
    return app.run()


def sends(app: AppTest, **address: str) -> AppTest:
    """Have the next request bring this address, as a browser has it."""
    app.query_params.clear()
    app.query_params.update(address)
    return app


def box(app: AppTest) -> Any:
    return widget(app, "text_input", "box")


def test_a_press_with_an_outdated_address_undoes_nothing() -> None:
    app = opened(n="5", gone="x")
    app.button[0].click().run()
    assert address_of(app) == {"n": "6"}
    for count in range(7, 10):
        # As a browser does that has not heard of any of them yet.
        sends(app, n="5", gone="x").button[0].click().run()
        assert address_of(app) == {"n": str(count)}
        assert box(app).value == str(count)
    # It hears of one, and another press is under way with that.
    sends(app, n="7").button[0].click().run()
    assert address_of(app) == {"n": "10"}
    assert not app.exception


def test_a_request_with_an_outdated_address_undoes_nothing() -> None:
    app = opened(n="5")
    app.button[0].click().run()
    sends(app, n="5").run()
    assert address_of(app) == {"n": "6"}
    assert box(app).value == "6"


def test_an_outdated_address_differs_from_the_same_address_entered_again() -> None:
    app = opened(n="5")
    for value in ("6", "5"):
        sends(app, n="5")
        box(app).input(value).run()
    assert address_of(app) == {"n": "5"}
    # The browser has 5 of before now, then 6, and then the 5 that was sent last.
    for late in ("5", "6", "5"):
        sends(app, n=late).run()
        assert address_of(app) == {"n": "5"}
    # It knows the last one, so what is old by now can only be a link.
    sends(app, n="6").run()
    assert address_of(app) == {"n": "6"}


def test_a_new_address_is_applied() -> None:
    app = opened(n="5")
    app.button[0].click().run()
    sends(app, n="40").run()
    assert box(app).value == "40"
    app.button[0].click().run()
    assert address_of(app) == {"n": "41"}
    assert not app.exception


def test_the_back_button_is_applied_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    app = opened(n="5")
    app.button[0].click().run()
    monkeypatch.setattr(streamlit_patches, "is_history_navigation", lambda: True)
    sends(app, n="5").run()
    assert box(app).value == "5"
    assert address_of(app) == {"n": "5"}


def test_another_page_starts_with_its_own_address() -> None:
    app = opened(n="5")
    app.button[0].click().run()
    app.session_state["page"] = "second"
    sends(app, n="5", side="left").run()
    assert address_of(app) == {"n": "5", "side": "left"}
    # An address of the page before that was still on its way.
    sends(app, n="6").run()
    assert address_of(app) == {"n": "5", "side": "left"}
    # One that it has had itself is followed when it is entered.
    app.session_state["page"] = "first"
    sends(app, n="6").run()
    assert address_of(app) == {"n": "6"}


def test_a_page_without_a_browser_uses_the_given_address() -> None:
    app = opened(n="5")
    app.context = {}
    app.button[0].click().run()
    sends(app, n="5").run()
    assert box(app).value == "5"


def test_typing_keeps_the_same_widget() -> None:
    app = opened()
    for value in ("5", "6", "5"):
        app.text_input(key="box").input(value).run()
        assert address_of(app) == {"n": value}
    assert not app.exception


def test_a_value_changed_elsewhere_makes_a_new_widget() -> None:
    app = opened(n="5")
    old = app.text_input(key="box").proto.id
    app.button[0].click().run()
    assert box(app).value == "6"
    assert box(app).proto.id != old
    # In the browser it begins with its default, whatever was there before.
    assert box(app).proto.default == "6"


def test_after_a_refused_press_a_widget_shows_the_address_value() -> None:
    app = opened(n="5")
    box(app).input("refused").run()
    assert (box(app).value, address_of(app)) == ("5", {"n": "5"})
