"""Bar 14: a backup while a run trains, restored elsewhere: all is there, consistent."""

import random
import resource
import shutil
import signal
import time
import zipfile
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.reliability.whole_homes import (
    Contents,
    Result,
    command,
    facts,
    fill,
    none_of,
    says_in_words,
    settings_of,
    started,
    wait_for,
    weights_equal,
)
from cifarviz.data import library
from cifarviz.errors import CifarvizError
from cifarviz.runs.artifacts import checkpoint_path, load_facts
from cifarviz.runs.restore import restore
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore

_RUNS = 3
_TRAIN = ("train", "cifar10-starter", "--data", "sample", "--train-images", "256")
_SECRETS = {"token": "cluster/token", "measured": "processor.json", "key": "cookie.key"}


def run(home: Path, rounds: int = 6) -> list[Result]:
    """Back up a home while a run trains, restore each backup, and return what came of it."""
    original = home / "original"
    store = fill(original, _RUNS)
    for name in _SECRETS.values():
        path = original / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("not to be copied")
    whole = Contents.of(store)
    return [
        _everything(original, whole, home),
        *_while_training(original, whole, home, rounds),
        _killed(original, whole, home, max(3, rounds)),
        _full_disk(original, home),
    ]


def _everything(original: Path, whole: Contents, home: Path) -> Result:
    problems = []
    path, other = home / "all.zip", home / "elsewhere"
    made = command(original, "backup", str(path), "--json")
    done = command(other, "restore", str(path), "--json")
    if made.returncode or done.returncode:
        problems.append(f"{made.stderr} {done.stderr}")
    elif Contents.of(RunStore(settings_of(other))) != whole:
        problems.append("the copy holds something else")
    elif not (_pictures(original) == _pictures(other)).all():
        problems.append("the pictures of the data set differ")
    content = path.read_bytes() if path.exists() else b""
    if b"not to be copied" in content:
        problems.append("a secret is in it")
    return none_of("a home with runs, series, a study, pins and pictures comes back", problems, 1)


def _pictures(home: Path) -> np.ndarray:
    return library.load("noise", "full", settings_of(home)).train.images


def _while_training(original: Path, whole: Contents, home: Path, rounds: int) -> list[Result]:
    """Make backups at random moments of a run's training, and take each to the run's end."""
    dice = random.Random(14)
    store = RunStore(settings_of(original))
    epochs = 12 * rounds
    inconsistent, unequal = [], []
    training = started(original, *_TRAIN, "--epochs", str(epochs), "--name", "in training")
    try:
        wait_for(lambda: _begun(store, whole), "the first epoch")
        run_id = next(run.id for run in store.all() if run.id not in whole.runs)
        copies = []
        for number in range(rounds):
            time.sleep(dice.uniform(0, 0.5))
            path = home / f"backup-{number}.zip"
            made = command(original, "backup", str(path))
            if made.returncode:
                inconsistent.append(made.stderr)
                continue
            copies.append((path, store.get(run_id).state))
    finally:
        training.wait()
    if store.get(run_id).state is not RunState.FINISHED:
        inconsistent.append(f"the original is {store.get(run_id).state}")
    for path, state in copies:
        other = home / f"restored-{path.stem}"
        command(other, "restore", str(path))
        restored = RunStore(settings_of(other))
        inconsistent += [f"{path.stem}: {problem}" for problem in _wrong(restored, run_id, whole)]
        if state.active and restored.get(run_id).state is RunState.INTERRUPTED:
            command(other, "resume", run_id)
        same = facts(restored, run_id) == facts(store, run_id)
        if not same or not weights_equal(restored, store, run_id):
            unequal.append(f"{path.stem} ends as {restored.get(run_id).state}")
    active = sum(state.active for _, state in copies)
    return [
        none_of(
            "a backup while a run trains: every record and file of one moment", inconsistent, rounds
        ),
        none_of("… resumed, its run ends equal: history, points, weights", unequal, len(copies)),
        ("… made while the run trained", active >= rounds / 2, f"{active} of {rounds}"),
    ]


def _begun(store: RunStore, whole: Contents) -> bool:
    return any(run.epochs_done for run in store.all() if run.id not in whole.runs)


def _wrong(restored: RunStore, run_id: str, whole: Contents) -> list[str]:
    problems = []
    found = Contents.of(restored)
    for other, run in whole.runs.items():
        if found.runs.get(other) != run or found.files.get(other) != whole.files[other]:
            problems.append(f"run {other} differs")
    if found.others != whole.others:
        problems.append("series, studies or pins differ")
    copied = restored.get(run_id)
    position = load_facts(checkpoint_path(restored.folder(run_id), "last"))
    if copied.damage is not None or copied.state.active:
        problems.append(f"the run is {copied.state}: {copied.damage}")
    if position.get("epochs_done", 0) > copied.epochs_done:
        problems.append("its checkpoint is ahead of its history")
    return problems


def _killed(original: Path, whole: Contents, home: Path, rounds: int) -> Result:
    """Kill a backup and a restore at random moments; the next must do it."""
    dice = random.Random(9)
    problems = []
    for number in range(rounds):
        path, other = home / f"killed-{number}.zip", home / f"killed-{number}"
        for words, place in ((("backup", str(path)), original), (("restore", str(path)), other)):
            process = started(place, *words)
            time.sleep(dice.uniform(0.5, 3))
            process.send_signal(signal.SIGKILL)
            process.wait()
            if words[0] == "backup":
                if path.exists() and zipfile.ZipFile(path).testzip() is not None:
                    problems.append("half a backup was left")
                path.unlink(missing_ok=True)
                command(original, "backup", str(path))
        try:
            restore(settings_of(other), path)
        except CifarvizError as error:
            problems.append(str(error))
            continue
        found = Contents.of(RunStore(settings_of(other)))
        if any(found.runs.get(run_id) != run for run_id, run in whole.runs.items()):
            problems.append("a run is missing, or differs")
        for place in (original, other):
            RunStore(settings_of(place))
            problems += [f"{left} was left" for left in place.glob(".*.part")]
        shutil.rmtree(other)
        path.unlink()
    return none_of("a backup or a restore that is killed is done by the next", problems, 2 * rounds)


def _full_disk(original: Path, home: Path) -> Result:
    problems = []
    path = home / "whole.zip"
    command(original, "backup", str(path))
    size = path.stat().st_size
    limits = [int(size * share) for share in (0.02, 0.3, 0.99)]
    for limit in limits:
        target, other = home / "full.zip", home / "full"
        made = command(original, "backup", str(target), before_exec=partial(_limit_files, limit))
        if not says_in_words(made) or target.exists():
            problems.append(f"backup of {limit:,} bytes: {made.returncode} {made.stderr[-300:]}")
        problems += [f"{left} was left" for left in (*home.glob(".*"), *original.glob(".*.part"))]
        shutil.rmtree(other, ignore_errors=True)
        # The largest file of a home is smaller than the backup of it.
        done = command(other, "restore", str(path), before_exec=partial(_limit_files, limit // 20))
        if not says_in_words(done):
            problems.append(f"restore with {limit // 20:,}: {done.returncode} {done.stderr[-300:]}")
        with suppress(CifarvizError):
            if RunStore(settings_of(other)).all() or any((other / "runs").glob("*")):
                problems.append("half a restore was left")
    return none_of("a full disk: said in words, nothing is left", problems, 2 * len(limits))


def _limit_files(size: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
