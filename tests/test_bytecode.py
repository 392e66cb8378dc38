"""Packages without bytecode are compiled once after the installation."""

import subprocess
import sys
from pathlib import Path

import filelock
import pytest

from cifarviz.bytecode import MARK, compile_missing


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the packages of an environment in which this process seems to run."""
    prefix = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", prefix], check=True)
    [site] = prefix.glob("lib/python*/site-packages")
    (site / "own.py").write_text("x = 1\n")
    (site / "broken.py").write_text("no Python at all\n")
    (site / "filelock").symlink_to(Path(filelock.__file__).parent)
    monkeypatch.setattr(sys, "executable", str(prefix / "bin" / "python"))
    monkeypatch.setattr(sys, "prefix", str(prefix))
    return site


def _compiled(packages: Path) -> set[str]:
    return {path.name.split(".")[0] for path in (packages / "__pycache__").glob("*.pyc")}


def test_a_marked_environment_is_compiled_once(packages: Path) -> None:
    compile_missing()
    assert _compiled(packages) == set()
    mark = Path(sys.prefix, MARK)
    mark.touch()
    compile_missing()
    assert _compiled(packages) == {"own"}
    assert not mark.exists()


def test_two_processes_do_not_compile_at_once(packages: Path) -> None:
    mark = Path(sys.prefix, MARK)
    mark.touch()
    with filelock.FileLock(f"{mark}.lock"):
        compile_missing()
    assert _compiled(packages) == set()
    assert mark.exists()
