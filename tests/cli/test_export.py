"""``export`` writes a run as files that need no cifarviz, and never over one that is there."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cifarviz.runs.records import Run
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from tests import stored_runs

Call = Callable[..., Any]

KINDS = {
    "keras": ".keras",
    "weights": ".weights.h5",
    "script": ".py",
    "notebook": ".ipynb",
    "report": ".html",
    "run": ".zip",
}


def test_every_kind_is_written_and_none_is_written_over(
    call: Call, tiny: Any, tmp_path: Path
) -> None:
    for kind, ending in KINDS.items():
        path = tmp_path / f"mine{ending}"
        answer = call("export", tiny["run"], "--as", kind, "--out", path)
        assert answer.code == 0, answer.err
        assert (answer.out, path.name in answer.err) == ("", True)
        before = path.read_bytes()
        again = call("export", tiny["run"], "--as", kind, "--out", path)
        assert again.code == 2
        assert "is there already: choose another name" in again.err
        assert path.read_bytes() == before
    # Keras' own file is an archive with a configuration; the data came once for both kinds of code.
    with zipfile.ZipFile(tmp_path / "mine.keras") as archive:
        assert "config.json" in archive.namelist()
    with np.load(tmp_path / "cifar10-sample.npz") as data:
        assert data["train_images"].shape == (5000, 32, 32, 3)
        assert data["test_labels"].shape == (1000,)
    assert "keras.Sequential(" in (tmp_path / "mine.py").read_text()
    assert json.loads((tmp_path / "mine.ipynb").read_text())["nbformat"] == 4
    assert f"python -m cifarviz export {tiny['run']}" in (tmp_path / "mine.html").read_text()
    assert not list(tmp_path.glob(".*"))
    # The same run comes back from its own file, under another id.
    again = call("import", tmp_path / "mine.zip", "--json").json
    assert again["run"] != tiny["run"]
    facts = [call("evaluate", run, "--json").json for run in (tiny["run"], again["run"])]
    assert facts[0]["confusion"] == facts[1]["confusion"]


def test_the_weights_of_an_epoch_and_a_folder_to_write_to(
    call: Call, tiny: Any, tmp_path: Path
) -> None:
    assert call("export", tiny["run"][:6], "--as", "weights", "--out", tmp_path).code == 0
    ended = tmp_path / f"run-{tiny['run']}.weights.h5"
    first = tmp_path / "0.weights.h5"
    words = ("--as", "weights", "--out", first, "--epoch", 0)
    assert call("export", tiny["run"], *words).code == 0
    assert first.read_bytes() != ended.read_bytes()
    words = ("--as", "keras", "--out", tmp_path / "x.keras", "--epoch", 9)
    answer = call("export", tiny["run"], *words)
    assert answer.code == 2
    assert "has no saved weights of epoch 9. Choose one of epochs 0, 1, 2." in answer.err


def test_a_report_of_the_best_epoch(call: Call, tiny: Any, tmp_path: Path) -> None:
    path = tmp_path / "best.html"
    words = ("--as", "report", "--checkpoint", "best", "--out", path)
    assert call("export", tiny["run"], *words).code == 0
    assert "the weights of its best epoch, " in path.read_text("utf-8")


@pytest.fixture
def stored(settings: Settings) -> Run:
    """A run with curves and no weights, in this test's home."""
    return stored_runs.store_run(RunStore(settings), stored_runs.experiment())


def test_other_data_under_the_same_name_is_kept(call: Call, stored: Run, tmp_path: Path) -> None:
    data = tmp_path / "cifar10-sample.npz"
    data.write_text("my own")
    answer = call("export", stored.id, "--as", "script", "--out", tmp_path / "train.py")
    assert answer.code == 2
    assert "cifar10-sample.npz is there already" in answer.err
    # All or nothing.
    assert data.read_text() == "my own"
    assert not (tmp_path / "train.py").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--as", "report", "--out", "x.pdf"), "The name of a report ends in .html"),
        (("--as", "film", "--out", "x"), "and “film” came"),
        (("--as", "script", "--out", "nowhere/x.py"), "There is no folder nowhere"),
        (("--as", "script", "--out", "x.py", "--epoch", "1"), "--epoch goes with --as keras"),
        (("--as", "run", "--out", "x.zip", "--checkpoint", "best"), "weights or report"),
        (("--as", "report", "--out", "x.html", "--checkpoint", "best"), "has no weights any"),
        (("--as", "keras", "--out", "x.keras", "--epoch", "1", "--checkpoint", "best"), "exclude"),
        (("--as", "keras", "--out", "x.keras"), "has no weights any more"),
        (("--as", "keras", "--out", "x.keras", "--epoch", "1"), "nor of any other"),
        (("--as", "script"), "--out is missing"),
    ],
)
def test_wrong_requests_are_said_in_words(
    call: Call, stored: Run, words: tuple[str, ...], said: str
) -> None:
    answer = call("export", stored.id, *words)
    assert answer.code == 2
    assert said in answer.err


def test_several_runs_make_one_report_and_nothing_else(
    call: Call, stored: Run, settings: Settings, tmp_path: Path
) -> None:
    made = stored_runs.experiment(batch_size=7)
    both = (stored.id, stored_runs.store_run(RunStore(settings), made).id)
    answer = call("export", *both, "--as", "script", "--out", tmp_path / "x.py")
    assert answer.code == 2
    assert "A script is made of one run, and 2 came" in answer.err
    path = tmp_path / "both.html"
    answer = call("export", *both, "--as", "report", "--out", path)
    assert answer.code == 0
    # What is not in it is said.
    assert "has no weights any more" in answer.err
    assert "<h1>2 runs compared</h1>" in path.read_text()


def test_a_run_that_is_not_there(call: Call, tmp_path: Path) -> None:
    answer = call("export", "zzz", "--as", "report", "--out", tmp_path / "x.html")
    assert answer.code == 2
    assert "There is no run “zzz”" in answer.err
