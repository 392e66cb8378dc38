"""Pages for everybody: axe-core's rules, titles of tabs, focus, keyboard and less motion."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from cifarviz.runs.guessing import end_game
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from cifarviz.ui.navigation import PAGES
from cifarviz.ui.present.view import SCENES
from scripts.chromium import settle
from tests import stored_runs
from tests.browser.conftest import Linked, OpenClass, StartServer
from tests.browser.quick_presses import fill_home

CELL = "evaluate?run=MINE"
STAGE = "present?run=MINE&scene"

# With names of ``linked_home`` for ids.
ADDRESSES = (
    "",
    "data",
    "data?from=camera",
    "samples",
    "samples?view=published",
    "samples?dataset=cifar10&split=test&image=3",
    "samples?augment=flip%3Don,mixup%3D0.4,cutmix%3D1",
    "train",
    "train?preset=cifar10-vgg&part=data&examples=0",
    "train?preset=cifar10-vgg&part=training",
    "train?view=watch&run=VGG&ghost=1",
    "train?view=watch&run=active",
    "tune",
    "tune?view=runs&runs=MINE,OTHER,VGG",
    "tune?view=runs&runs=MINE,OTHER,VGG&chart=contour",
    "runs",
    "runs?runs=MINE",
    "runs?runs=MINE,OTHER",
    "lab",
    "lab?view=memorisation",
    "lab?view=duel&series=DUEL",
    "lab?view=memorisation&series=HEART&gallery=last&picture=35268",
    "inside",
    "inside?run=MINE&checkpoint=epochs&epoch=1&image=3&look=conv2d_1&class=cat",
    "inside?run=MINE&image=3&layer=conv2d_2&channel=3",
    "inside?run=MINE&image=3&heat=gradients",
    "inside?run=MINE&view=weights",
    "inside?run=MINE&image=3&with=MINE&at=0&order=change",
    "inside?run=MINE&image=3&view=step&layer=conv2d_2&channel=3&pixel=2,5",
    "inside?run=MINE&image=3&view=mute&layer=conv2d_2&off=conv2d_2:1,4-6",
    "evaluate",
    f"{CELL}&part=sure&actual=ship&predicted=bird&matrix=row_percent",
    f"{CELL}&part=pictures&gallery=mistakes&picture=3",
    f"{CELL}&part=random&seed=7",
    f"{CELL}&part=compare&with=OTHER&side=neither",
    f"{CELL}&checkpoint=epochs&epoch=2",
    "evaluate?view=ensemble&members=MINE,OTHER&show=mended&member=2&image=3",
    "evaluate?view=ensemble&template=MINE&count=3&first=5",
    "evaluate?view=map&run=MINE&color=right",
    "evaluate?view=doubts&members=MINE,OTHER",
    "predict?run=MINE&split=test&image=3",
    "predict?run=MINE&image=3&view=compare&with=OTHER,MINE@best",
    "predict?run=MINE&from=camera",
    "predict?run=MINE&image=3&view=break&change=blur&amounts=blur:1.5",
    "predict?run=MINE&image=3&view=push&epsilon=3&fooled=OTHER",
    f"{STAGE}=data",
    f"{STAGE}=network",
    f"{STAGE}=training&at=1.5&pace=5x&notes=1",
    f"{STAGE}=overfitting",
    f"{STAGE}=maps&layer=conv2d_2&image=67&epoch=1",
    f"{STAGE}=mistakes&epoch=2",
    f"{STAGE}=photo",
    "present?run=narrow&scene=duel",
    "present?run=MINE&choose=1",
    "present?run=MINE&speaker=1",
    "lab?lesson=overfitting-4",
    "samples?lesson=learning-rate-1",
    "nowhere",
)


class StreamlitFault(NamedTuple):
    """What axe-core reports of elements that Streamlit makes, and that no page can change."""

    rule: str
    selector: str
    reason: str


STREAMLIT_FAULTS = (
    StreamlitFault(
        "landmark-unique",
        '.stPagination > [role="navigation"]',
        "Its label is the same for each: https://github.com/streamlit/streamlit/pull/14975",
    ),
    StreamlitFault(
        "presentation-role-conflict",
        'section[data-testid="stFileUploaderDropzone"]',
        "Has a role of none, a label and a tab index of -1, which belongs to the button in it: "
        "https://github.com/streamlit/streamlit/pull/15928",
    ),
)

# Off by default in axe-core, as they are experimental or of WCAG 2.2.
_MORE_RULES = ("label-content-name-mismatch",)

_OF_STREAMLIT = """([target, selector]) =>
    typeof target === "string" && document.querySelector(target)?.matches(selector)"""

# The focused element, also inside a component's shadow root.
_FOCUSED = """() => {
    let element = document.activeElement;
    while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
    return element;
}"""

_OWN = ".grid, .scrubber, .replay, .bar, .frame, .camera, .cifarviz-chart"

# In the second frame after a press, transitions that take no time are over.
# A busy machine may take some frames to draw the ring.
_RING = f"""async () => {{
    const element = ({_FOCUSED})();
    const ring = {{
        own: element.closest({_OWN!r})?.classList[0] ?? null,
        name: element.getAttribute("aria-label") ?? element.textContent.trim(),
    }};
    for (let i = 0; i < 30 && !ring.isVisible; i += 1) {{
        await new Promise(requestAnimationFrame);
        const style = getComputedStyle(element);
        let opacity = 1;
        for (let part = element; part; part = part.parentElement)
            opacity *= Number(getComputedStyle(part).opacity);
        ring.isVisible = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2
            && !style.outlineColor.endsWith(", 0)") && opacity > 0.5;
    }}
    return ring;
}}"""

_MOVING = """() => {
    const found = [];
    const seconds = (text) => Math.max(...text.split(",").map((part) => parseFloat(part)));
    const search = (root) => {
        for (const element of root.querySelectorAll("*")) {
            const style = getComputedStyle(element);
            const longest = Math.max(seconds(style.transitionDuration), seconds(style.animationDuration));
            if (longest > 0.001 || style.scrollBehavior === "smooth")
                found.push(`${element.tagName} ${element.className}`);
            if (element.shadowRoot) search(element.shadowRoot);
        }
    };
    search(document);
    return found;
}"""  # noqa: E501


@pytest.fixture(scope="module")
def site(app_server: StartServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Linked]:
    """A server whose home has content for every page, and a run called "active" that trains."""
    home = tmp_path_factory.mktemp("site") / "home"
    ids = fill_home(home, stored_runs.weights(stored_runs.experiment()))
    store = RunStore(Settings.from_environment({"CIFARVIZ_HOME": str(home)}))
    active = stored_runs.store_run(
        store, stored_runs.experiment(), name="active", state=RunState.RUNNING, epochs=1
    )
    with stored_runs.hold_lock(store, active):
        server = app_server(home=home, environment={"CIFARVIZ_WARM_UP": "0"})
        yield Linked(server.url, {**ids, "active": active.id})


def opened(page: Page, site: Linked, address: str) -> Page:
    with_ids = re.sub(r"\w+", lambda name: site.ids.get(name[0], name[0]), address)
    page.goto(f"{site.url}/{with_ids}")
    settle(page)
    return page


def violations(page: Page) -> list[str]:
    """What axe-core finds on the page that is not Streamlit's."""
    rules = {rule: {"enabled": True} for rule in _MORE_RULES}
    response = Axe().run(page, options={"resultTypes": ["violations"], "rules": rules}).response
    return [
        f"{violation['id']}: {node['html']} {node['failureSummary']}"
        for violation in response["violations"]
        for node in violation["nodes"]
        if not is_of_streamlit(page, violation["id"], node)
    ]


