"""The chart component in a real browser: zoom, clicks, themes, images, and errors."""

import io
import re
import shutil
import xml.etree.ElementTree
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from cifarviz.live.run_figures import dot_positions
from cifarviz.static_files import provide
from scripts.chromium import settle
from tests.browser.apps.live_chart import CLASSES, COUNTS, batch_curves, batch_losses

APP = Path(__file__).parent / "apps" / "live_chart.py"


@pytest.fixture(scope="module")
def server(app_server, tmp_path_factory: pytest.TempPathFactory):
    """The app in a folder of its own, where the script is served from beside it."""
    folder = tmp_path_factory.mktemp("charts")
    provide(folder / "static")
    return app_server(shutil.copy(APP, folder))


@pytest.fixture
def app(server, page: Page) -> Page:
    page.goto(server.url)
    drawn(page, "Loss")
    return page


def drawn(page: Page, name: str) -> Locator:
    chart = page.get_by_role("figure", name=name)
    expect(chart.locator("svg.main-svg").first).to_be_visible(timeout=20_000)
    return chart


def axis_range(chart: Locator, axis: str = "xaxis") -> list[float]:
    return chart.evaluate(f"e => Array.from(e._fullLayout.{axis}.range)")


def points(chart: Locator) -> int:
    return chart.evaluate("e => e.data[0].x.length ?? e._fullData[0].x.length")


def revision(chart: Locator) -> str | None:
    return chart.get_attribute("data-revision")


def zoom(page: Page, chart: Locator) -> None:
    box = chart.locator(".nsewdrag").bounding_box()
    assert box
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.3 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.7 * box["height"], steps=5)
    page.mouse.up()


def await_updates(page: Page, chart: Locator, number: int) -> None:
    for _ in range(number):
        old = revision(chart)
        page.wait_for_function(
            "([e, old]) => e.dataset.revision !== old", arg=[chart.element_handle(), old]
        )


def test_zoom_and_legend_choices_survive_live_updates(app: Page) -> None:
    chart = drawn(app, "Loss")
    before = axis_range(chart)
    zoom(app, chart)
    app.wait_for_function(
        "([e, end]) => e._fullLayout.xaxis.range[1] < end", arg=[chart.element_handle(), before[1]]
    )
    chart.locator(".legendtoggle").first.click()
    hidden = "e => e._fullData[0].visible === 'legendonly'"
    app.wait_for_function(hidden, arg=chart.element_handle())
    zoomed = axis_range(chart), axis_range(chart, "yaxis")

    count = points(chart)
    await_updates(app, chart, 3)

    assert points(chart) >= count + 3
    assert (axis_range(chart), axis_range(chart, "yaxis")) == zoomed
    assert chart.evaluate(hidden)
    assert chart.evaluate("e => e._fullData[1].visible") is True


def test_the_browser_adds_batches_like_the_server(app: Page) -> None:
    """The dots and the smoothed curve of cifarviz/figures/history.py, worked out in JavaScript."""
    chart = drawn(app, "Batches")
    app.wait_for_function(
        "e => e._fullData?.some(t => t.meta?.live && t.x.length > 1)", arg=chart.element_handle()
    )
    traces = chart.evaluate(
        "e => Object.fromEntries(e._fullData.filter(t => t.meta?.live)"
        ".map(t => [t.meta.live, [Array.from(t.x), Array.from(t.y)]]))"
    )
    curves = batch_curves(batch_losses())
    dots = dot_positions(np.arange(1, curves.batch_x.size + 1))
    assert 500 < len(dots) < curves.batch_x.size
    for name, values in (("batches", curves.batch_y), ("trend", curves.trend)):
        x, y = (np.array(part, float) for part in traces[name])
        np.testing.assert_allclose(x, curves.batch_x[dots], rtol=1e-6)
        np.testing.assert_allclose(y, values[dots], rtol=1e-5)


def table(page: Page, chart: str, caption: str) -> Locator:
    """The table behind a chart, which only screen readers show."""
    tables = page.locator(f"[aria-label='{chart}'] + .cifarviz-chart-tables")
    return tables.get_by_role("table", name=caption)


