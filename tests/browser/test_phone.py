"""The pages on a phone and on a small projector: what CSS and charts do with little room."""

import re
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import NamedTuple

import pytest
from playwright.sync_api import Locator, Page, expect

from cifarviz.runs.guessing import end_game
from cifarviz.ui.navigation import PAGES
from cifarviz.ui.present.view import SCENES
from scripts.app_server import AppServer
from scripts.chromium import settle
from tests import stored_runs
from tests.browser.conftest import Linked, OpenClass
from tests.browser.quick_presses import fill_home

PHONE, PROJECTOR, DESKTOP = (390, 844), (1280, 720), (1440, 900)

# Names of ``tests.pages.linked_home`` stand for ids.
ADDRESSES = (
    "",
    "data",
    "data?from=camera",
    "samples",
    "samples?dataset=fashion-mnist&split=test&image=3",
    "train?view=setup&preset=cifar10-vgg",
    "train?view=setup&preset=cifar10-vgg&part=data",
    "train?view=setup&preset=cifar10-vgg&part=training",
    "train?view=watch&run=MINE",
    "train?view=watch&run=VGG&ghost=1",
    "tune?view=runs&runs=MINE,OTHER,VGG",
    "runs",
    "runs?runs=MINE,OTHER,CLOTHES",
    "lab",
    "lab?lesson=overfitting-4",
    "lab?view=duel&series=DUEL&play=1",
    "lab?view=memorisation&series=HEART&gallery=last&picture=35268",
    "inside?run=MINE&image=3",
    "inside?run=MINE&image=3&layer=conv2d_2&channel=3",
    "inside?run=MINE&with=OTHER&at=last",
    "evaluate?run=MINE",
    "evaluate?run=MINE&gallery=mistakes&of=cat",
    "evaluate?run=MINE&part=compare&with=OTHER",
    "evaluate?view=ensemble&members=MINE,OTHER",
    "evaluate?view=ensemble&template=MINE&count=3",
    "evaluate?view=map&run=MINE",
    "evaluate?view=doubts&members=MINE,OTHER",
    "predict?run=MINE&split=test&image=3",
    *(f"present?run=MINE&scene={scene}" for scene in SCENES if scene != "duel"),
    "present?run=NARROW&scene=duel",
    "present?run=MINE&choose=1",
    "no-such-page",
)
WIDTHS = """() => [document.scrollingElement, document.querySelector("[data-testid=stMain]")]
    .map((element) => element.scrollWidth)"""


@pytest.fixture(scope="module")
def server(
    app_server: Callable[..., AppServer], tmp_path_factory: pytest.TempPathFactory
) -> Linked:
    """A server with stored runs and the recorded experiments."""
    home = tmp_path_factory.mktemp("phone") / "home"
    ids = fill_home(home, stored_runs.weights(stored_runs.experiment()))
    environment = {"CIFARVIZ_WARM_UP": "0", "CIFARVIZ_RECORDED": "1"}
    ids["NARROW"] = ids["narrow"]
    return Linked(app_server(home=home, environment=environment).url, ids)


@pytest.fixture
def phone(page: Page) -> Page:
    resize(page, PHONE)
    return page


def resize(page: Page, size: tuple[int, int]) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})


def open_address(page: Page, server: Linked, address: str) -> None:
    page.goto(f"{server.url}/{with_ids(address, server.ids)}")
    settle(page)


def with_ids(address: str, ids: Mapping[str, str]) -> str:
    return re.sub(r"\b[A-Z]{3,}\b", lambda name: ids[name[0]], address)


class Box(NamedTuple):
    """A rectangle in the window, in CSS pixels."""

    left: float
    top: float
    right: float
    bottom: float


def box(element: Locator) -> Box:
    return Box(
        *element.evaluate(
            """(element) => {
                const { left, top, right, bottom } = element.getBoundingClientRect();
                return [left, top, right, bottom]; }"""
        )
    )


def test_every_page_is_among_the_addresses() -> None:
    pages = {re.split("[?]", address)[0] or "start" for address in ADDRESSES}
    assert set(PAGES) <= pages


