"""Start in a real browser: it fits on one screen, and its pictures link to other pages."""

import re

import pytest
from playwright.sync_api import Page, expect

from scripts.chromium import settle


@pytest.fixture(scope="module")
def server(app_server):
    return app_server(environment={"CIFARVIZ_WARM_UP": "0"})


@pytest.fixture
def start(server, page: Page) -> Page:
    page.goto(server.url)
    settle(page)
    return page


def test_a_picture_opens_more_images_of_its_class(start: Page) -> None:
    start.get_by_role("button", name="frog: browse images of this class").click()
    expect(start.get_by_role("heading", name="Samples")).to_be_visible()
    expect(start).to_have_url(re.compile(r"/samples\?dataset=cifar10&classes=frog$"))


def test_the_start_page_fits_on_one_screen(start: Page) -> None:
    for name in ("Browse the images", "Train a network", "Start training", "Tune up"):
        button = start.get_by_role("button", name=name)
        expect(button).to_be_in_viewport(ratio=1)


_REPEATED = """(() => {
  window.repeated = [];
  new MutationObserver(() => {
    const shown = [...document.querySelectorAll("h1, h2, h3, h4, button")]
      // Streamlit makes a second one of each button with a help bubble, for phones; it is hidden.
      .filter((one) => one.checkVisibility() && one.matches("h1, h2, h3, h4, [kind=primary]"))
      .map((one) => one.innerText.trim())
      .filter(Boolean);
    window.repeated.push(...shown.filter((text, at) => shown.indexOf(text) !== at));
  }).observe(document, { attributes: true, childList: true, subtree: true });
})()"""


def test_nothing_is_duplicated_on_the_way_to_train_while_tensorflow_loads(
    app_server, page: Page
) -> None:
    # A fresh server, which loads TensorFlow a second after its first page.
    server = app_server()
    page.add_init_script(_REPEATED)
    page.goto(server.url)
    page.get_by_role("button", name="Train a network").click()
    expect(page.get_by_role("heading", name="Train", exact=True, level=1)).to_be_visible()
    settle(page)
    assert page.evaluate("window.repeated") == []
