"""Take screenshots of every page of the app, light and dark: ``make screenshots``.

Networks, a lab duel and an ensemble are first trained on the embedded sample in a home under
``build`` that later calls reuse, and another run trains meanwhile. Screenshots are written to
``build/screenshots``; those in the README and docs also to ``docs/images``.
"""

import itertools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from playwright.sync_api import Browser, sync_playwright

from cifarviz.executors.worker import Worker
from cifarviz.experiment import lab
from cifarviz.experiment.choices import Data
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.presets import PRESETS
from cifarviz.lessons.lesson import open_lesson
from cifarviz.lessons.registry import LESSONS
from cifarviz.runs.recorded import restore_recorded_run
from cifarviz.runs.series import all_series, find_series, series_runs
from cifarviz.runs.states import Action, RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from cifarviz.training.series_queue import queue_lab_experiment
from scripts import chromium
from scripts.app_server import ROOT, AppServer, serve_files
from scripts.class_screenshots import take_class_screenshots

_FOLDER = ROOT / "build" / "screenshots"
_HOME = ROOT / "build" / "screenshots-home"
_DOCS = ROOT / "docs" / "images"
_SIZES = ((1440, 900), (1920, 1080))
_TALL = ((1440, 1140), (1920, 1080))
_PROJECTORS = ((1280, 720), (1920, 1080))
_JUDGED = "Out-of-distribution score"
_SCENES = ("data", "network", "training", "overfitting", "maps", "mistakes", "photo")
_VGG = "train cifar10-vgg --data sample --epochs 20"
_STARTER = "train cifar10-starter --data sample --batch-size 32 --epochs 10"
_MEMBERS = 4
_FASHION = "train fashion-mnist-cnn --data sample"
_RATES = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03)
_BATCH_SIZES = (16, 64)
_LIVE = "train cifar10-vgg --data sample --epochs 200 --seed 1"


@dataclass(frozen=True)
class Shot:
    """A screenshot: file name, address, and whether the docs show it.

    ``awaited``: a text that the page shows once its work in the background is done.
    """

    name: str
    address: str
    in_docs: bool = False
    sizes: tuple[tuple[int, int], ...] = _SIZES
    awaited: str = ""


def main() -> int:
    """Take all screenshots; return the exit code."""
    path = chromium.find()
    if path is None:
        print(f"No screenshots. {chromium.MISSING}", file=sys.stderr)
        return 1
    for folder in (_FOLDER, _HOME, _DOCS):
        folder.mkdir(parents=True, exist_ok=True)
    serve_files()
    vgg = _trained("cifar10-vgg", _VGG)
    lab = _duel()
    members = [_trained("cifar10-starter", _STARTER, seed) for seed in range(_MEMBERS)]
    varied = _varied()
    korean_shots = []
    if chromium.has_korean():
        korean_shots = _korean(_trained("fashion-mnist-cnn", _FASHION))
    else:
        print(f"No screenshots in Korean. {chromium.NO_KOREAN}", file=sys.stderr)
    log = _FOLDER / "server.log"
    log.unlink(missing_ok=True)
    with (
        _training() as live,
        AppServer(ROOT / "app.py", _HOME, log) as server,
        sync_playwright() as playwright,
        playwright.chromium.launch(
            executable_path=path, args=chromium.launch_arguments()
        ) as browser,
    ):
        for shot in _shots(vgg, members, live, lab, varied) + korean_shots:
            for theme in ("light", "dark"):
                for width, height in shot.sizes:
                    picture = _FOLDER / f"{shot.name}-{theme}-{width}.png"
                    _take(browser, server.url, shot, theme, (width, height), picture)
                    print(picture.relative_to(ROOT), flush=True)
                    if shot.in_docs and width == shot.sizes[0][0]:
                        shutil.copy(picture, _DOCS / f"{shot.name}-{theme}.png")
        take_class_screenshots(browser, _FOLDER, _DOCS)
    return 0


