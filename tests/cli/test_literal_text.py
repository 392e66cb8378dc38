"""What people chose is printed letter by letter, and a path that cannot be is one line."""

import ast
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from cifarviz.runs.records import Run
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from scripts.app_server import ROOT
from tests import stored_runs
from tests.hostile_names import HOSTILE

Call = Callable[..., Any]
LONG = "a" * 300


@pytest.fixture
def run(settings: Settings) -> Run:
    made = stored_runs.experiment()
    weights = stored_runs.weights(made)
    return stored_runs.store_run(RunStore(settings), made, checkpoints={"last": weights})


def test_names_of_runs_are_listed_letter_by_letter(call: Call, settings: Settings) -> None:
    store = RunStore(settings)
    made = stored_runs.experiment()
    for name in HOSTILE:
        stored_runs.store_run(store, made, name=name, epochs=0)
    listed = call("runs")
    assert listed.code == 0, listed.err
    lines = listed.out.splitlines()
    assert len(lines) == 1 + len(HOSTILE)
    assert all(any(name in line for line in lines) for name in HOSTILE)
    assert {run["name"] for run in call("runs", "--json").json} == set(HOSTILE)


def test_a_name_from_before_there_were_rules_moves_nothing(call: Call, settings: Settings) -> None:
    store = RunStore(settings)
    run = stored_runs.store_run(store, stored_runs.experiment(), epochs=0)
    with store.database.connect(write=True) as connection:
        connection.execute("UPDATE runs SET name = ?", ("\x1b[31mred\u202e\nrow",))
    listed = call("runs").out
    assert r"\x1b[31mred\u202e\nrow" in listed
    assert len(listed.splitlines()) == 2
    refused = call("evaluate", run.id).err
    assert r"\x1b[31mred\u202e\nrow" in refused
    assert "\x1b" not in refused


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_files_may_be_called_anything(
    call: Call, run: Run, tmp_path: Path, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names = ["d[", ":cat:.png", "[red]x.png", "caf\udce9.png", "a\nb.png", "\x1b[31m.png"]
    for name in names:
        Image.new("RGB", (32, 32)).save(os.fsencode(name).decode("utf-8", "surrogateescape"), "PNG")
    (tmp_path / "folder").mkdir()
    answer = call("predict", run.id, *names, "d[/x].png", "folder", LONG, *words)
    assert answer.code == 2
    assert answer.err == ""
    answer.out.encode()
    if words:
        found = json.loads(answer.out)
        assert [one["file"] for one in found[:6]] == names
        assert ["error" in one for one in found] == [False] * 6 + [True] * 3
    else:
        shown = [
            "d[",
            ":cat:.png",
            "[red]x.png",
            r"caf\xe9.png",
            r"a\nb.png",
            r"\x1b[31m.png",
        ]
        lines = answer.out.splitlines()
        assert [line.split("  ")[0] for line in lines[1:7]] == shown
        assert "d[/x].png cannot be opened" in answer.out


@pytest.mark.parametrize(
    "words",
    [
        ("export", "RUN", "--as", "script", "--out"),
        ("export", "RUN", "--as", "report", "--out"),
        ("feature-maps", "RUN", "--image", "1", "--out"),
        ("feature-maps", "RUN", "--out", "maps", "--image"),
        ("reproduce", "cifar10-starter", "--out"),
        ("import",),
        ("data", "fetch", "cifar10", "--from"),
    ],
    ids=lambda words: f"{words[0]} {words[-1]}",
)
@pytest.mark.parametrize("path", [LONG, f"{LONG}/x", "", "a\0b", "file/x", "file"])
def test_a_path_that_cannot_be_is_one_line(
    call: Call,
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    path: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("text")
    if words[0] == "reproduce" and path == "file":
        path = "file.json"  # a page may stand in a file that is there
    given = [run.id if word == "RUN" else word for word in words]
    if "script" in words or "report" in words:
        ending = ".py" if "script" in words else ".html"
        path = f"{path}{ending}" if path not in ("", "file") else path
    answer = call(*given, path)
    assert answer.code == (1 if words[0] == "data" and path.startswith("file") else 2), answer.err
    assert answer.out == ""
    assert len(answer.err.strip().splitlines()) == 1
    assert "Traceback" not in answer.err


@pytest.mark.parametrize(
    "words", [("[/x]",), ("data", ":cat:"), ("runs", "[/x]"), ("train", "[/x]")]
)
def test_a_wrong_word_is_quoted_letter_by_letter(call: Call, words: tuple[str, ...]) -> None:
    answer = call(*words)
    assert answer.code == 2
    assert words[-1] in answer.err


def test_without_a_command_the_help_comes_as_it_is(call: Call) -> None:
    answer = call("data")
    assert answer.code == 2
    assert answer.err.startswith("Usage: ")
    assert len(answer.err.splitlines()) > 8


def test_only_one_file_prints() -> None:
    for path in (ROOT / "cifarviz" / "cli").glob("*.py"):
        if path.name == "output.py":
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom | ast.Import):
                names = [getattr(node, "module", None) or "", *(one.name for one in node.names)]
                assert not any(name.split(".")[0] == "rich" for name in names), path
            if isinstance(node, ast.Call):
                assert ast.unparse(node.func) not in ("print", "typer.echo", "typer.secho"), path
