"""The scripts of the bars, and the table of what they measured."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.reliability import run_bar, soak
from benchmarks.reliability.check import Check, at_least, at_most, none_of, p95_at_most
from benchmarks.reliability.home_files import unreadable_files
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings


def test_a_limit_is_met_up_to_its_value_and_not_beyond() -> None:
    assert [at_most(2, "x", value, 5, "s").met for value in (5.0, 5.01)] == [True, False]
    assert [at_least(3, "x", value, 0.85).met for value in (0.85, 0.84)] == [True, False]
    assert [none_of(1, "x", problems, 3).met for problems in ([], ["one"])] == [True, False]
    # Nineteen of twenty may not be enough: the percentile lies between two of them.
    assert not p95_at_most(4, "x", [0.1] * 19 + [9], 0.5, "s").met
    assert not p95_at_most(4, "x", [], 0.5, "s").met


def test_a_bar_that_gives_words_becomes_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    class Bar:
        @staticmethod
        def run(home: Path, rounds: int = 2) -> list[tuple[str, bool, str]]:
            return [("a bomb", home.is_dir(), f"refused {rounds} times")]

    monkeypatch.setattr(run_bar.importlib, "import_module", lambda name: Bar)
    assert run_bar.run_bar("bar_05_pictures") == [
        Check(5, "a bomb", "refused 2 times", "as promised", True)
    ]


def test_a_bar_is_run_in_a_process_of_its_own(tmp_path: Path) -> None:
    results = tmp_path / "results.json"
    command = [sys.executable, "-m", "benchmarks.reliability.run_bar", "bar_98_ends", str(results)]
    script = tmp_path / "benchmarks" / "reliability" / "bar_98_ends.py"
    for name in ("__init__.py", "check.py", "run_bar.py"):
        copy = script.with_name(name)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text((Path(soak.__file__).with_name(name)).read_text())
    script.write_text(
        "from benchmarks.reliability.check import Check\n"
        "def run():\n    return [Check(98, 'x', '1 s', '≤ 2 s', True)]\n"
    )
    subprocess.run(command, cwd=tmp_path, check=True)
    assert [Check(**one) for one in json.loads(results.read_text())] == [
        Check(98, "x", "1 s", "≤ 2 s", True)
    ]


def test_the_table_names_what_is_not_met() -> None:
    checks = [vars(Check(8, "a|b", "1 of 7", "0", False))]
    assert soak.table([{"date": "2026-11-30", "checks": checks}]).splitlines()[-1] == (
        "| 8 | a\\|b | 1 of 7 | 0 | **no** | 2026-11-30 |"
    )


def test_files_that_cannot_be_read_are_found(settings: Settings) -> None:
    RunStore(settings)
    folder = settings.runs / "0123abcd"
    folder.mkdir(parents=True)
    assert unreadable_files(settings.home) == []
    (folder / "checkpoint-last.npz").write_bytes(b"PK\x03\x04 cut")
    (folder / "run.json").write_text('{"name": ')
    (folder / ".run.json.12.part").write_text("{}")
    found = unreadable_files(settings.home)
    assert len(found) == 3
    assert all("0123abcd" in problem for problem in found)
