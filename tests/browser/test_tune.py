"""Tune in a real browser: runs chosen on Runs, brushed in parallel coordinates, opened."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from scripts.app_server import AppServer
from scripts.chromium import settle
from tests.varied_runs import store_varied_runs

StartServer = Callable[..., AppServer]
COUNT = 12


@pytest.fixture(scope="module")
def server(app_server: StartServer, tmp_path_factory: pytest.TempPathFactory) -> AppServer:
    home = tmp_path_factory.mktemp("tuned") / "home"
    store_varied_runs(RunStore(Settings.from_environment({"CIFARVIZ_HOME": str(home)})), COUNT)
    return app_server(home=home, environment={"CIFARVIZ_WARM_UP": "0"})


@pytest.fixture
def all_runs(server: AppServer) -> str:
    store = RunStore(Settings.from_environment({"CIFARVIZ_HOME": str(server.home)}))
    return ",".join(run.id for run in store.all())


def drag(page: Page, band: Locator, start: float, end: float) -> None:
    """Drag along an axis, from and to shares of its height from the top."""
    band.scroll_into_view_if_needed()
    box = band.bounding_box()
    assert box is not None
    across = box["x"] + box["width"] / 2
    page.mouse.move(across, box["y"] + start * box["height"])
    page.mouse.down()
    page.mouse.move(across, box["y"] + (start + end) / 2 * box["height"], steps=3)
    page.mouse.move(across, box["y"] + end * box["height"], steps=3)
    page.mouse.up()


def test_runs_are_brushed_in_parallel_coordinates(
    page: Page, server: AppServer, all_runs: str
) -> None:
    page.goto(f"{server.url}/runs?runs={all_runs}")
    page.get_by_role("link", name="What mattered").click()
    expect(page).to_have_url(re.compile("/tune.*runs="))
    expect(page.get_by_role("heading", name="Tune", exact=True)).to_be_visible()
    plot = page.get_by_role("group", name="Parallel coordinates of 12 trials")
    expect(plot.locator("path.line")).to_have_count(COUNT)
    expect(plot.locator("path.out")).to_have_count(0)
    settle(page)
    # The best half of the last axis, that of the result.
    drag(page, plot.locator("rect.band").last, 0.0, 0.5)
    selected = page.get_by_role("heading", name=re.compile(r"^\d+ trials selected$"))
    expect(selected).to_be_visible()
    count = int(selected.inner_text().split()[0])
    assert 0 < count < COUNT
    expect(plot.locator("path.out")).to_have_count(COUNT - count)
    expect(page.get_by_text(f"{count} of 12 trials selected, listed below")).to_be_visible()
    page.get_by_role("button", name="Clear selection").click()
    expect(page.get_by_role("heading", name="All trials")).to_be_visible()
    expect(plot.locator("path.out")).to_have_count(0)


def test_a_range_is_chosen_with_the_keyboard(page: Page, server: AppServer, all_runs: str) -> None:
    page.goto(f"{server.url}/tune?view=runs&runs={all_runs}")
    handle = page.get_by_role("slider", name="batch size, highest")
    handle.focus()
    handle.press("PageDown")
    handle.press("PageDown")
    expect(handle).to_have_attribute("aria-valuenow", "80")
    selected = page.get_by_role("heading", name=re.compile(r"^\d+ trials selected$"))
    expect(selected).to_be_visible()
    expect(handle).to_be_focused()
    handle.press("Escape")
    expect(page.get_by_role("heading", name="All trials")).to_be_visible()


def test_a_line_and_a_point_open_their_run(page: Page, server: AppServer, all_runs: str) -> None:
    page.goto(f"{server.url}/tune?view=runs&runs={all_runs}")
    plot = page.get_by_role("group", name="Parallel coordinates of 12 trials")
    plot.scroll_into_view_if_needed()
    settle(page)
    # Just beside the last axis, on the best line.
    band = plot.locator("rect.band").last.bounding_box()
    assert band is not None
    page.mouse.move(band["x"] - 4, band["y"] + 6)
    expect(page.get_by_text(re.compile(r"^Trial \d+: flip"))).to_be_visible()
    page.mouse.click(band["x"] - 4, band["y"] + 6)
    expect(page).to_have_url(re.compile("/train.*view=watch"))

    page.goto(f"{server.url}/tune?view=runs&runs={all_runs}&chart=history")
    chart = page.locator(".js-plotly-plot")
    expect(chart.locator(".points path").first).to_be_visible()
    settle(page)
    box = chart.locator(".points path").first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(chart.locator(".hoverlayer .hovertext")).to_be_visible()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page).to_have_url(re.compile("/train.*view=watch"))


def test_importances_appear_by_themselves(page: Page, server: AppServer, all_runs: str) -> None:
    page.goto(f"{server.url}/tune?view=runs&runs={all_runs}&chart=importance")
    expect(page.get_by_text("From 12 finished trials.")).to_be_visible(timeout=60_000)
    expect(page.locator(".js-plotly-plot .bars path")).to_have_count(4)