@pytest.mark.parametrize("address", ADDRESSES)
def test_no_page_scrolls_sideways(phone: Page, server: Linked, address: str) -> None:
    open_address(phone, server, address)
    assert phone.get_by_test_id("stException").count() == 0
    assert all(width <= PHONE[0] for width in phone.evaluate(WIDTHS))


@pytest.mark.parametrize(
    ("role", "address"),
    [
        ("teacher", "classroom"),
        ("teacher", "classroom?view=people"),
        ("teacher", "classroom?view=board"),
        ("teacher", "classroom?view=guess"),
        ("student", "classroom"),
        ("student", "train?view=setup"),
        ("student", "train?view=watch&run=RUN"),
        ("student", "predict?run=RUN&image=3"),
        ("viewer", "classroom"),
        ("viewer", "predict"),
        ("", "class/join"),
        ("", "class/sign-in"),
        ("", "class/watch?code=0"),
        ("", "class/leave"),
    ],
)
def test_no_page_of_a_class_scrolls_sideways(
    phone: Page, open_class: OpenClass, role: str, address: str
) -> None:
    open_class.open(phone, role, address)
    assert phone.get_by_test_id("stException").count() == 0
    assert phone.evaluate("document.scrollingElement.scrollWidth") <= PHONE[0]
    main = phone.get_by_test_id("stMain")
    assert not role or main.evaluate("(element) => element.scrollWidth") <= PHONE[0]


def test_the_rows_of_a_class_are_whole_on_a_phone(phone: Page, open_class: OpenClass) -> None:
    open_class.open(phone, "teacher", "classroom?view=board")
    name, bar = phone.get_by_role("heading", name="1. Ada"), phone.get_by_role("progressbar").first
    assert 0 <= box(bar).top - box(name).bottom < 40
    open_class.open(phone, "teacher", "classroom?view=people")
    row = phone.locator(".st-key-class-people .stHorizontalBlock").first
    who, best = row.get_by_text("Ada"), row.get_by_text("77.8% validation")
    more = row.get_by_role("button", name="More")
    outer = box(row)
    assert outer.bottom - outer.top < 100
    assert box(who).right <= box(more).left < box(more).right <= outer.right
    assert box(who).bottom <= box(best).top


def test_the_picture_and_all_answers_of_a_game_are_in_sight_on_a_phone(
    phone: Page, open_class: OpenClass
) -> None:
    open_class.play(revealed=False)
    open_class.open(phone, "student", "classroom")
    answers = phone.locator(".st-key-guess-buttons button")
    expect(answers).to_have_count(10)
    assert all(box(answer).right <= PHONE[0] for answer in answers.all())
    assert box(answers.last).bottom <= PHONE[1]
    answers.nth(3).click()
    expect(phone.get_by_text("You say: cat")).to_be_visible()
    end_game(open_class.store)


def test_charts_stand_before_the_metrics_of_a_run(phone: Page, server: Linked) -> None:
    open_address(phone, server, "train?view=watch&run=MINE")
    metrics = phone.locator(".st-key-live-metrics")
    accuracy = phone.locator(".st-key-live-accuracy .cifarviz-chart")
    assert box(accuracy).bottom <= box(metrics).top
    resize(phone, DESKTOP)
    assert box(metrics).bottom <= box(accuracy).top


def test_a_layer_is_one_card(phone: Page, server: Linked) -> None:
    open_address(phone, server, "train?view=setup&preset=cifar10-vgg")
    table = phone.locator(".st-key-layer-table")
    card = table.locator(":scope > *").filter(has_text="Convolution").filter(has_text="9,248")
    outer = box(card)
    assert outer.bottom - outer.top < 120
    parts = [
        card.get_by_text("Convolution", exact=True),
        card.get_by_text("32×32×32"),
        card.get_by_text("32 filters 3×3"),
        card.get_by_text("9,248"),
        card.get_by_role("button", name=re.compile("^Remove")),
    ]
    name, shape, settings, parameters, remove = map(box, parts)
    for part in (name, shape, settings, parameters, remove):
        assert outer.left <= part.left < part.right <= outer.right
    assert name.right <= shape.left
    assert name.top < shape.bottom <= settings.top
    assert settings.bottom <= parameters.top
    assert parameters.right <= remove.left


