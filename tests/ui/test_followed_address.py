"""Presses that come before the browser has heard of the ones before."""

import time

import pytest
from streamlit.testing.v1 import AppTest

from cifarviz.ui import followed_address


def page() -> None:
    import streamlit as st

    from cifarviz.ui.followed_address import change, follow, followed, show

    def more() -> None:
        change(n=str(int(followed("n") or 0) + 1), gone=None)

    follow("test")
    show("box", followed("n") or "none")
    st.text_input("n", key="box")
    st.button("More", on_click=more)


def at(app: AppTest) -> dict[str, list[str]]:
    return {name: [value] if isinstance(value, str) else value for name, value in _items(app)}


def _items(app: AppTest) -> list[tuple[str, str | list[str]]]:
    return list(app.query_params.items())


def opened(**address: str) -> AppTest:
    app = AppTest.from_function(page)
    for name, value in address.items():
        app.query_params[name] = value
    return app.run()


def test_a_press_that_brings_the_address_of_before_takes_nothing_back() -> None:
    app = opened(n="5", gone="x")
    app.button[0].click().run()
    assert at(app) == {"n": ["6"]}
    # As a browser does that has not heard of it yet.
    app.query_params["n"], app.query_params["gone"] = "5", "x"
    app.button[0].click().run()
    assert at(app) == {"n": ["7"]}
    assert app.text_input[0].value == "7"
    assert not app.exception


def test_an_address_that_is_new_is_followed() -> None:
    app = opened(n="5")
    app.button[0].click().run()
    app.query_params["n"] = "40"
    app.run()
    assert app.text_input[0].value == "40"
    app.button[0].click().run()
    assert at(app) == {"n": ["41"]}
    assert not app.exception


def test_a_press_brings_an_old_address_late_when_the_machine_is_laden(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = opened(n="5")
    app.button[0].click().run()
    later = time.monotonic() + 5
    monkeypatch.setattr(time, "monotonic", lambda: later)
    app.query_params["n"] = "5"
    app.button[0].click().run()
    assert at(app) == {"n": ["7"]}


def test_the_back_button_is_followed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    app = opened(n="5")
    app.button[0].click().run()
    monkeypatch.setattr(followed_address, "is_history_navigation", lambda: True)
    app.query_params["n"] = "5"
    app.run()
    assert app.text_input[0].value == "5"
    assert at(app) == {"n": ["5"]}
    assert not app.exception


def test_an_old_address_is_followed_once_the_browser_has_known_a_newer_one() -> None:
    app = opened(n="5")
    app.button[0].click().run()
    app.run()
    app.query_params["n"] = "5"
    app.button[0].click().run()
    assert at(app) == {"n": ["6"]}
    assert not app.exception


def box_page() -> None:
    import streamlit as st

    from cifarviz.ui import state
    from cifarviz.ui.followed_address import change, follow, show, wished

    def chosen() -> None:
        if wished("box"):
            change(n=str(state.get("box")))

    follow("test")
    show("box", st.query_params.get("n", "none"))
    st.text_input("n", key="box", on_change=chosen)
    st.button("Forget", on_click=lambda: change(n=None))


def test_a_value_that_the_browser_has_not_let_go_of_is_nobodys_wish(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(followed_address, "_SHORT_LAG", 60.0)
    app = AppTest.from_function(box_page).run()
    app.text_input[0].input("5").run()
    app.button[0].click().run()
    assert at(app) == {}
    # A look at a run under way, by a browser that has not heard of it yet ...
    app.query_params["n"] = "5"
    app.text_input[0].input("5").run()
    assert at(app) == {}
    assert app.text_input[0].value == "none"
    # ... and by one that has.
    app.run()
    assert at(app) == {}


def test_a_value_that_somebody_types_is_a_wish_whenever_it_comes() -> None:
    app = AppTest.from_function(box_page).run()
    for value in ("5", "6", "5", "6"):
        app.text_input[0].input(value).run()
        assert at(app) == {"n": [value]}
    app.button[0].click().run()
    app.text_input[0].input("7").run()
    assert at(app) == {"n": ["7"]}
    assert not app.exception


def left_page() -> None:
    import streamlit as st

    from cifarviz.ui import state
    from cifarviz.ui.followed_address import change, follow, show, wished

    def chosen() -> None:
        if wished("box"):
            change(n=str(state.get("box")))

    page = st.query_params.get("page", "first")
    follow(page)
    if page == "first":
        show("box", st.query_params.get("n", "none"))
    st.text_input("n", key="box", on_change=chosen)


def test_the_widgets_of_a_page_that_was_left_change_no_address() -> None:
    app = AppTest.from_function(left_page).run()
    app.query_params["page"] = "second"
    app.run()
    # The last look at the store of the page that was left still brings its widgets.
    app.text_input[0].input("5").run()
    assert at(app) == {"page": ["second"]}
    assert not app.exception


def unfollowed_page() -> None:
    import streamlit as st

    from cifarviz.ui.followed_address import give_back, gone_back_on

    def changed() -> None:
        if not gone_back_on("box"):
            st.query_params["n"] = st.session_state["box"]

    give_back("box", st.query_params.get("n", "none"))
    st.text_input("n", key="box", on_change=changed)


def test_what_the_browser_brings_just_after_back_is_no_press(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    app = AppTest.from_function(unfollowed_page)
    app.query_params["n"] = "1"
    app.run()
    app.text_input[0].set_value("2").run()
    assert at(app) == {"n": ["2"]}
    # Back.
    app.query_params["n"] = "1"
    app.run()
    assert app.text_input[0].value == "1"
    # Some look at the page brings what the browser still has.
    app.text_input[0].set_value("2").run()
    assert (at(app), app.text_input[0].value) == ({"n": ["1"]}, "1")
    # Anything else is a press, and a moment later this is, too.
    app.text_input[0].set_value("3").run()
    assert at(app) == {"n": ["3"]}
    monkeypatch.setattr(followed_address, "_AFTER_BACK", 0.0)
    app.text_input[0].set_value("2").run()
    assert at(app) == {"n": ["2"]}
    assert not app.exception