def test_a_table_has_the_points_of_the_curves(app: Page) -> None:
    drawn(app, "Loss")
    curves = table(app, "Loss", "Training, Validation")
    expect(curves.get_by_role("columnheader")).to_have_text(["Epoch", "Training", "Validation"])
    first = curves.get_by_role("row").nth(1)
    expect(first.get_by_role("rowheader")).to_have_text("1")
    expect(first.get_by_role("cell")).to_have_text(["2", "1.1"])
    best = table(app, "Loss", "Best epoch")
    expect(best.get_by_role("row").nth(1)).to_have_text("21.2")
    # It grows with the curves, which are announced by nothing.
    last = curves.get_by_role("rowheader").last
    expect(last).not_to_have_text(last.inner_text())
    assert curves.evaluate("e => e.closest('[aria-live], [role=status], [role=alert]')") is None


def test_a_table_has_some_points_of_a_long_curve(app: Page) -> None:
    chart = drawn(app, "Batches")
    app.wait_for_function(
        "e => e._fullData?.some(t => t.meta?.live && t.x.length > 1)", arg=chart.element_handle()
    )
    rows = table(app, "Batches", "20 of").get_by_role("row")
    expect(rows).to_have_count(21)
    shown = [float(text) for text in rows.get_by_role("rowheader").all_inner_texts()]
    losses = batch_losses()[dot_positions(np.arange(1, 2501))]
    values = [row.split("\t")[1] for row in rows.all_inner_texts()[1:]]
    assert shown == sorted(shown)
    for extreme in (np.nanmin(losses), np.nanmax(losses)):
        assert f"{extreme:.4g}" in values


def test_a_table_has_the_cells_of_a_heatmap(app: Page) -> None:
    drawn(app, "Confusion matrix")
    cells = table(app, "Confusion matrix", "Actual by predicted")
    expect(cells.get_by_role("columnheader")).to_have_text(["Actual", *CLASSES])
    for name, counts in zip(CLASSES, COUNTS, strict=True):
        row = cells.get_by_role("row").filter(has=app.get_by_role("rowheader", name=name))
        expect(row.get_by_role("cell")).to_have_text([f"{count:,}" for count in counts])


def test_the_charts_buttons_work_with_the_keyboard(app: Page) -> None:
    button = drawn(app, "Loss").get_by_role("button", name="Download as SVG")
    button.focus()
    app.wait_for_function(
        "e => getComputedStyle(e.closest('.modebar')).opacity === '1'", arg=button.element_handle()
    )
    with app.expect_download() as waiting:
        app.keyboard.press("Enter")
    assert waiting.value.suggested_filename == "loss.svg"


def test_a_double_click_resets_the_growing_axis(app: Page) -> None:
    chart = drawn(app, "Loss")
    zoom(app, chart)
    await_updates(app, chart, 1)
    box = chart.locator(".nsewdrag").bounding_box()
    assert box
    app.mouse.dblclick(box["x"] + 20, box["y"] + 20)
    app.wait_for_function(
        "e => e._fullLayout.xaxis.range[1] >= e._fullData[0].x.length", arg=chart.element_handle()
    )


def test_an_unchanged_chart_is_not_redrawn(app: Page) -> None:
    matrix = drawn(app, "Confusion matrix")
    same, live = revision(matrix), drawn(app, "Loss")
    matrix.evaluate("e => { e.drawings = 0; e.on('plotly_afterplot', () => e.drawings++) }")
    app.get_by_text("Show the live chart").click()
    expect(live).to_have_count(0)
    assert revision(matrix) == same
    assert matrix.evaluate("e => e.drawings") == 0


def test_a_click_on_a_heatmap_cell_is_reported_once(app: Page) -> None:
    box = drawn(app, "Confusion matrix").locator(".nsewdrag").bounding_box()
    assert box
    # Three columns and rows: the cell in the middle of the left column is dog taken for cat.
    app.mouse.click(box["x"] + box["width"] / 6, box["y"] + box["height"] / 2)
    expect(app.get_by_text("clicked: (1, 0) cat dog 3 [1, 0, 3]")).to_be_visible()
    app.get_by_text("Show the live chart").click()
    expect(app.get_by_text("clicked:")).to_have_count(0)


