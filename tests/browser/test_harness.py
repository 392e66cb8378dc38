"""The fixtures of the browser tests work."""

from pathlib import Path

from playwright.sync_api import Page, expect

APP = "tests/browser/apps/harness.py"


def test_a_server_uses_its_own_home(app_server, page: Page, tmp_path: Path) -> None:
    server = app_server(APP, home=tmp_path)
    page.goto(server.url)

    expect(page.get_by_text(f"home: {tmp_path}")).to_be_visible()
    page.get_by_role("button", name="Press").click()
    expect(page.get_by_text("pressed")).to_be_visible()
    assert page.viewport_size == {"width": 1440, "height": 900}

    server.stop()
    assert "Traceback" not in server.log()


def test_two_sessions_are_independent(app_server, new_page) -> None:
    server = app_server(APP)
    first, second = new_page(), new_page(color_scheme="dark")
    for page in (first, second):
        page.goto(server.url)
        expect(page.get_by_role("heading", name="Harness")).to_be_visible()

    first.get_by_role("button", name="Press").click()
    expect(first.get_by_text("pressed")).to_be_visible()
    expect(second.get_by_text("pressed")).to_have_count(0)
