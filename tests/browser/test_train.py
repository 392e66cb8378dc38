"""Train in a real browser: what AppTest cannot test."""

from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from scripts import chromium
from scripts.app_server import AppServer

LOSS = ".st-key-live-loss .cifarviz-chart"
RATE_CURVE = ".st-key-rate-finder-chart .cifarviz-chart"
# A machine that is busy with other tests takes its time to load TensorFlow.
PATIENCE = 90_000


@pytest.fixture(scope="module")
def server(app_server: Callable[..., AppServer]) -> AppServer:
    return app_server()


def open_train(page: Page, server: AppServer, address: str) -> None:
    page.goto(f"{server.url}/train?{address}")
    chromium.settle(page)


def button(page: Page, key: str) -> Locator:
    # Streamlit draws a button with a help text twice, for two kinds of screens.
    return page.locator(f".st-key-{key} button:visible").first


def address_of(page: Page) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def wait_for_news(page: Page) -> None:
    before = page.locator(LOSS).get_attribute("data-revision")
    page.wait_for_function(
        "([place, before]) => document.querySelector(place).dataset.revision !== before",
        arg=[LOSS, before],
        timeout=PATIENCE,
    )


def test_parameter_counts_are_right_aligned(server: AppServer, page: Page) -> None:
    open_train(page, server, "preset=cifar10-vgg")
    for text in ("Parameters", "896", "524,544"):
        place = page.get_by_test_id("stMain").get_by_text(text, exact=True).first
        aligned = place.evaluate("element => getComputedStyle(element).textAlign")
        assert aligned in ("right", "end"), text


def test_a_stopped_run_resumes_at_its_last_step(server: AppServer, page: Page) -> None:
    # Zoom, reload, a second browser and a pause: test_journey.py.
    open_train(page, server, "preset=cifar10-starter")
    button(page, "train").click()
    page.wait_for_selector(f"{LOSS} .scatterlayer .point", state="attached", timeout=PATIENCE)
    run_id = address_of(page)["run"]
    store = RunStore(Settings.from_environment({"CIFARVIZ_HOME": str(server.home)}))
    wait_for_news(page)
    drawn = page.evaluate(
        f"document.querySelector('{LOSS}')._fullData.reduce((sum, one) => sum + one.x.length, 0)"
    )
    assert 0 < drawn <= 2100

    button(page, f"stop-{run_id}").click()
    expect(page.get_by_text("The weights are saved")).to_be_visible(timeout=PATIENCE)
    expect(page.locator("[data-testid=stAlert]")).to_have_count(0)
    stopped = store.get(run_id)
    assert stopped.state is RunState.STOPPED

    button(page, "resume-run").click()
    expect(button(page, f"stop-{run_id}")).to_be_visible(timeout=PATIENCE)
    wait_for_news(page)
    button(page, f"stop-{run_id}").click()
    expect(button(page, "resume-run")).to_be_visible(timeout=PATIENCE)
    again = store.get(run_id).progress
    assert stopped.progress is not None
    assert again is not None
    assert again.step > stopped.progress.step


def test_quick_typing_reload_and_back_keep_the_draft(server: AppServer, page: Page) -> None:
    open_train(page, server, "preset=cifar10-starter&part=training")
    for label, value in (("Batch size", "64"), ("Number of epochs", "7"), ("Seed", "5")):
        field = page.get_by_label(label, exact=True)
        field.fill(value)
        field.press("Tab")  # and on to the next, without waiting for the page
    expect(page.get_by_text("seed 0 → 5")).to_be_visible()
    page.reload()
    expect(page.get_by_text("batch size 4 → 64")).to_be_visible()
    expect(page.get_by_label("Number of epochs", exact=True)).to_have_value("7")
    expect(page.get_by_label("Seed", exact=True)).to_have_value("5")

    page.get_by_label("Seed", exact=True).fill("6")
    page.get_by_label("Seed", exact=True).press("Enter")
    expect(page.get_by_text("seed 0 → 6")).to_be_visible()
    chromium.settle(page)
    # Another page, and Back: the draft is as it was left.
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Samples").click()
    expect(page.get_by_role("heading", name="Samples", level=1)).to_be_visible()
    page.go_back()
    expect(page.get_by_text("seed 0 → 6")).to_be_visible()
    expect(page.get_by_label("Seed", exact=True)).to_have_value("6")


