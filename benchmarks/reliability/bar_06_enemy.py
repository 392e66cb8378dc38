"""Bar 6: packed runs, data sets, names, notes and links of an enemy.

python -m benchmarks.reliability.bar_06_enemy [--no-browser]

Each must be refused in a sentence or shown as text, within a second, and must reach no file
outside the home; in Chromium nothing of it may be executed, or asked for from elsewhere.
"""

import ast
import csv
import gc
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from html.parser import HTMLParser
from io import BytesIO, StringIO
from pathlib import Path
from typing import Final
from unittest import mock
from urllib.parse import quote

import pandas as pd

from benchmarks.reliability import enemies
from benchmarks.reliability.check import Outcome
from benchmarks.reliability.enemy_browser import find_executed
from benchmarks.reliability.file_watch import FileWatch
from cifarviz.analysis.trained_model import open_checkpoint
from cifarviz.data.importing.importer import prepare_import
from cifarviz.data.importing.options import ImportOptions
from cifarviz.errors import CifarvizError
from cifarviz.escaping import printable
from cifarviz.export.code.program import notebook, script
from cifarviz.export.files import csv_file
from cifarviz.export.report.contents import gather
from cifarviz.export.report.page import report
from cifarviz.runs.archive import pack, unpack
from cifarviz.runs.records import Run
from cifarviz.runs.run_data import load_evaluation_data
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from tests import stored_runs
from tests.pages.app_page import opened_by_link
from tests.pages.test_hostile_names import WORDS
from tests.runs.full_run import store_full_run

MAX_SECONDS: Final = 1.0
PAGES: Final = (
    "start", "data", "samples", "train", "tune", "runs", "lab", "inside", "evaluate", "predict",
    "present",
)  # fmt: skip
_MAX_ADDRESS: Final = 500_000
_PLAIN: Final = "plain"


@dataclass
class _Outcomes:
    """What became of an enemy's inputs of one kind."""

    taken: int = 0
    refused: int = 0
    uncaught: list[str] = field(default_factory=list)
    slowest: tuple[float, str] = (0.0, "")

    def attempt(self, name: str, call: Callable[[], object]) -> None:
        """Call, count how it ended, and keep the slowest."""
        began = time.perf_counter()
        try:
            call()
            self.taken += 1
        except CifarvizError as error:
            self.refused += 1
            if not 10 < len(str(error)) < 2_000:
                self.uncaught.append(f"{name}: a sentence of {len(str(error))} characters")
        except Exception as error:
            self.uncaught.append(f"{name}: {error!r}"[:300])
        self.slowest = max(self.slowest, (time.perf_counter() - began, name))

    def checks(self, what: str) -> list[Outcome]:
        seconds, name = self.slowest
        first = f"; first: {self.uncaught[0]}" if self.uncaught else ""
        return [
            Outcome(
                f"{what}: refused in words or taken as text",
                not self.uncaught,
                f"{self.refused:,} refused, {self.taken:,} taken, {len(self.uncaught)} neither"
                + first,
            ),
            Outcome(f"{what}: the slowest", seconds < MAX_SECONDS, f"{seconds:.2f} s, {name}"),
        ]


def run(*, in_browser: bool = True) -> list[Outcome]:
    """Return the checks of this bar."""
    with tempfile.TemporaryDirectory(prefix="cifarviz-bar-") as name, _own_home(Path(name)) as home:
        canary = Path(name) / "canary"
        canary.mkdir()
        (canary / "secret.png").write_bytes(b"the secret of this machine")
        store = RunStore(Settings.from_environment())
        packed = Path(name) / "packed.zip"
        pack(store, store_full_run(store).id, packed)
        # TensorFlow writes there what AutoGraph makes of functions.
        watch = FileWatch(canary, home, Path(tempfile.gettempdir()))
        checks = [_check_watch(watch, canary)]
        for what, attack in (
            ("packed runs", lambda: _unpack_all(store, packed.read_bytes(), canary)),
            ("data sets", lambda: _import_all(store.settings, Path(name), canary)),
            ("names and notes", lambda: _name_all(store, canary)),
            ("values of links", lambda: _open_all(store, canary)),
        ):
            before = len(watch.violations)
            with watch.watching():
                checks += attack().checks(what)
            found = watch.violations[before:]
            value = "none" if not found else f"{len(found)}; first: {found[0]}"
            checks.append(Outcome(f"{what}: files reached or programs started", not found, value))
        runs = [run for run in store.all() if run.damage is None]
        # Others are on the list of all runs.
        markup = [run for run in runs if {"<", "$", "("} & set(f"{run.name} {run.remark}")]
        tagged = {run.name: run for run in markup if "<" in run.name}
        reports = _reports(store, list(tagged.values()))
        checks += _check_outputs(store, runs, reports)
        if in_browser:
            texts = list(enemies.texts(canary).values())
            pages = [page for page, _ in reports.values()]
            found = find_executed(store, markup, texts, pages, Path(name))
            value = f"{len(found)}; first: {found[0]}" if found else "nothing"
            checks.append(Outcome("executed, or asked for, in Chromium", not found, value))
        return checks