def _shots(vgg: str, members: list[str], live: str, lab: str, varied: list[str]) -> list[Shot]:
    recorded = restore_recorded_run(_store()).id
    duel = find_series(_store(), lab).run_ids[0]
    epoch = f"run={recorded}&checkpoint=epochs&epoch=9"
    inside, muted = f"inside?run={recorded}&image=1", "conv2d_2:3,7-12"
    predict = f"predict?run={recorded}&split=test&image=1"
    return [
        Shot("start", ""),
        Shot("data", "data"),
        Shot("lesson", _lesson_step("overfitting", 4), in_docs=True),
        Shot("lesson-maps", _lesson_step("feature-maps", 1)),
        Shot("samples", "samples?seed=777&count=24", in_docs=True),
        Shot("setup", "train?view=setup&preset=cifar10-vgg"),
        Shot("train", f"train?view=watch&run={live}", in_docs=True),
        Shot("trained", f"train?view=watch&run={vgg}"),
        Shot("tune", f"tune?view=runs&runs={','.join(varied)}", in_docs=True, sizes=_TALL),
        Shot("tune-slices", f"tune?view=runs&runs={','.join(varied)}&chart=slices"),
        Shot("runs", f"runs?runs={vgg}"),
        Shot("runs-compared", f"runs?runs={members[0]},{vgg}"),
        Shot("lab", f"lab?series={lab}", in_docs=True),
        Shot("inside", f"inside?run={vgg}&split=test&image=1", in_docs=True),
        Shot("inside-epochs", f"inside?{epoch}&image=1"),
        Shot("inside-compared", f"inside?run={recorded}&with={recorded}&at=1&image=1"),
        Shot("step", f"{inside}&view=step&layer=conv2d_2&channel=3", in_docs=True, sizes=_TALL),
        Shot("mute", f"{inside}&view=mute&layer=conv2d_2&off={muted}", in_docs=True, sizes=_TALL),
        Shot("occlusion", f"{inside}&heat=occlusion"),
        Shot("ideal", f"{inside}&heat=ideal"),
        Shot("weights", f"inside?run={vgg}&view=weights&values=gradients"),
        Shot("channel", f"inside?run={recorded}&image=1&layer=conv2d_2&channel=9", in_docs=True),
        Shot("evaluate", f"evaluate?run={vgg}", in_docs=True),
        Shot("evaluate-epochs", f"evaluate?{epoch}&order=alike"),
        Shot("map", f"evaluate?view=map&run={recorded}&epoch=8", True, _TALL, "Variance shown"),
        Shot("label-doubts", f"evaluate?view=doubts&members={','.join(members)}", sizes=_TALL),
        Shot("ensemble", f"evaluate?view=ensemble&members={','.join(members)}", in_docs=True),
        Shot("predict", predict, awaited=_JUDGED),
        Shot("compare", f"{predict}&view=compare&with={recorded}@8,{recorded}@1", awaited=_JUDGED),
        Shot("break", f"{predict}&view=break&change=rotation", True, _TALL, _JUDGED),
        Shot("push", f"{predict}&view=push", awaited=_JUDGED),
        *_scenes(),
        Shot("present-duel", f"present?scene=duel&run={duel}", sizes=_PROJECTORS),
        Shot("present-runs", "present?choose=1", sizes=_PROJECTORS),
    ]


def _lesson_step(name: str, step: int) -> str:
    lesson = open_lesson(_store(), LESSONS[name])
    address = lesson.address(step) | {"lesson": f"{name}-{step}"}
    return f"{lesson.lesson.steps[step - 1].page}?{urlencode(address)}"


def _scenes() -> list[Shot]:
    """Return the projector scenes of the recorded run; the last with speaker notes."""
    positions = {"training": "&at=20", "maps": "&epoch=30"}
    scenes = [
        Shot(f"present-{name}", f"present?scene={name}{positions.get(name, '')}", sizes=_PROJECTORS)
        for name in _SCENES
    ]
    notes = Shot("present-notes", "present?scene=overfitting&notes=1", sizes=_PROJECTORS)
    return [*scenes, notes]