def test_layers_keep_their_values_when_they_are_moved(server: AppServer, page: Page) -> None:
    open_train(page, server, "preset=cifar10-starter")
    button(page, "layer-1-3-edit").click()
    page.locator(".st-key-layer-1-3-filters input").fill("48")
    button(page, "layer-1-3-up").click()  # leaving the field takes what was typed in
    expect(page.get_by_text("48 filters 3×3")).to_be_visible()
    button(page, "layer-1-1-remove").click()
    expect(page.get_by_text("32 filters 3×3")).to_have_count(0)
    expect(page.locator(".st-key-layer-1-3-filters input")).to_have_value("48")
    rows = page.locator("[class*='st-key-layer-1-'][class*='-edit']")
    expect(rows).to_have_count(7)
    assert "st-key-layer-1-3-edit" in (rows.nth(0).get_attribute("class") or "")


def test_the_layer_table_is_visible_and_its_buttons_have_names(
    server: AppServer, page: Page
) -> None:
    open_train(page, server, "preset=cifar10-vgg")
    up = page.get_by_role("button", name="Move Conv 64 (row 4) up", exact=True)
    expect(page.get_by_role("heading", name="Train")).to_be_in_viewport()
    expect(page.locator(".st-key-network-diagram .main-svg").first).to_be_in_viewport()
    expect(up).to_be_in_viewport(ratio=1)
    # The style sheet leaves the icon alone to be seen.
    box = up.bounding_box()
    assert box is not None
    assert box["width"] < 40
    row = page.locator(".st-key-layer-1-4-up, .st-key-layer-1-4-remove")
    assert len({place["y"] for one in row.all() if (place := one.bounding_box())}) == 1
    up.click()
    page.get_by_role("button", name="Move Conv 64 (row 3) up", exact=True).click()
    expect(page.get_by_text("convolution added as layer 2")).to_be_visible()


def test_every_press_in_quick_succession_counts(server: AppServer, page: Page) -> None:
    open_train(page, server, "preset=cifar10-vgg")
    for key in ("layer-1-12-edit", "layer-1-1-remove", "layer-1-11-copy"):
        button(page, key).click()  # without waiting for what the last one does
    expect(page.locator(".st-key-layer-1-12-form")).to_be_visible()
    expect(page.locator(".st-key-layer-1-1-edit")).to_have_count(0)
    expect(page.locator(".st-key-layer-1-13-edit")).to_have_count(1)
    page.get_by_role("tab", name="Data").click()
    for _ in range(5):
        page.get_by_text("Flip", exact=True).click()
    expect(page.get_by_text("flip off → on")).to_be_visible()
    expect(page.get_by_role("switch", name="Flip", exact=True)).to_be_checked()


def test_a_learning_rate_is_found_while_it_is_drawn_and_taken(
    server: AppServer, page: Page
) -> None:
    open_train(page, server, "preset=fashion-mnist-cnn&part=training")
    button(page, "find-rate").click()
    # Drawn by the feed, while the page's script rests.
    page.wait_for_selector(f"{RATE_CURVE} .scatterlayer .point", state="attached", timeout=PATIENCE)
    expect(button(page, "cancel-rate")).to_be_visible()
    drawn = page.locator(f"{RATE_CURVE} .scatterlayer .point").count()
    page.wait_for_function(
        "([place, drawn]) => document.querySelectorAll(place).length > drawn",
        arg=[f"{RATE_CURVE} .scatterlayer .point", drawn],
        timeout=PATIENCE,
    )
    use = button(page, "use-rate")
    expect(use).to_be_visible(timeout=PATIENCE)
    suggested = use.inner_text().split()[-1]
    use.click()
    field = page.get_by_label("Learning rate", exact=True)
    expect(use).to_be_disabled()
    # Until the script has ended, the field before is there too.
    chromium.settle(page)
    expect(field).to_have_value(suggested)
    assert "changes" in address_of(page)

    # A click on the curve takes the rate there, here one of the lowest.
    chromium.settle(page)
    page.locator(f"{RATE_CURVE}").scroll_into_view_if_needed()
    curve = page.locator(f"{RATE_CURVE} .scatterlayer .trace").nth(1).locator(".js-line")
    start = curve.evaluate(
        "line => { const at = line.getPointAtLength(10); const map = line.getScreenCTM();"
        " return [map.a * at.x + map.e, map.d * at.y + map.f]; }"
    )
    page.mouse.click(*start)
    expect(use).to_be_enabled()
    chromium.settle(page)
    expect(field).not_to_have_value(suggested)
    taken = field.input_value()

    # The draft is in the address, and the server knows the curve of these settings.
    page.reload()
    chromium.settle(page)
    expect(field).to_have_value(taken)
    expect(use).to_contain_text(f"Use {suggested}")
    store = RunStore(Settings.from_environment({"CIFARVIZ_HOME": str(server.home)}))
    assert not any(run.experiment.preset == "fashion-mnist-cnn" for run in store.all())