def _check_watch(watch: FileWatch, canary: Path) -> Outcome:
    """Do what the watch must see."""
    beside = canary.with_name("beside")
    with watch.watching():
        (canary / "secret.png").read_bytes()
        beside.touch()
        beside.rename(canary / "new")
        (canary / "new").unlink()
        os.system("true")  # noqa: S605 - seen, not harmful
    seen = {line.partition(":")[0] for line in watch.violations}
    watch.violations.clear()
    missed = {"open", "open, writing", "os.rename", "os.remove", "os.system"} - seen
    return Outcome(
        "the watch sees files and programs", not missed, f"missed: {', '.join(missed) or 'nothing'}"
    )


@contextmanager
def _own_home(folder: Path) -> Iterator[Path]:
    home = folder / "home"
    variables = {
        "CIFARVIZ_HOME": str(home),
        "CIFARVIZ_WARM_UP": "0",
        "CIFARVIZ_TUNE_UP": "0",
        "CIFARVIZ_RECORDED": "0",
        "KERAS_HOME": str(folder / "keras"),
    }
    temporary = folder / "temporary"
    temporary.mkdir()
    with (
        mock.patch.dict(os.environ, variables),
        mock.patch.object(tempfile, "tempdir", str(temporary)),
    ):
        yield home


def _unpack_all(store: RunStore, packed: bytes, canary: Path) -> _Outcomes:
    outcomes = _Outcomes()
    for name, content in enemies.run_archives(packed, canary).items():
        outcomes.attempt(name, partial(unpack, store, BytesIO(content), origin="imported"))
    return outcomes


def _import_all(settings: Settings, folder: Path, canary: Path) -> _Outcomes:
    """Import each file, and store what was found in it, as *Keep it* does."""
    outcomes = _Outcomes()
    for number, (name, (file, content)) in enumerate(enemies.dataset_archives(canary).items()):
        path = settings.home / file
        path.write_bytes(content)
        outcomes.attempt(name, partial(_import, path, number, settings))
        path.unlink()
    return outcomes


def _import(path: Path, number: int, settings: Settings) -> None:
    options = ImportOptions(title=f"Enemy {number}")
    with prepare_import(path, f"enemy-{number}", settings, options) as prepared:
        prepared.store(settings)


def _name_all(store: RunStore, canary: Path) -> _Outcomes:
    """Give a run of its own each text as its name and its note, as far as it is allowed."""
    outcomes = _Outcomes()
    experiment = stored_runs.experiment()
    weights = stored_runs.weights(experiment)
    for name, text in enemies.texts(canary).items():
        run = stored_runs.store_run(store, experiment, checkpoints={"last": weights})
        outcomes.attempt(f"name: {name}", partial(store.rename, run.id, text))
        outcomes.attempt(f"note: {name}", partial(store.remark, run.id, text))
    return outcomes


