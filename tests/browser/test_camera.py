"""Classes collected with Chromium's made-up camera become a data set; or why there is none."""

import json
import re
import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from cifarviz.data import library
from cifarviz.settings import Settings
from scripts import chromium as installed
from scripts.app_server import AppServer
from scripts.chromium import settle
from tests.browser.conftest import new_session
from tests.browser.test_accessibility import violations

LONG = 60_000
# An address that is no secure context.
OTHER = "computer.example"


@pytest.fixture(scope="module")
def with_camera(chromium: Browser) -> Iterator[Browser]:
    """Return a Chromium with two cameras that it makes up."""
    browser = chromium.browser_type.launch(
        executable_path=installed.find(),
        args=[
            *installed.launch_arguments(),
            "--use-fake-device-for-media-stream=device-count=2",
            f"--host-resolver-rules=MAP {OTHER} 127.0.0.1",
        ],
    )
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def server(app_server: Callable[..., AppServer]) -> AppServer:
    return app_server(environment={"CIFARVIZ_WARM_UP": "0"})


@pytest.fixture
def open_camera(
    with_camera: Browser, server: AppServer, new_page: Callable[..., Page]
) -> Callable[..., Page]:
    def opened(**options: object) -> Page:
        page = new_page(session=new_session(with_camera, **options))
        page.goto(f"{server.url}/data?from=camera")
        settle(page)
        return page

    return opened


def card(page: Page, number: int) -> Locator:
    return page.locator(".camera .class").nth(number)


def take(page: Page, number: int, count: int, *, key: str | None = None) -> None:
    """Hold the button of a class until it has so many pictures, at most ten a second."""
    one = card(page, number)
    before = count_of(page, number)
    start = time.monotonic()
    button = one.get_by_role("button", name=re.compile("^Hold to collect|^Collecting"))
    if key is None:
        button.hover()
        page.mouse.down()
    else:
        button.focus()
        page.keyboard.down(key)
    expect(page.locator(".recording")).to_be_visible()
    page.wait_for_function(
        """([number, count]) => {
            const host = [...document.querySelectorAll("*")]
                .find((one) => one.shadowRoot?.querySelector(".camera"));
            const card = host.shadowRoot.querySelectorAll(".class")[number];
            return card.querySelectorAll(".picture").length >= count;
        }""",
        arg=[number, count],
        timeout=LONG,
    )
    if key is None:
        page.mouse.up()
    else:
        page.keyboard.up(key)
    seconds = time.monotonic() - start
    expect(page.locator(".recording")).to_be_hidden()
    assert count_of(page, number) - before <= 10 * seconds + 2


def count_of(page: Page, number: int) -> int:
    # The last picture may still be made.
    page.wait_for_timeout(300)
    text = card(page, number).locator(".count").inner_text()
    return int(text.split()[0].replace(",", ""))


def switch_on(page: Page) -> None:
    page.get_by_role("button", name="Switch the camera on").click()
    expect(page.get_by_role("button", name="Switch the camera off")).to_be_enabled()


def wait_until_on(page: Page, is_on: bool) -> None:
    """Wait until the camera of the page is on, or off."""
    page.wait_for_function(
        """(isOn) => isOn === [...document.querySelectorAll("*")].some((one) =>
            one.shadowRoot?.querySelector("video")?.srcObject?.active ?? false)""",
        arg=is_on,
    )


@pytest.mark.timeout(240)
def test_three_classes_become_a_data_set(
    open_camera: Callable[..., Page], server: AppServer
) -> None:
    page = open_camera(permissions=["camera"])
    expect(page.get_by_text("Your pictures stay on this computer.")).to_be_visible()
    hold = card(page, 0).get_by_role("button", name="Hold to collect")
    expect(hold).to_be_disabled()
    wait_until_on(page, False)
    page.get_by_role("button", name="Add a class").click()
    names = ("<script>alert(1)</script>", "my/cup", "컵")
    for number, name in enumerate(names):
        card(page, number).get_by_role("textbox").fill(name)
    switch_on(page)
    wait_until_on(page, True)
    take(page, 0, 12)
    take(page, 0, 16)
    take(page, 1, 8, key=" ")
    take(page, 1, 14)
    take(page, 2, 10, key="Enter")
    before = [count_of(page, number) for number in range(3)]
    # Nothing more is taken after the button was let go.
    assert [count_of(page, number) for number in range(3)] == before
    card(page, 0).get_by_role("button", name="Delete picture 3", exact=True).click()
    expect(card(page, 0).get_by_role("button", name="Delete picture 3", exact=True)).to_have_count(
        0
    )
    assert count_of(page, 0) == before[0] - 1
    expect(page.locator(".total")).to_have_text(f"{sum(before) - 1} pictures in 3 classes")

    page.get_by_role("button", name="Use these pictures").click()
    expect(page.get_by_text(f"{sum(before) - 1} pictures from the camera")).to_be_visible()
    wait_until_on(page, False)
    page.get_by_role("textbox", name="Name of the data set").fill("Things")
    page.get_by_role("button", name="Read the pictures").click()
    page.get_by_role("button", name="Keep it").click(timeout=LONG)
    expect(page.get_by_text("“Things” is a data set now.")).to_be_visible(timeout=LONG)
    info = json.loads((server.home / "data/things/dataset.json").read_text())
    assert sorted(info["classes"]) == sorted(names)
    settings = Settings.from_environment({"CIFARVIZ_HOME": str(server.home)})
    found = library.load("things", "full", settings)
    assert len(found.train) + len(found.test) == sum(before) - 1
    # The tab has forgotten its pictures, and so has the disk.
    expect(card(page, 0).get_by_role("textbox")).to_have_value("Class 1")
    assert [path.name for path in (server.home / "data").iterdir()] == ["things"]