def is_of_streamlit(page: Page, rule: str, node: dict[str, Any]) -> bool:
    return any(
        page.evaluate(_OF_STREAMLIT, [node["target"][0], fault.selector])
        for fault in STREAMLIT_FAULTS
        if fault.rule == rule
    )


@pytest.mark.parametrize("address", ADDRESSES)
def test_axe_finds_nothing_of_ours(site: Linked, page: Page, address: str) -> None:
    page.emulate_media(color_scheme="light")
    opened(page, site, address)
    assert violations(page) == []
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(
        "() => getComputedStyle(document.querySelector('.stApp')).colorScheme === 'dark'"
    )
    settle(page)
    assert violations(page) == []


def test_axe_finds_nothing_of_ours_in_a_speaker_s_window_that_follows(
    site: Linked, page: Page
) -> None:
    opened(page, site, f"{STAGE}=maps")
    with page.context.expect_page() as window:
        page.keyboard.press("s")
    speaker = window.value
    expect(speaker.locator(".speaker")).to_have_attribute("data-following", "true")
    assert violations(speaker) == []
    speaker.emulate_media(color_scheme="dark")
    settle(speaker)
    assert violations(speaker) == []


@pytest.mark.parametrize(
    ("role", "address"),
    [
        ("teacher", "classroom"),
        ("teacher", "classroom?view=people"),
        ("teacher", "classroom?view=board"),
        ("teacher", "classroom?view=guess"),
        ("student", "classroom"),
        ("student", "train?view=watch&run=RUN"),
        ("viewer", "classroom"),
        ("viewer", ""),
        ("viewer", "train?view=watch"),
        ("", "class/join"),
        ("", "class/sign-in"),
        ("", "class/watch?code=0"),
        ("student", "class/leave"),
    ],
)
def test_axe_finds_nothing_of_ours_in_a_class(
    open_class: OpenClass, page: Page, role: str, address: str
) -> None:
    is_form = address.startswith("class/")
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        open_class.open(page, "" if is_form else role, address)
        if address == "class/join":
            page.get_by_text("I have been here before").click()
        if address.endswith("people"):
            page.get_by_role("button", name="More").first.click()
            page.get_by_role("button", name="Remove Ada").wait_for()
        assert violations(page) == []


