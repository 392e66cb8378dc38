"""A report opens from disk without a network."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from playwright.sync_api import Page, expect

from cifarviz.data import library
from cifarviz.export.report.contents import gather
from cifarviz.export.report.page import report
from cifarviz.runs.log_probabilities import Predictions
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from tests import stored_runs

# CSS pixels of A4 between margins of 12 mm.
_PAPER_WIDTH, _PAPER_HEIGHT = 703, 1031
_NAME = "</script><img src=x onerror=alert(1)>"


class _Network:
    """Random predictions without TensorFlow; only their drawing is tested."""

    def predictions(self, images: np.ndarray) -> Predictions:
        drawn = np.random.default_rng(1).random((len(images), 10), np.float32)
        return Predictions.from_probabilities(drawn / drawn.sum(axis=1, keepdims=True))

    def observe(self, image: np.ndarray) -> list[SimpleNamespace]:
        maps = np.random.default_rng(2).random((16, 16, 20), np.float32)
        return [SimpleNamespace(name="conv2d_1", type="conv2d", values=maps)]


def test_a_report_opens_offline_can_be_zoomed_saved_and_printed(
    new_page: Callable[..., Page], settings: Settings, tmp_path: Path
) -> None:
    store = RunStore(settings)
    run = stored_runs.store_run(store, stored_runs.experiment(), name=_NAME)
    stored_runs.add_checkpoint(store, run)
    contents = gather(
        store,
        [run],
        lambda run, checkpoint: _Network(),
        lambda run: library.load("cifar10", "sample", settings),
    )
    file = tmp_path / "report.html"
    file.write_text(report(contents), encoding="utf-8")

    page = new_page(offline=True)
    requests: list[str] = []
    failed: list[str] = []
    errors: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("requestfailed", lambda request: failed.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on(
        "console", lambda message: errors.append(message.text) if message.type == "error" else None
    )
    page.on("dialog", lambda dialog: errors.append(dialog.message))
    page.goto(file.as_uri())

    charts = page.locator(".plot .main-svg:first-child")
    expect(charts).to_have_count(3)
    expect(page.locator("h1")).to_have_text(_NAME)
    expect(page.locator("h1 *")).to_have_count(0)

    # Screen readers get the points.
    curves = page.locator("#chart-1 + div").get_by_role("table", name="Training, Validation")
    expect(curves.locator("tbody tr").last).to_have_text("30.66670.7667")

    # A drag over the curves zooms in.
    before = page.locator("#chart-1 .xtick").all_text_contents()
    box = page.locator("#chart-1 .nsewdrag").first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 100, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 260, box["y"] + 160, steps=5)
    page.mouse.up()
    expect(page.locator("#chart-1 .xtick").first).not_to_have_text(before[0])

    titles = page.locator(".modebar-btn").evaluate_all("all => all.map(e => e.dataset.title)")
    assert {"Save as SVG", "Save as PNG"} <= set(titles)
    assert not [title for title in titles if "share" in title.lower() or "cloud" in title.lower()]

    for title, ending in (("Save as SVG", ".svg"), ("Save as PNG", ".png")):
        with page.expect_download() as download:
            page.locator(f'#chart-1 [data-title="{title}"]').click(force=True)
        assert download.value.suggested_filename == f"loss{ending}"
        assert Path(download.value.path()).stat().st_size > 5_000

    # On paper every chart has room beside the margins and on one page.
    page.set_viewport_size({"width": _PAPER_WIDTH, "height": _PAPER_HEIGHT})
    page.emulate_media(media="print")
    for chart in page.locator(".chart").all():
        area = chart.bounding_box()
        assert area is not None
        assert area["x"] >= 0
        assert area["x"] + area["width"] <= _PAPER_WIDTH
        assert area["height"] <= _PAPER_HEIGHT
        assert chart.evaluate("element => getComputedStyle(element).breakInside") == "avoid"
    assert page.evaluate("document.documentElement.scrollWidth") <= _PAPER_WIDTH
    assert page.pdf(format="A4").startswith(b"%PDF")

    assert [url for url in requests if not url.startswith(("file:", "data:", "blob:"))] == []
    assert failed == []
    assert errors == []