def _korean(fashion: str) -> list[Shot]:
    return [
        Shot("korean-samples", "samples?dataset=fashion-mnist&count=24&labels=ko"),
        Shot("korean-watch", f"train?view=watch&run={fashion}&labels=ko"),
        Shot("korean-inside", f"inside?run={fashion}&split=test&image=1&labels=ko"),
        Shot("korean-evaluate", f"evaluate?run={fashion}&labels=ko"),
        Shot("korean-predict", f"predict?run={fashion}&split=train&image=12628&labels=ko"),
    ]


def _take(
    browser: Browser, url: str, shot: Shot, theme: str, size: tuple[int, int], picture: Path
) -> None:
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if theme == "dark" else "light",
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(f"{url}/{shot.address}")
    chromium.settle(page)
    if shot.awaited:
        page.get_by_text(shot.awaited).first.wait_for()
        page.get_by_text("Computing").first.wait_for(state="hidden")
        chromium.settle(page)
    page.screenshot(path=picture)
    context.close()


def _trained(preset: str, arguments: str, seed: int = 0) -> str:
    """Return the id of a finished run of a preset and seed; train it if there is none."""
    for run in json.loads(_call("runs --json")):
        # Named after its preset, unlike the runs of ``_varied``.
        if (run["name"], run["seed"], run["state"]) == (preset, seed, "finished"):
            return str(run["run"])
    print(f"Training {preset} on the sample, seed {seed}.", flush=True)
    result: dict[str, Any] = json.loads(_call(f"{arguments} --seed {seed} --json"))
    return str(result["run"])


def _varied() -> list[str]:
    """Return the ids of finished runs that differ in learning rate and batch size; train them."""
    store = _store()
    found = {run.name: run.id for run in store.all() if run.state is RunState.FINISHED}
    worker = Worker(store.settings, "command line")
    base = PRESETS["cifar10-starter"].experiment
    data = Data(variant="sample", train_images=2000)
    ids = []
    for rate, batch_size in itertools.product(_RATES, _BATCH_SIZES):
        name = f"rate {rate}, batch {batch_size}"
        if name not in found:
            print(f"Training {name}.", flush=True)
            optimizer = dict(base.optimizer) | {"learning_rate": rate}
            changes = {"data": data, "optimizer": optimizer, "batch_size": batch_size, "epochs": 4}
            found[name] = worker.submit(Experiment.make(**dict(base) | changes), name).id
            worker.wait(found[name])
        ids.append(found[name])
    return ids


def _duel() -> str:
    """Return the id of a finished lab duel; train the default duel if there is none."""
    store = _store()
    for series in all_series(store, "duel"):
        if all(run.state is RunState.FINISHED for run in series_runs(store, series)):
            return series.id
    print("Training a duel of the lab.", flush=True)
    worker = Worker(store.settings, "command line")
    series = queue_lab_experiment(worker, lab.default_duel(1))
    for run_id in series.run_ids:
        worker.wait(run_id)
    return series.id


def _store() -> RunStore:
    return RunStore(Settings.from_environment(_environment()))


@contextmanager
def _training() -> Iterator[str]:
    """Train a run inside the block; delete it afterwards."""
    process = subprocess.Popen(
        _command(_LIVE), cwd=ROOT, env=_environment(), stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    # The first line is "Run 1a2b3c4d (name)".
    run = process.stderr.readline().decode().split()[1]
    try:
        yield run
    finally:
        # Not by a signal: background processes of a shell may ignore SIGINT.
        store = _store()
        store.request(run, Action.STOP)
        process.communicate()
        store.delete(run)


def _call(arguments: str) -> str:
    result = subprocess.run(
        _command(arguments),
        cwd=ROOT,
        env=_environment(),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return result.stdout


def _command(arguments: str) -> list[str]:
    return [sys.executable, "-m", "cifarviz", *arguments.split()]


def _environment() -> dict[str, str]:
    return {**os.environ, "CIFARVIZ_HOME": str(_HOME)}


if __name__ == "__main__":
    raise SystemExit(main())