@pytest.mark.parametrize("revealed", [False, True])
def test_axe_finds_nothing_of_ours_in_a_game(
    open_class: OpenClass, page: Page, revealed: bool
) -> None:
    open_class.play(revealed=revealed)
    for role in ("teacher", "student", "viewer"):
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            open_class.open(page, role, "classroom?view=guess")
            expect(page.get_by_text("Picture 1 of 10")).to_be_visible()
            assert violations(page) == []
    end_game(open_class.store)


def test_every_page_and_scene_is_looked_at() -> None:
    pages = {urlsplit(address).path or "start" for address in ADDRESSES}
    assert pages == {*PAGES, "nowhere"}
    scenes = {address.partition("scene=")[2].partition("&")[0] for address in ADDRESSES}
    assert scenes == {*SCENES, ""}


@pytest.mark.parametrize(
    ("address", "title"),
    [
        ("", "Start · cifarviz"),
        ("samples", "Samples · cifarviz"),
        ("train?view=watch&run=OTHER", "Train · other · cifarviz"),
        ("inside", "Inside · mine · cifarviz"),
        ("runs?runs=MINE", "Runs · mine · cifarviz"),
        ("runs?runs=MINE,OTHER", "Runs · 2 runs · cifarviz"),
        ("runs?runs=missing,lost", "Runs · cifarviz"),
        ("lab?view=duel&series=DUEL", "Lab · Width: narrow against wide · cifarviz"),
        ("nowhere", "Page not found · cifarviz"),
    ],
)
def test_the_tab_is_titled_by_page_and_run(
    site: Linked, page: Page, address: str, title: str
) -> None:
    opened(page, site, address)
    expect(page).to_have_title(title)


@pytest.mark.parametrize(
    ("address", "components"),
    [
        (f"{STAGE}=training&at=1.5", {"replay", "bar"}),
        (
            "inside?run=MINE&checkpoint=epochs&epoch=1&image=3",
            {"scrubber", "grid", "cifarviz-chart"},
        ),
        ("evaluate?view=ensemble&members=MINE,OTHER", {"frame", "cifarviz-chart"}),
        ("data?from=camera", {"camera"}),
    ],
)
def test_focus_is_visible_on_every_control(
    site: Linked, page: Page, address: str, components: set[str]
) -> None:
    page.emulate_media(reduced_motion="reduce")
    opened(page, site, address)
    reached = set()
    for _ in range(150):
        page.keyboard.press("Tab")
        ring = page.evaluate(_RING)
        if ring["own"] is not None:
            reached.add(ring["own"])
            assert ring["isVisible"], ring
        if reached == components:
            break
    assert reached == components


def test_rows_of_the_predictions_open_with_the_keyboard(site: Linked, page: Page) -> None:
    opened(page, site, "evaluate?view=ensemble&members=MINE,OTHER")
    row = page.get_by_role("button", name="show all probabilities").nth(1)
    name = row.get_attribute("aria-label")
    assert name is not None
    row.focus()
    page.keyboard.press("Enter")
    image = name.partition(":")[0]
    expect(page.get_by_text(f"{image}:").first).to_be_visible()
    expect(page).to_have_url(re.compile(rf"image={image.split()[-1]}\b"))


def test_nothing_moves_for_whoever_asks_for_less_motion(site: Linked, page: Page) -> None:
    page.emulate_media(reduced_motion="reduce")
    assert opened(page, site, "train?view=watch&run=active").evaluate(_MOVING) == []
    page.emulate_media(reduced_motion="no-preference")
    assert page.evaluate(_MOVING) != []
