"""Present in a real browser: all scenes by keyboard, and a replayed recording."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Page, expect

from cifarviz.experiment.choices import Data
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from scripts.app_server import AppServer
from scripts.chromium import settle
from tests import stored_runs
from tests.browser.script_runs import count_script_runs, script_runs
from tests.waiting import wait_until

TITLES = (
    "60,000 small pictures in ten classes",
    "12 layers, 814,122 parameters",
    "30 epochs of 35,000 images",
    "Overfitting: after epoch 8 it learns by heart",
    "Feature maps after the first convolution",
    "Confident mistakes",
    "What is in your photo?",
)


@pytest.fixture(scope="module")
def server(app_server: Callable[..., AppServer]) -> AppServer:
    return app_server(environment={"CIFARVIZ_WARM_UP": "0", "CIFARVIZ_RECORDED": "1"})


def at(page: Page) -> float:
    return float(page.locator(".replay").get_attribute("data-at") or "nan")


def shows(page: Page, scene: int) -> None:
    """The scene stands there whole: nothing of it is below the window, or behind the bar."""
    expect(page.get_by_role("heading", name=TITLES[scene])).to_be_visible()
    expect(page.locator("nav.bar .place")).to_have_text(f"{scene + 1} of 7")
    settle(page)
    lowest, bar, hidden = page.evaluate(
        """() => {
            const bottom = (element) => element.getBoundingClientRect().bottom;
            const stage = [...document.querySelectorAll(".st-key-present-stage *")];
            const main = document.querySelector('[data-testid="stMain"]');
            return [Math.max(...stage.map(bottom)),
                document.querySelector(".st-key-present-bar").getBoundingClientRect().top,
                main.scrollHeight - main.clientHeight];
        }"""
    )
    assert lowest <= bar + 1
    assert hidden <= 0


def test_all_scenes_by_keyboard_with_a_recording_played_and_scrubbed(
    new_page: Callable[..., Page], server: AppServer
) -> None:
    page = new_page(viewport={"width": 1280, "height": 720})
    page.goto(f"{server.url}/present")
    shows(page, 0)
    expect(page.locator('[data-testid="stSidebar"]')).to_be_hidden()
    page.keyboard.press("PageDown")
    shows(page, 1)
    page.keyboard.press("ArrowRight")
    shows(page, 2)

    # What has not been played is played by the first "next"; its place goes into the address.
    expect(page.locator(".replay .mark")).to_have_text("recorded")
    page.keyboard.press("PageDown")
    expect(page.locator(".replay")).to_have_attribute("data-playing", "true")
    expect(page).to_have_url(re.compile(r"at=0\.[1-9]|at=[1-9]"))
    page.keyboard.press("Space")
    expect(page.locator(".replay")).to_have_attribute("data-playing", "false")
    assert 0 < at(page) < 5
    # Half of the time it took is not half of its epochs: the first ones took longer.
    track = page.get_by_role("slider", name="Position in the recording")
    box = track.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    middle = at(page)
    assert middle == pytest.approx(13.0, abs=1.5)
    expect(page.locator(".replay .words")).to_contain_text("3:44 of 7:28 min")
    page.get_by_label("Speed", exact=True).select_option("20x")
    page.reload()
    shows(page, 2)
    assert at(page) == pytest.approx(middle, abs=0.01)
    expect(page.get_by_label("Speed", exact=True)).to_have_value("20x")

    page.keyboard.press("b")
    expect(page.locator("#cifarviz-blank")).to_be_visible()
    page.keyboard.press("PageDown")
    expect(page.locator("#cifarviz-blank")).to_have_count(0)
    shows(page, 2)
    page.keyboard.press("n")
    expect(page.get_by_text("training took 7 min 28 s")).to_be_visible()
    page.keyboard.press("n")
    expect(page.get_by_text("training took 7 min 28 s")).to_have_count(0)

    page.keyboard.press("PageDown")
    shows(page, 3)
    page.keyboard.press("PageUp")
    shows(page, 2)
    assert at(page) == pytest.approx(middle, abs=0.01)
    # Two presses, faster than the page can follow.
    page.keyboard.press("PageDown")
    page.keyboard.press("PageDown")
    shows(page, 4)
    page.keyboard.press("PageDown")
    expect(page.locator(".track[data-shown='1']")).to_be_visible()
    page.keyboard.press("PageDown")
    shows(page, 5)
    page.keyboard.press("PageDown")
    shows(page, 6)
    page.keyboard.press("Escape")
    expect(page.get_by_role("heading", name="cifarviz")).to_be_visible()
    expect(page.locator('[data-testid="stSidebar"]')).to_be_visible()


# Waits until a presentation has told its windows twice what it shows.
_TOLD_TWICE = """name => new Promise((done) => {
    const channel = new BroadcastChannel(name);
    let count = 0;
    channel.onmessage = ({ data }) => {
        if (data.type === "shown" && (count += 1) === 2) done();
    };
})"""


@contextmanager
def speaker_window(page: Page) -> Iterator[Page]:
    """Open the speaker's window by its key."""
    with page.context.expect_page() as opened:
        page.keyboard.press("s")
    window = opened.value
    window.set_default_timeout(20_000)
    yield window
    window.close()