def _open_all(store: RunStore, canary: Path) -> _Outcomes:
    """Open each page with each text as every value of its address, every other with a run."""
    outcomes = _Outcomes()
    some_run = store.all()[0].id
    # As the server does after its imports: Streamlit collects garbage after each page.
    gc.collect()
    gc.freeze()
    for page in PAGES:
        # What a page loads for its first visitor counts for no text.
        opened_by_link(page, run=some_run)
        for number, (name, text) in enumerate(enemies.texts(canary).items()):
            value = text.encode("utf-8", "replace").decode()
            # Streamlit ignores a longer address as a whole.
            words = WORDS[: max(1, _MAX_ADDRESS // len(quote(value)))]
            address = dict.fromkeys(words, value) | ({"run": some_run} if number % 2 else {})
            outcomes.attempt(f"{page}: {name}", partial(_open, page, address))
    return outcomes


def _open(page: str, address: dict[str, str]) -> None:
    app = opened_by_link(page, **address)
    if app.exception:
        raise RuntimeError(app.exception[0].message)


def _reports(store: RunStore, runs: list[Run]) -> dict[str, tuple[str, str]]:
    """Return the HTML of a report on each run, and on it with a plain name, by its id."""

    def make(run: Run) -> str:
        return report(
            gather(
                store,
                [run],
                partial(open_checkpoint, store),
                lambda run: load_evaluation_data(run, store.settings),
            )
        )

    return {run.id: (make(run), make(_renamed(run))) for run in runs}


def _check_outputs(
    store: RunStore, runs: list[Run], reports: dict[str, tuple[str, str]]
) -> list[Outcome]:
    """Look at what is written of runs with an enemy's names, outside of pages."""
    named = [run for run in runs if run.id in reports]
    assert named
    return [
        _check_each("exported scripts", runs, _find_script_fault),
        _check_each("exported notebooks", runs, _find_notebook_fault),
        _check_each("reports", named, partial(_find_report_fault, reports)),
        _check_each("tables for spreadsheets", runs, _find_table_fault),
        _check_terminal(store.settings),
    ]


def _check_each(what: str, runs: list[Run], find: Callable[[Run], str]) -> Outcome:
    faults = [f"{run.name!r:.60}: {fault}" for run in runs if (fault := find(run))]
    value = f"{len(faults)}; first: {faults[0]}" if faults else f"no fault in {len(runs)}"
    return Outcome(what, not faults, value)


def _find_script_fault(run: Run) -> str:
    """A script with any name has the statements of one with a plain name."""
    try:
        found = _statements(script(run))
    except SyntaxError as error:
        return f"it is no Python: {error}"
    return "" if found == _statements(script(_renamed(run))) else "it has other statements"


def _renamed(run: Run) -> Run:
    return replace(run, name=_PLAIN, remark=_PLAIN)


def _statements(source: str) -> list[str]:
    return [type(node).__name__ for node in ast.walk(ast.parse(source))]


def _find_notebook_fault(run: Run) -> str:
    cells = json.loads(notebook(run))["cells"]
    plain = json.loads(notebook(_renamed(run)))["cells"]
    kinds = [[cell["cell_type"] for cell in one] for one in (cells, plain)]
    if kinds[0] != kinds[1]:
        return "it has other cells"
    codes = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    texts = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
    if any(re.search(r"(?<!\\)<[a-z/]", text) for text in texts):
        return "its Markdown holds a tag"
    try:
        for code in codes:
            ast.parse(code)
    except SyntaxError as error:
        return f"a cell is no Python: {error}"
    return ""


class _Tags(HTMLParser):
    """Counts the tags of a page, and its attributes that are scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.handlers: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.handlers += [name for name, _ in attrs if name.startswith("on")]


def _find_report_fault(reports: dict[str, tuple[str, str]], run: Run) -> str:
    """A report on a run with any name has the tags of one on it with a plain name."""
    found, plain = _Tags(), _Tags()
    for tags, page in zip((found, plain), reports[run.id], strict=True):
        tags.feed(page)
    if found.handlers:
        return f"it has the handlers {', '.join(found.handlers)}"
    return "" if found.tags == plain.tags else "it has other tags"


def _find_table_fault(run: Run) -> str:
    table = pd.DataFrame({"name": [run.name], "note": [run.remark or ""]}).set_index("name")
    text = csv_file(table).decode("utf-8-sig")
    cells = [cell for row in csv.reader(StringIO(text, newline="")) for cell in row]
    starts = [cell for cell in cells if cell.lstrip()[:1] in tuple("=+-@＝＋－＠")]
    return f"a cell starts a formula: {starts[0]!r}" if starts else ""


def _check_terminal(settings: Settings) -> Outcome:
    """List all runs by the command line: what it prints has only visible characters."""
    result = subprocess.run(
        [sys.executable, "-m", "cifarviz", "runs"],
        env={**os.environ, **settings.environment()},
        capture_output=True,
        text=True,
        check=False,
    )
    output = result.stdout + result.stderr
    wrong = sorted(set(output.replace("\n", "")) - set(printable(output.replace("\n", ""))))
    value = f"code {result.returncode}, controls: {wrong or 'none'}"
    return Outcome("what the command line prints", not wrong and result.returncode == 0, value)


if __name__ == "__main__":
    checks_found = run(in_browser="--no-browser" not in sys.argv)
    for check in checks_found:
        print(f"{'met ' if check.met else 'MISSED'}  {check.what}: {check.value}")
    sys.exit(not all(check.met for check in checks_found))
