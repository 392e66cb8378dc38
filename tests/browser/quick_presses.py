"""Controls pressed every 50 ms, and what a page must show of it when nothing moves any more.

Used by ``benchmarks/bench_presses.py`` too; the pages are in ``pressed_pages.py``.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page

from cifarviz.experiment.choices import Data
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.presets import PRESETS
from cifarviz.runs.states import Action
from cifarviz.runs.store import RunStore, new_run_id
from cifarviz.settings import Settings
from scripts.chromium import settle
from tests.pages.linked_home import fill
from tests.stored_runs import Arrays

EVERY = 50  # milliseconds between two presses
PATIENCE = 20.0  # seconds until what was pressed last must be shown

_DRIVER = (Path(__file__).parent / "quick_presses.js").read_text("utf-8")
# The place of a run's row in the table of runs, whose titles are row 0.
_ROW = """name => [...document.querySelectorAll(".st-key-runs-list tr")]
    .findIndex(row => row.children[1].textContent === name)"""


class Press(NamedTuple):
    """One press: ``kind`` is a name of ``presses`` in quick_presses.js, the others say of what.

    A "choice" is one of a row of buttons, a "step" a number field's + or -, a "text" what is typed
    and sent by Enter, a "tile" a picture of a grid, a "key" one of the keyboard, a "row" the box
    before a row of the table of runs.
    """

    kind: str
    of: str
    to: str = ""


PageState = Mapping[str, str]
"""What a page shows of its controls, by names such as "Seed", "Seed in the address", "drawn"."""


@dataclass(frozen=True)
class PressedPage:
    """A page, and presses on it.

    ``address`` has names of ``linked_home`` for ids. ``presses`` go on for ever; ``expected`` says
    what is shown after some of them, as patterns, and ``shown`` reads it off the page.
    """

    name: str
    address: str
    presses: Callable[[], Iterator[Press]]
    expected: Callable[[Sequence[Press], Mapping[str, str]], PageState]
    shown: Callable[[Page], PageState]
    before: Callable[[Page], None] = lambda page: None


def press(page: Page, server: str, ids: Mapping[str, str], pressed: PressedPage, count: int) -> str:
    """Press ``count`` times; returns what is then shown wrongly, in a line each, or nothing."""
    open_page(page, server, ids, pressed)
    presses = press_on(page, pressed, count)
    return find_differences(page, ids, pressed, presses)


def open_page(page: Page, server: str, ids: Mapping[str, str], pressed: PressedPage) -> None:
    """Open the page as it is before any press."""
    address = pressed.address
    for name, run_id in ids.items():
        address = address.replace(name, run_id)
    page.goto(f"{server}/{address}")
    settle(page)
    pressed.before(page)


def press_on(page: Page, pressed: PressedPage, count: int, every: int = EVERY) -> list[Press]:
    """Press ``count`` times on the page that is open; returns the presses."""
    presses = list(islice(pressed.presses(), count))
    _do(page, presses, every)
    return presses


def find_differences(
    page: Page, ids: Mapping[str, str], pressed: PressedPage, presses: Sequence[Press]
) -> str:
    """Wait until all ``presses`` are shown; returns what is not, in a line each, or nothing."""
    expected = pressed.expected(presses, ids)
    found = _differences(page, pressed, expected)
    patience = time.monotonic() + PATIENCE
    while found and time.monotonic() < patience:
        page.wait_for_timeout(500)
        found = _differences(page, pressed, expected)
    # It must stay so: what comes late would take a press back.
    page.wait_for_timeout(1500)
    return "\n".join(found or _differences(page, pressed, expected))


def _do(page: Page, presses: Sequence[Press], every: int) -> None:
    """Without a wait for the page, but where a control is missing or disabled."""
    if any(one.kind == "row" for one in presses):
        # The table is a canvas, which knows pointers only.
        box = page.locator(".st-key-runs-list [data-testid=stDataFrame]").bounding_box()
        assert box is not None
        for kind, of, to in presses:
            if kind == "row":
                row = page.evaluate(_ROW, of)
                page.mouse.click(box["x"] + 17, box["y"] + 35 * row + 17)
                page.wait_for_timeout(every)
            else:
                page.evaluate(_DRIVER, {"presses": [[kind, of, to]], "every": every})
        return
    page.evaluate(_DRIVER, {"presses": [list(one) for one in presses], "every": every})


def _differences(page: Page, pressed: PressedPage, expected: PageState) -> list[str]:
    settle(page)
    shown = pressed.shown(page)
    return [
        f"{pressed.name}, {name}: {shown.get(name)!r} is shown, and {value!r} was chosen"
        for name, value in expected.items()
        if not re.fullmatch(value, shown.get(name, ""), re.DOTALL)
    ]


def address_of(page: Page) -> dict[str, str]:
    """The parameters of the address."""
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def fill_home(home: Path, weights: Arrays) -> dict[str, str]:
    """Fill a home with what the pages show; returns ids by the names that are used here."""
    store = RunStore(Settings.from_environment({"CIFARVIZ_HOME": str(home)}))
    ids = fill(store, weights)
    for run in store.all():
        ids.setdefault(run.name, run.id)
    return ids


def queue_training(home: Path) -> str:
    """Queue a run that a server trains as long as it runs; returns its id."""
    store = RunStore(Settings.from_environment({"CIFARVIZ_HOME": str(home)}))
    run_id = new_run_id()
    starter = PRESETS["cifar10-starter"].experiment
    values = {"data": Data(), "epochs": 1000, "precision": "float32"}
    # The run has no owner, so the server trains it when its first page is shown.
    store.create(run_id, Experiment(**{**starter.model_dump(), **values}), "at work", "dashboard")
    return run_id


@contextmanager
def training(page: Page, server: str, home: Path, run_id: str) -> Iterator[None]:
    """Let the server train the run, well under way, until the end."""
    store = RunStore(Settings.from_environment({"CIFARVIZ_HOME": str(home)}))
    page.goto(f"{server}/train?view=watch&run={run_id}")
    settle(page)
    patience = time.monotonic() + 120
    # After the first epoch its line above the table of runs has all its parts.
    while not store.get(run_id).epochs_done:
        assert time.monotonic() < patience, store.get(run_id)
        page.wait_for_timeout(200)
    yield
    assert store.get(run_id).state.active, store.get(run_id).message
    store.request(run_id, Action.STOP)