def follows(window: Page, place: int, headline: str) -> None:
    expect(window.locator(".speaker")).to_have_attribute("data-following", "true")
    expect(window.locator("h1 .place")).to_have_text(f"{place} of 7")
    expect(window.locator("h1 .headline")).to_have_text(headline)


def test_the_speaker_s_window_follows_steers_and_survives_reloads(
    new_page: Callable[..., Page], server: AppServer
) -> None:
    page = new_page(viewport={"width": 1280, "height": 720})
    page.goto(f"{server.url}/present?scene=network&notes=1")
    shows_heading(page, 1)
    notes = page.locator(".st-key-present-panel")
    expect(notes).to_be_visible()
    with speaker_window(page) as window:
        follows(window, 2, "The network")
        expect(window.get_by_text("dense_1 alone has 524,544")).to_be_visible()
        expect(window.locator(".next")).to_contain_text("Next: Training")
        # The projector shows no notes from here on, whatever is pressed.
        expect(notes).to_have_count(0)
        page.bring_to_front()
        page.keyboard.press("n")
        page.keyboard.press("PageDown")
        shows_heading(page, 2)
        expect(notes).to_have_count(0)
        follows(window, 3, "Training")
        expect(window.locator(".next")).to_contain_text(TITLES[3])

        # Its keys and buttons are those of the projector's window.
        window.keyboard.press("Space")
        expect(page.locator(".replay")).to_have_attribute("data-playing", "true")
        # A replay that has not begun is played first, whatever scene is asked for.
        expect(page.locator(".replay")).not_to_have_attribute("data-at", "0.00")
        window.get_by_role("button", name="Play or pause").click()
        expect(page.locator(".replay")).to_have_attribute("data-playing", "false")
        window.keyboard.press("b")
        expect(page.locator("#cifarviz-blank")).to_be_visible()
        expect(window.get_by_role("status")).to_have_text("The projector is black.")
        window.keyboard.press("b")
        expect(page.locator("#cifarviz-blank")).to_have_count(0)
        window.keyboard.press("ArrowRight")
        window.keyboard.press("ArrowRight")
        shows_heading(page, 4)
        follows(window, 5, "Feature maps growing")
        window.get_by_label("Layer").select_option("conv2d_6")
        expect(page.get_by_role("heading", name="the sixth convolution")).to_be_visible()
        expect(window.get_by_label("Layer")).to_have_value("conv2d_6")

        # Either may be loaded again, and the clock goes on.
        started = page.evaluate("() => sessionStorage['cifarviz-presentation-started']")
        window.reload()
        follows(window, 5, "Feature maps growing")
        page.reload()
        window.get_by_role("button", name="4 Overfitting").click()
        shows_heading(page, 3)
        follows(window, 4, "Overfitting")
        page.reload()
        shows_heading(page, 3)
        follows(window, 4, "Overfitting")
        window.keyboard.press("PageUp")
        shows_heading(page, 2)
        assert page.evaluate("() => sessionStorage['cifarviz-presentation-started']") == started

        # Without a presentation it says so and opens it where it was.
        page.close()
        expect(window.get_by_role("status")).to_contain_text("window is closed")
        with window.context.expect_page() as opened:
            window.get_by_role("link", name="Open the presentation").click()
        page = opened.value
        shows_heading(page, 2)
        follows(window, 3, "Training")
    # Without it the notes are where they were before.
    page.bring_to_front()
    page.keyboard.press("n")
    expect(page.locator(".st-key-present-panel")).to_be_visible()


def shows_heading(page: Page, scene: int) -> None:
    expect(page.get_by_role("heading", name=TITLES[scene])).to_be_visible()
    settle(page)


