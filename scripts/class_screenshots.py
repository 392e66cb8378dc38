"""Screenshots of a class: four students train in a home of their own, and one phone guesses."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from playwright.sync_api import Browser, Page

from cifarviz.executors.worker import Worker
from cifarviz.experiment.choices import Data
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.presets import PRESETS
from cifarviz.people.person import acting_as
from cifarviz.people.secrets import ClassSecrets
from cifarviz.runs.guessing import end_game, guess, load_game
from cifarviz.runs.members import Task, class_members, join_class, load_class, save_class
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from scripts import chromium
from scripts.app_server import ROOT, AppServer

_HOME = ROOT / "build" / "screenshots-class"
_NAMES = ("Ada", "Grace", "Katherine", "Mary")
_SIZES = ((1440, 900), (1920, 1080))
_PHONE = (390, 844)


def take_class_screenshots(browser: Browser, folder: Path, docs: Path) -> None:
    """Write the screenshots to ``folder``, and those of the docs also to ``docs``."""
    store = RunStore(Settings.from_environment({"CIFARVIZ_HOME": str(_HOME)}))
    _train(store)
    phrase = ClassSecrets(_HOME).make_pass_phrase()
    save_class(store, replace(load_class(store), board=True, task=Task(0.45, 200_000)))
    end_game(store)
    environment = {"CIFARVIZ_CLASS": "1"}
    with AppServer(ROOT / "app.py", _HOME, folder / "class.log", environment) as server:
        for theme in ("light", "dark"):
            for size in _SIZES:
                name = f"{theme}-{size[0]}.png"
                with _page(browser, theme, size) as page:
                    _sign_in(page, server.url, phrase)
                    for view in ("join", "people", "board", "guess"):
                        page.goto(f"{server.url}/classroom?view={view}")
                        if view == "guess":
                            _play(page, store)
                        chromium.settle(page)
                        page.screenshot(path=folder / f"class-{view}-{name}")
                    if size == _SIZES[0]:
                        for view in ("join", "guess"):
                            picture = folder / f"class-{view}-{name}"
                            shutil.copy(picture, docs / f"class-{view}-{theme}.png")
                    with _page(browser, theme, _PHONE) as phone:
                        _come_back(phone, server.url, store)
                        chromium.settle(phone)
                        phone.screenshot(path=folder / f"class-phone-{name}")
                end_game(store)


def _train(store: RunStore) -> None:
    """Let each student train a small network, unless it was done before."""
    if class_members(store):
        return
    worker = Worker(store.settings, "command line")
    base = dict(PRESETS["cifar10-starter"].experiment)
    data = Data(variant="sample", train_images=2000)
    for number, name in enumerate(_NAMES, 1):
        print(f"{name} trains.", flush=True)
        with acting_as(join_class(store, name).person):
            changes = {"data": data, "epochs": 2 * number, "seed": number, "batch_size": 32}
            run = worker.submit(Experiment.make(**base | changes), f"{name}’s network")
        worker.wait(run.id)


def _sign_in(page: Page, url: str, phrase: str) -> None:
    page.goto(f"{url}/class/sign-in")
    page.get_by_label("Pass phrase").fill(phrase)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="cifarviz").wait_for()


def _come_back(page: Page, url: str, store: RunStore) -> None:
    member = class_members(store)[0]
    page.goto(f"{url}/class/join?next=/classroom")
    page.get_by_text("I have been here before").click()
    page.get_by_label("Your personal code").fill(ClassSecrets(_HOME).personal_code(member.id))
    page.get_by_role("button", name="Come back").click()
    page.get_by_text("The network").first.wait_for()


def _play(page: Page, store: RunStore) -> None:
    """Start a game, guess, and show the answer."""
    page.get_by_role("button", name="Start", exact=True).click()
    page.get_by_text("have guessed").wait_for()
    game = load_game(store)
    assert game is not None
    for number, member in enumerate(class_members(store)):
        with acting_as(member.person):
            guess(store, game.id, 0, game.labels[0] if number < 3 else game.answers[0])
    page.get_by_role("button", name="Show the answer").click()
    page.get_by_text("The network").first.wait_for()


@contextmanager
def _page(browser: Browser, theme: str, size: tuple[int, int]) -> Iterator[Page]:
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if theme == "dark" else "light",
        reduced_motion="reduce",
    )
    yield context.new_page()
    context.close()
