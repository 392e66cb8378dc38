"""Names are printed literally, and an unusable path is refused in one line."""

import ast
import json
import os
from pathlib import Path

import pytest
from PIL import Image

from cifarviz.runs.records import Run
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from scripts.app_server import ROOT
from tests import stored_runs
from tests.cli.conftest import Call
from tests.hostile_names import HOSTILE

LONG = "a" * 300


@pytest.fixture
def run(settings: Settings) -> Run:
    experiment = stored_runs.experiment()
    weights = stored_runs.weights(experiment)
    return stored_runs.store_run(RunStore(settings), experiment, checkpoints={"last": weights})


def test_names_of_runs_are_printed_literally(call: Call, settings: Settings) -> None:
    store = RunStore(settings)
    experiment = stored_runs.experiment()
    for name in HOSTILE:
        stored_runs.store_run(store, experiment, name=name, epochs=0)
    listed = call("runs")
    assert listed.code == 0, listed.err
    lines = listed.out.splitlines()
    assert len(lines) == 1 + len(HOSTILE)
    assert all(any(name in line for line in lines) for name in HOSTILE)
    assert {run["name"] for run in call("runs", "--json").json} == set(HOSTILE)


def test_control_characters_in_old_names_are_escaped(call: Call, settings: Settings) -> None:
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


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_any_file_name_is_accepted_and_printed_literally(
    call: Call,
    run: Run,
    tmp_path: Path,
    arguments: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    names = ["d[", ":cat:.png", "[red]x.png", "caf\udce9.png", "a\nb.png", "\x1b[31m.png"]
    for name in names:
        Image.new("RGB", (32, 32)).save(os.fsencode(name).decode("utf-8", "surrogateescape"), "PNG")
    (tmp_path / "folder").mkdir()
    result = call("predict", run.id, *names, "d[/x].png", "folder", LONG, *arguments)
    assert result.code == 2
    assert result.err == ""
    result.out.encode()
    if arguments:
        predictions = json.loads(result.out)
        assert [item["file"] for item in predictions[:6]] == names
        assert ["error" in item for item in predictions] == [False] * 6 + [True] * 3
    else:
        printed = [
            "d[",
            ":cat:.png",
            "[red]x.png",
            r"caf\xe9.png",
            r"a\nb.png",
            r"\x1b[31m.png",
        ]
        lines = result.out.splitlines()
        assert [line.split("  ")[0] for line in lines[1:7]] == printed
        assert "d[/x].png cannot be opened" in result.out


@pytest.mark.parametrize(
    "arguments",
    [
        ("export", "RUN", "--as", "script", "--out"),
        ("export", "RUN", "--as", "report", "--out"),
        ("feature-maps", "RUN", "--image", "1", "--out"),
        ("feature-maps", "RUN", "--out", "maps", "--image"),
        ("reproduce", "cifar10-starter", "--out"),
        ("import",),
        ("data", "fetch", "cifar10", "--from"),
    ],
    ids=lambda arguments: f"{arguments[0]} {arguments[-1]}",
)
@pytest.mark.parametrize("path", [LONG, f"{LONG}/x", "", "a\0b", "file/x", "file"])
def test_an_unusable_path_is_refused_in_one_line(
    call: Call,
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    path: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("text")
    if arguments[0] == "reproduce" and path == "file":
        path = "file.json"  # an existing file is a valid page
    filled = [run.id if word == "RUN" else word for word in arguments]
    if "script" in arguments or "report" in arguments:
        ending = ".py" if "script" in arguments else ".html"
        path = f"{path}{ending}" if path not in ("", "file") else path
    result = call(*filled, path)
    assert result.code == (1 if arguments[0] == "data" and path.startswith("file") else 2), (
        result.err
    )
    assert result.out == ""
    assert len(result.err.strip().splitlines()) == 1
    assert "Traceback" not in result.err


@pytest.mark.parametrize(
    "arguments", [("[/x]",), ("data", ":cat:"), ("runs", "[/x]"), ("train", "[/x]")]
)
def test_a_wrong_argument_is_quoted_literally(call: Call, arguments: tuple[str, ...]) -> None:
    result = call(*arguments)
    assert result.code == 2
    assert arguments[-1] in result.err


def test_without_a_command_the_help_is_printed(call: Call) -> None:
    result = call("data")
    assert result.code == 2
    assert result.err.startswith("Usage: ")
    assert len(result.err.splitlines()) > 8


def test_only_output_py_prints() -> None:
    for path in (ROOT / "cifarviz" / "cli").glob("*.py"):
        if path.name == "output.py":
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom | ast.Import):
                names = [getattr(node, "module", None) or "", *(alias.name for alias in node.names)]
                assert not any(name.split(".")[0] == "rich" for name in names), path
            if isinstance(node, ast.Call):
                assert ast.unparse(node.func) not in ("print", "typer.echo", "typer.secho"), path