def test_the_speaker_s_window_follows_one_of_two_presentations(
    new_page: Callable[..., Page], server: AppServer
) -> None:
    first = new_page()
    session = first.context
    second, window = session.new_page(), session.new_page()
    for page in (first, second):
        page.goto(f"{server.url}/present?scene=network&notes=1")
        shows_heading(page, 1)
    # Opened by its address, it follows the first that it hears of.
    window.goto(f"{server.url}/present?speaker=1")
    follows(window, 2, "The network")
    panels = [page.locator(".st-key-present-panel") for page in (first, second)]
    # Notes stay where no window shows them.
    wait_until(lambda: sum(panel.is_visible() for panel in panels) == 1)
    window.evaluate(_TOLD_TWICE, "cifarviz-present")
    assert sum(panel.is_visible() for panel in panels) == 1


def test_the_speaker_s_controls_keep_the_focus_during_a_replay(
    new_page: Callable[..., Page], server: AppServer
) -> None:
    page = new_page()
    page.goto(f"{server.url}/present?scene=training")
    shows_heading(page, 2)
    with speaker_window(page) as window:
        follows(window, 3, "Training")
        page.bring_to_front()
        page.keyboard.press(" ")
        expect(page).to_have_url(re.compile("at="))
        button = window.locator(".scenes button").nth(3)
        button.focus()
        address = page.url
        window.evaluate(_TOLD_TWICE, "cifarviz-present")
        assert page.url != address
        expect(button).to_be_focused()


def test_a_blocked_speaker_s_window_is_reported(page: Page, server: AppServer) -> None:
    page.goto(f"{server.url}/present")
    shows_heading(page, 0)
    page.evaluate("() => { window.open = () => null; }")
    page.keyboard.press("s")
    expect(page.locator("nav.bar .blocked")).to_contain_text("allow pop-ups")


def test_a_run_is_chosen_by_keyboard(page: Page, server: AppServer) -> None:
    store = RunStore(Settings.from_environment({"CIFARVIZ_HOME": str(server.home)}))
    full = stored_runs.experiment(data=Data(variant="full"))
    run = stored_runs.store_run(store, full, name="learned elsewhere")
    page.goto(f"{server.url}/present?scene=training")
    shows_heading(page, 2)
    page.keyboard.press("o")
    card = page.get_by_role("button", name="learned elsewhere")
    expect(card).to_be_visible()
    # Escape closes the choice and not the presentation.
    page.keyboard.press("Escape")
    shows_heading(page, 2)
    page.keyboard.press("o")
    card.press("Enter")
    expect(page.get_by_role("heading", name="3 epochs of 5,000 images")).to_be_visible()
    expect(page).to_have_url(re.compile(f"run={run.id}"))

    # Its images are missing, so it is trained on the sample: a run of that name waits or trains.
    page.get_by_role("button", name="Train live on the sample").click()
    expect(page.locator(".replay .mark")).to_have_text(re.compile("waiting|starting|live"))
    queued = next(one for one in store.all() if one.name == "learned elsewhere · live")
    expect(page).to_have_url(re.compile(f"run={queued.id}"))
    store.stop_all([queued.id])


def test_live_curves_update_without_script_runs_and_become_the_recording(
    page: Page, server: AppServer
) -> None:
    store = RunStore(Settings.from_environment({"CIFARVIZ_HOME": str(server.home)}))
    run = stored_runs.store_run(store, stored_runs.experiment(), state=RunState.RUNNING, epochs=0)
    replay = page.locator(".replay")
    with stored_runs.hold_lock(store, run):
        stored_runs.advance_run(store, run, 4)
        page.goto(f"{server.url}/present?scene=training&run={run.id}")
        expect(replay.locator(".mark")).to_have_text("● live")
        expect(replay).to_have_attribute("data-at", "0.40")
        settle(page)
        # The same element from here to the end.
        replay.evaluate("element => { element.dataset.first = 'yes'; }")
        count_script_runs(page)
        stored_runs.advance_run(store, run, 6, epoch=True)
        stored_runs.advance_run(store, run, 3)
        expect(replay).to_have_attribute("data-at", "1.30")
        expect(replay.locator(".below")).to_contain_text("running: epoch 2 of 3")
        expect(replay.locator(".legend").first).to_contain_text("2.000")
        assert script_runs(page) == 0

        stored_runs.advance_run(store, run, 7, epoch=True)
        store.transition(run.id, RunState.STOPPING)
        store.transition(run.id, RunState.STOPPED)
    expect(page.get_by_role("heading", name="Stopped after epoch 2 of 3")).to_be_visible()
    expect(replay.locator(".play")).to_be_visible()
    expect(replay.locator(".below")).to_be_hidden()
    expect(replay).to_have_attribute("data-first", "yes")
