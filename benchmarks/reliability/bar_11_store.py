"""Bar 11: an index that is lost, damaged, older or newer, artifacts that are missing or cut, a home
that may only be read or was moved, a clock set back.
"""

import os
import random
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from benchmarks.reliability.whole_homes import (
    Contents,
    Result,
    command,
    facts,
    fill,
    none_of,
    says_in_words,
    settings_of,
    small_experiment,
    started,
    wait_for,
)
from cifarviz.errors import CifarvizError, IndexDamaged, UnknownFormat
from cifarviz.executors.worker import Worker
from cifarviz.installation import DASHBOARD
from cifarviz.runs.repair import RepairReport, repair
from cifarviz.runs.run_json import run_json_path
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.runs.unlisted import unlisted_message
from tests.read_only import drop_privileges, read_only

_PAGE = 4096
_RUNS = 4
_OLDER = DASHBOARD / "tests" / "fixtures" / "full-format-5" / "home"


def run(home: Path, rounds: int = 40) -> list[Result]:
    """Make a home with runs, spoil copies of it, and return what came of them."""
    original = home / "original"
    store = fill(original, _RUNS)
    whole = Contents.of(store)
    return [
        *_damaged_indices(original, whole, home, rounds),
        *_lost_indices(original, whole, home),
        _killed_repairs(original, whole, home, max(3, rounds // 8)),
        _other_versions(original, home),
        _spoiled_artifacts(original, home),
        _spoiled_folders(original, home),
        _read_only(original, home),
        _clock_set_back(home),
        _moved(original, whole, home),
    ]


def _copy(original: Path, home: Path) -> Path:
    copy = home / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(original, copy)
    return copy


# The index


def _zero_page(content: bytearray, dice: random.Random) -> None:
    page = dice.randrange(len(content) // _PAGE)
    content[page * _PAGE : (page + 1) * _PAGE] = bytes(_PAGE)


def _random_pages(content: bytearray, dice: random.Random) -> None:
    for _ in range(4):
        page = dice.randrange(1, len(content) // _PAGE)
        content[page * _PAGE : (page + 1) * _PAGE] = dice.randbytes(_PAGE)


def _random_bytes(content: bytearray, dice: random.Random) -> None:
    for _ in range(200):
        content[dice.randrange(len(content))] = dice.randrange(256)


def _cut(content: bytearray, dice: random.Random) -> None:
    del content[dice.randrange(1, len(content)) :]


def _zero_header(content: bytearray, _: random.Random) -> None:
    content[:100] = bytes(100)


def _garbage(content: bytearray, dice: random.Random) -> None:
    content[:] = dice.randbytes(len(content))


_DAMAGES: tuple[Callable[[bytearray, random.Random], None], ...] = (
    _zero_page,
    _random_pages,
    _random_bytes,
    _cut,
    _zero_header,
    _garbage,
)


def _damaged_indices(original: Path, whole: Contents, home: Path, rounds: int) -> Iterator[Result]:
    dice = random.Random(11)
    problems: list[str] = []
    points = series = 0
    for number in range(rounds):
        damage = _DAMAGES[number % len(_DAMAGES)]
        copy = _copy(original, home)
        index = copy / "runs.sqlite3"
        content = bytearray(index.read_bytes())
        damage(content, dice)
        index.write_bytes(content)
        name = f"{damage.__name__} {number}"
        # Not every damage is in what a list of runs reads; one that is must be said.
        try:
            RunStore(settings_of(copy)).all()
        except IndexDamaged as error:
            if "repair" not in str(error):
                problems.append(f"{name}: {error}")
        except CifarvizError as error:
            problems.append(f"{name}: called {error}")
        report = repair(settings_of(copy))
        problems += [f"{name}: {problem}" for problem in _wrong_after(copy, whole, report)]
        store = RunStore(settings_of(copy))
        points += sum(
            facts(store, run_id)["points"] == facts_of(whole, run_id) for run_id in whole.runs
        )
        series += Contents.of(store).others == whole.others
    yield none_of(
        "an index with a damage: said, repaired, every run with its history", problems, rounds
    )
    yield (
        "… and what is in the index only",
        points > 0 and series > 0,
        f"points of {points} of {rounds * _RUNS} runs, series and pins of {series} of {rounds}",
    )


def facts_of(whole: Contents, run_id: str) -> object:
    """Return the points of a run as they were."""
    return whole.runs[run_id]["points"]


def _wrong_after(home: Path, whole: Contents, report: RepairReport) -> Iterator[str]:
    """Yield what is wrong with a home after a repair."""
    store = RunStore(settings_of(home))
    found = Contents.of(store)
    for run_id, run in whole.runs.items():
        if found.runs.get(run_id, {}).get("epochs") != run["epochs"]:
            yield f"the history of {run_id} is not there"
    if found.files != whole.files:
        yield "files of runs have changed"
    if report.damage is not None and not (report.damaged_file and report.damaged_file.exists()):
        yield "the damaged file is gone"
    lost = found.others != whole.others or any(
        found.runs.get(run_id, {}).get("points") != run["points"]
        for run_id, run in whole.runs.items()
    )
    if lost and report.is_whole:
        yield "something is lost, and it was not said"
    if not repair(settings_of(home)).is_whole:
        yield "a second repair found more"


def _lost_indices(original: Path, whole: Contents, home: Path) -> Iterator[Result]:
    problems = []
    contents: tuple[bytes | None, ...] = (None, b"")
    for content in contents:
        copy = _copy(original, home)
        for path in copy.glob("runs.sqlite3*"):
            path.unlink()
        if content is not None:
            (copy / "runs.sqlite3").write_bytes(content)
        said = unlisted_message(RunStore(settings_of(copy)))
        if said is None or "repair" not in said:
            problems.append("an empty home was shown without a word")
        listed = command(copy, "runs")
        if "repair" not in listed.stderr:
            problems.append(f"the command line said {listed.stderr!r}")
        done = command(copy, "repair", "--json")
        if done.returncode != 1:
            problems.append(f"repair ended with {done.returncode}: {done.stderr}")
        problems += _wrong_after(copy, whole, repair(settings_of(copy)))
        # The second repair has nothing to say of what the first said.
        problems = [problem for problem in problems if "not said" not in problem]
    yield none_of(
        "an index that was deleted or is empty: said, and repaired", problems, len(contents)
    )


def _killed_repairs(original: Path, whole: Contents, home: Path, rounds: int) -> Result:
    dice = random.Random(5)
    problems: list[str] = []
    for number in range(rounds):
        copy = _copy(original, home)
        if number % 2:
            with (copy / "runs.sqlite3").open("r+b") as file:
                file.write(bytes(100))
        else:
            (copy / "runs.sqlite3").unlink()
        process = started(copy, "repair")
        time.sleep(dice.uniform(0.5, 3))
        process.send_signal(signal.SIGKILL)
        process.wait()
        try:
            repair(settings_of(copy))
        except CifarvizError as error:
            problems.append(str(error))
            continue
        store = RunStore(settings_of(copy))
        if any(facts(store, run)["epochs"] != was["epochs"] for run, was in whole.runs.items()):
            problems.append("a history is not there")
        if list(copy.glob(".*.part")):
            problems.append("something was left half written")
    return none_of("a repair that is killed is done by the next", problems, rounds)


def _other_versions(original: Path, home: Path) -> Result:
    problems = []
    copy = _copy(original, home)
    with closing(sqlite3.connect(copy / "runs.sqlite3")) as connection:
        connection.execute("PRAGMA user_version = 99")
    for attempt in (lambda: RunStore(settings_of(copy)), lambda: repair(settings_of(copy))):
        try:
            attempt()
            problems.append("a later version was not refused")
        except UnknownFormat:
            pass
    older = home / "older"
    shutil.copytree(_OLDER, older)
    if not RunStore(settings_of(older)).all() or repair(settings_of(older)).damage is not None:
        problems.append("an earlier version was not brought up to date")
    shutil.rmtree(older)
    shutil.copytree(_OLDER, older)
    with (older / "runs.sqlite3").open("r+b") as file:
        file.write(bytes(100))
    if not repair(settings_of(older)).runs:
        problems.append("a damaged index of an earlier version was not salvaged")
    return none_of("an index of a later version is refused, of an earlier one read", problems, 4)


# The files of runs


def _spoiled_artifacts(original: Path, home: Path) -> Result:
    problems = []
    tries = 0
    for spoil in ("missing", "cut"):
        copy = _copy(original, home)
        store = RunStore(settings_of(copy))
        first, second = [run.id for run in store.all()][:2]
        for path in store.folder(first).glob("*.npz"):
            if spoil == "missing":
                path.unlink()
            else:
                path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        commands = (("evaluate", first), ("resume", first), ("export", first, "--as", "keras"))
        for words in commands:
            out = ("--out", str(copy / "out")) if words[0] == "export" else ()
            done = command(copy, *words, *out)
            tries += 1
            if not says_in_words(done):
                problems.append(f"{spoil}: {words[0]} {done.returncode} {done.stderr[-300:]}")
        tries += 2
        if command(copy, "evaluate", second).returncode != 0:
            problems.append(f"{spoil}: another run cannot be evaluated")
        if first not in " ".join(repair(settings_of(copy)).problems):
            problems.append(f"{spoil}: the repair does not name it")
    return none_of("artifacts that are missing or cut: said, the others work", problems, tries)


def _spoiled_folders(original: Path, home: Path) -> Result:
    """List runs again of which one has a ``run.json`` that is cut or garbled at any place."""
    dice = random.Random(3)
    problems = []
    tries = 12
    for number in range(tries):
        copy = _copy(original, home)
        store = RunStore(settings_of(copy))
        run_id = store.all()[0].id
        path = run_json_path(store.folder(run_id))
        content = path.read_bytes()
        if number % 2:
            path.write_bytes(content[: dice.randrange(len(content) - 1)])
        else:
            at = dice.randrange(len(content))
            path.write_bytes(content[:at] + dice.randbytes(40) + content[at + 40 :])
        for index in copy.glob("runs.sqlite3*"):
            index.unlink()
        report = repair(settings_of(copy))
        named = {folder.name for folder in report.not_relisted or {}}
        if len(report.relisted) + len(named) != _RUNS or not named <= {run_id}:
            problems.append(f"{len(report.relisted)} listed, {named} named")
    return none_of(
        "a run.json that is cut or garbled: named, the others are listed", problems, tries
    )


# The home


def _read_only(original: Path, home: Path) -> Result:
    copy = _copy(original, home)
    run_id = RunStore(settings_of(copy)).all()[0].id
    out = home / "out"
    shown: tuple[tuple[str, ...], ...] = (
        ("runs", "--json"),
        ("evaluate", run_id),
        ("export", run_id, "--as", "report", "--out", str(out / "report.html")),
        ("feature-maps", run_id, "--image", "1", "--out", str(out / "maps")),
        ("backup", str(out / "backup.zip")),
        ("tune", "list"),
        ("data", "list"),
    )
    refused: tuple[tuple[str, ...], ...] = (
        ("train", "cifar10-starter", "--epochs", "1"),
        ("runs", "delete", run_id),
        ("resume", run_id),
        ("repair",),
        ("data", "delete", "noise"),
    )
    out.mkdir(exist_ok=True)
    before = {path: path.stat().st_mtime_ns for path in copy.rglob("*")}
    problems = []
    with read_only(copy):
        for words in shown:
            done = command(copy, *words, before_exec=drop_privileges)
            if done.returncode != 0:
                problems.append(f"{words[0]}: {done.stderr[-300:]}")
        for words in refused:
            done = command(copy, *words, before_exec=drop_privileges)
            if not says_in_words(done):
                problems.append(f"{words[0]} was not refused in words: {done.stderr[-300:]}")
    if {path: path.stat().st_mtime_ns for path in copy.rglob("*")} != before:
        problems.append("something was written")
    return none_of(
        "a home that may only be read: shown, writing refused in words",
        problems,
        len(shown + refused),
    )


def _clock_set_back(home: Path) -> Result:
    """Train while the clock of this process is set back by an hour, and after that."""
    real = time.time
    folder = home / "clock"
    problems = []
    worker = Worker(settings_of(folder), "command line")
    try:
        first = worker.submit(small_experiment(6), "set back")
        wait_for(lambda: worker.store.epochs(first.id), "the first epoch")
        time.time = lambda: real() - 3600
        second = worker.submit(small_experiment(1), "after it")
        for run_id in (first.id, second.id):
            ended = worker.wait(run_id, 300)
            if ended.state is not RunState.FINISHED or ended.damage is not None:
                problems.append(f"{ended.name} is {ended.state}: {ended.message} {ended.damage}")
            if (ended.ended or 0) < (ended.started or 0) or ended.seconds < 0:
                problems.append(f"{ended.name} ended before it began")
        if worker.store.queue() or worker.store.active():
            problems.append("something stays in the queue")
        for path in folder.glob("runs.sqlite3*"):
            path.unlink()
        if len(repair(settings_of(folder)).relisted) != 2:
            problems.append("runs of the future are not listed again")
    finally:
        time.time = real
    return none_of("the clock set back by an hour while a run trains", problems, 2)


def _moved(original: Path, whole: Contents, home: Path) -> Result:
    moved = home / "another place" / "home of mine"
    moved.parent.mkdir()
    shutil.copytree(original, moved)
    problems = []
    if Contents.of(RunStore(settings_of(moved))) != whole:
        problems.append("it holds something else")
    if not repair(settings_of(moved)).is_whole:
        problems.append("something is lost")
    path = os.fsencode(original)
    files = [item for item in moved.rglob("*") if item.is_file()]
    problems += [f"{item} names the old place" for item in files if path in item.read_bytes()]
    return none_of("a home on another path is the same", problems, len(files))
