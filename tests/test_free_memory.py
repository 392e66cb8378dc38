"""Free memory is that of the computer, or of the container if that has less."""

import os
from pathlib import Path

import pytest

from cifarviz import free_memory


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A computer with 8 GB free, and a container without a limit."""
    (tmp_path / "meminfo").write_text("MemTotal: 16000000 kB\nMemAvailable:    8000000 kB\n")
    (tmp_path / "max").write_text("max\n")
    (tmp_path / "current").write_text("500000000\n")
    (tmp_path / "stat").write_text("anon 400000000\ninactive_file 100000000\n")
    monkeypatch.setattr(free_memory, "_MEMINFO", tmp_path / "meminfo")
    names = tuple(str(tmp_path / name) for name in ("max", "current", "stat"))
    monkeypatch.setattr(free_memory, "_CONTAINERS", (names,))
    return tmp_path


def test_without_a_limit_it_is_the_computers(files: Path) -> None:
    assert free_memory.available_bytes() == 8_192_000_000


def test_the_limit_of_a_container_counts_and_droppable_files_do_not(files: Path) -> None:
    (files / "max").write_text("2000000000\n")
    assert free_memory.available_bytes() == 1_600_000_000
    (files / "current").write_text("2500000000\n")
    assert free_memory.available_bytes() == 0


def test_where_nothing_is_known_there_is_no_figure(files: Path) -> None:
    (files / "meminfo").unlink()
    assert free_memory.available_bytes() is None
    assert free_memory.used_bytes(0) is None


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux tells it")
def test_a_process_has_its_resident_memory() -> None:
    used = free_memory.used_bytes(os.getpid())
    assert used is not None
    assert 10_000_000 < used < 10_000_000_000