def test_what_is_missing_is_reported_and_pictures_outlive_another_page(
    open_camera: Callable[..., Page],
) -> None:
    page = open_camera(permissions=["camera"])
    use = page.get_by_role("button", name="Use these pictures")
    problem = page.locator(".camera .problem")
    card(page, 0).get_by_role("textbox").fill(" ")
    use.click()
    expect(problem).to_have_text("A class has no name: type one.")
    card(page, 0).get_by_role("textbox").fill("cup, red")
    card(page, 1).get_by_role("textbox").fill("cup  red")
    use.click()
    expect(problem).to_contain_text("Two classes are called “cup red”")
    card(page, 1).get_by_role("textbox").fill("plate")
    switch_on(page)
    take(page, 0, 2)
    use.click()
    expect(problem).to_contain_text("“plate” has no pictures")
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Samples").click()
    expect(page.get_by_role("heading", name="Samples", level=1)).to_be_visible()
    wait_until_on(page, False)
    page.go_back()
    expect(card(page, 0).get_by_role("textbox")).to_have_value("cup, red")
    assert count_of(page, 0) >= 2
    wait_until_on(page, False)
    # The first press asks, the second deletes.
    card(page, 0).get_by_role("button", name=re.compile(r"^Delete \(")).click()
    card(page, 0).get_by_role("button", name=re.compile(r"^Delete \d+\?")).click()
    expect(page.locator(".camera .class")).to_have_count(1)
    expect(card(page, 0).get_by_role("textbox")).to_have_value("plate")


def test_another_camera_can_be_chosen(open_camera: Callable[..., Page]) -> None:
    page = open_camera(permissions=["camera"])
    choice = page.locator(".camera select")
    expect(choice).to_be_hidden()
    switch_on(page)
    expect(choice.locator("option")).to_have_count(2)
    first = choice.input_value()
    choice.select_option(index=1)
    assert choice.input_value() != first
    expect(page.get_by_role("button", name="Switch the camera off")).to_be_enabled()
    wait_until_on(page, True)
    take(page, 0, 2)
    assert violations(page) == []
    page.get_by_role("button", name="Switch the camera off").click()
    expect(choice).to_be_hidden()
    wait_until_on(page, False)


def test_a_browser_that_refuses_the_camera_is_explained(open_camera: Callable[..., Page]) -> None:
    page = open_camera()
    page.get_by_role("button", name="Switch the camera on").click()
    expect(page.locator(".camera .trouble")).to_contain_text(
        "does not let this page use the camera"
    )
    expect(page.get_by_role("button", name="Switch the camera on")).to_be_enabled()


def test_a_computer_without_a_camera_is_explained(
    server: AppServer, new_page: Callable[..., Page]
) -> None:
    page = new_page(permissions=["camera"])
    page.goto(f"{server.url}/data?from=camera")
    page.get_by_role("button", name="Switch the camera on").click()
    expect(page.locator(".camera .trouble")).to_contain_text("No camera was found")


def test_a_page_without_a_secure_context_says_why(server: AppServer, page: Page) -> None:
    page.add_init_script(
        "delete Navigator.prototype.mediaDevices;"
        "Object.defineProperty(globalThis, 'isSecureContext', { value: false });"
    )
    page.goto(f"{server.url}/data?from=camera")
    page.get_by_role("button", name="Switch the camera on").click()
    expect(page.locator(".camera .trouble")).to_contain_text("only at localhost or over HTTPS")


def test_another_computer_is_told_where_the_camera_works(
    app_server: Callable[..., AppServer], with_camera: Browser, new_page: Callable[..., Page]
) -> None:
    hosts = {"STREAMLIT_SERVER_ALLOWED_HOSTS": f"localhost 127.0.0.1 {OTHER}"}
    server = app_server(environment={"CIFARVIZ_WARM_UP": "0", **hosts})
    page = new_page(session=new_session(with_camera))
    page.goto(f"{server.url.replace('127.0.0.1', OTHER)}/data?from=camera")
    assert page.evaluate("isSecureContext") is False
    expect(page.get_by_text("only offered to the browser on the computer")).to_be_visible()
    expect(page.locator(".camera")).to_have_count(0)