def test_the_labels_of_the_network_drawing_do_not_overlap(phone: Page, server: Linked) -> None:
    open_address(phone, server, "train?view=setup&preset=cifar10-vgg")
    labels = phone.locator(".st-key-network-diagram .textpoint").evaluate_all(
        """(all) => all.map((label) => label.getBoundingClientRect())
            .map((box) => [Math.round(box.y), box.left, box.right])"""
    )
    assert len(labels) == 26  # name and shape of the input and 12 layers
    labels.sort()
    for (row, _, end), (next_row, start, _) in pairwise(labels):
        assert row != next_row or end <= start
    # It scrolls in its own place.
    chart = phone.locator(".st-key-network-diagram .cifarviz-chart")
    assert chart.evaluate("(e) => e.parentElement.scrollWidth > e.parentElement.clientWidth")


def test_runs_are_listed_and_selected_with_state_and_accuracy(phone: Page, server: Linked) -> None:
    open_address(phone, server, "runs?find=mine")
    table = phone.locator(".st-key-runs-list").get_by_test_id("stDataFrame")
    row = phone.get_by_role("button", name="mine · finished, 77.8% at best epoch", exact=True)
    expect(row).to_be_visible()
    expect(table).to_be_hidden()
    row.click()
    expect(phone.get_by_role("heading", name="mine", exact=True)).to_be_visible()
    expect(phone).to_have_url(re.compile(f"runs={server.ids['MINE']}"))
    settle(phone)
    row.click()
    expect(phone).to_have_url(re.compile("^(?!.*runs=)"))
    settle(phone)
    resize(phone, DESKTOP)
    expect(table).to_be_visible()
    expect(row).to_be_hidden()


def test_the_legend_of_compared_runs_is_below_the_axes(phone: Page, server: Linked) -> None:
    open_address(phone, server, "runs?runs=MINE,OTHER")
    chart = phone.locator(".st-key-runs-accuracy .cifarviz-chart")
    legend = chart.locator(".legend .bg")
    title = chart.locator(".xtitle")
    assert box(title).bottom <= box(legend).top
    assert box(legend).bottom <= box(chart).bottom + 1
    grid = box(chart.locator(".gridlayer").first)
    assert grid.right - grid.left > 220
    assert grid.bottom - grid.top > 250
    resize(phone, DESKTOP)
    phone.wait_for_function(
        """() => { const chart = document.querySelector(".st-key-runs-accuracy .cifarviz-chart");
            const side = (part, name) => chart.querySelector(part).getBoundingClientRect()[name];
            return side(".gridlayer", "right") < side(".legend .bg", "left"); }"""
    )


def test_the_recorded_experiment_stands_before_the_form(phone: Page, server: Linked) -> None:
    open_address(phone, server, "lab")
    verdict, form = phone.locator(".st-key-lab-verdict"), phone.locator(".st-key-lab-train")
    assert box(verdict).top < box(form).top
    # A lesson says to press the button.
    open_address(phone, server, "lab?view=duel&lesson=overfitting-3")
    assert box(form).top < box(verdict).top


def test_the_first_lesson_is_in_sight_on_a_small_projector(page: Page, server: Linked) -> None:
    resize(page, PROJECTOR)
    open_address(page, server, "")
    assert box(page.get_by_role("button", name="Start the lesson")).bottom <= PROJECTOR[1]


def test_a_presentation_is_left_with_a_finger(server: Linked, phone: Page) -> None:
    open_address(phone, server, "present?run=MINE&scene=training")
    leave = phone.get_by_role("button", name="Leave")
    box = leave.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= PHONE[0]
    assert min(box["width"], box["height"]) >= 40
    leave.click()
    expect(phone.get_by_role("heading", name="cifarviz", level=1)).to_be_visible()