def test_a_chart_in_a_closed_tab_is_drawn_when_it_opens(app: Page) -> None:
    app.get_by_role("tab", name="Second").click()
    chart = drawn(app, "In a tab")
    width = chart.evaluate("e => [e._fullLayout.width, e.clientWidth]")
    assert width[0] == width[1] > 300


def test_a_chart_fills_the_width_of_its_container(app: Page) -> None:
    chart = drawn(app, "Loss")
    app.set_viewport_size({"width": 800, "height": 900})
    app.wait_for_function(
        "e => e.clientWidth < 800 && e._fullLayout.width === e.clientWidth",
        arg=chart.element_handle(),
    )


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_a_chart_can_be_saved_as_an_image(app: Page, kind: str) -> None:
    chart = drawn(app, "Loss")
    chart.hover()
    with app.expect_download() as waiting:
        chart.locator(f"[data-title='Download as {kind.upper()}']").click()
    assert waiting.value.suggested_filename == f"loss.{kind}"
    saved = Path(waiting.value.path())
    if kind == "png":
        assert saved.read_bytes().startswith(b"\x89PNG\r\n")
    else:
        assert xml.etree.ElementTree.parse(saved).getroot().tag.endswith("svg")


def test_a_chart_follows_theme_changes(app: Page) -> None:
    chart = drawn(app, "Confusion matrix")

    def colors() -> list[str]:
        return chart.evaluate("e => [e._fullLayout.font.color, e._fullLayout.paper_bgcolor]")

    light = colors()
    app.emulate_media(color_scheme="dark")
    app.wait_for_function(
        "([e, old]) => e._fullLayout.font.color !== old", arg=[chart.element_handle(), light[0]]
    )
    dark = colors()
    assert light == ["#1D2730", "rgba(0, 0, 0, 0)"]
    assert dark == ["#E6EAEE", "rgba(0, 0, 0, 0)"]


def test_a_chart_without_plotly_shows_an_error(app_server, page: Page, tmp_path: Path) -> None:
    server = app_server(shutil.copy(APP, tmp_path))
    page.goto(server.url)
    alert = page.get_by_role("alert").filter(has_text="its script did not load")
    expect(alert.first).to_be_visible()

    # Files that appear under a running server are served: the next run of the page draws.
    provide(tmp_path / "static")
    drawn(page, "Loss")
    expect(alert.locator("visible=true").and_(page.locator("[aria-label='Loss'] p"))).to_have_count(
        0
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_numbers_are_readable_on_every_shade(server, new_page, scheme: str) -> None:
    page = new_page(color_scheme=scheme)
    page.goto(server.url)
    chart = drawn(page, "All shades of the scale")
    settle(page)
    chart.scroll_into_view_if_needed()
    cells = chart.evaluate(
        """(e) => {
            const { xaxis, yaxis } = e._fullLayout;
            return [...e.querySelectorAll('.textpoint text')].map((text, n) => ({
                number: text.textContent,
                color: getComputedStyle(text).fill,
                x: xaxis._offset + xaxis.l2p((n % 8) - 0.4),
                y: yaxis._offset + yaxis.l2p(Math.floor(n / 8) - 0.4),
            }));
        }"""
    )
    picture = np.array(Image.open(io.BytesIO(chart.screenshot())).convert("RGB"))
    assert [cell["number"] for cell in cells] == ["·", *map(str, range(1, 64))]
    worst = min(
        contrast(
            tuple(map(int, re.findall(r"\d+", cell["color"])[:3])),
            tuple(picture[round(cell["y"]), round(cell["x"])].tolist()),
        )
        for cell in cells
    )
    assert worst >= 4.5  # WCAG 2, AA


def test_the_charts_own_buttons_do_not_cover_the_first_row(app: Page) -> None:
    chart = drawn(app, "All shades of the scale")
    chart.hover()
    bar, plot = chart.locator(".modebar").bounding_box(), chart.locator(".nsewdrag").bounding_box()
    assert bar
    assert plot
    assert bar["y"] + bar["height"] <= plot["y"]


def contrast(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def luminance(color: tuple[int, ...]) -> float:
    parts = [c / 255 for c in color]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
