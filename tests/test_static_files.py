"""Plotly's script, put where the server looks for it."""

from pathlib import Path

from cifarviz.static_files import PLOTLY_SCRIPT, is_intact, provide


def test_it_is_copied_whole_and_only_when_missing(tmp_path: Path) -> None:
    script = provide(tmp_path / "static")
    assert script.name == PLOTLY_SCRIPT
    assert is_intact(script)
    first = script.stat()
    assert provide(tmp_path / "static").stat().st_mtime_ns == first.st_mtime_ns
    assert [p.name for p in script.parent.iterdir()] == [PLOTLY_SCRIPT]


def test_a_cut_off_copy_is_replaced_and_an_old_version_removed(tmp_path: Path) -> None:
    (tmp_path / PLOTLY_SCRIPT).write_bytes(b"cut off")
    (tmp_path / "plotly-0.0.1.min.js").write_bytes(b"old")
    script = provide(tmp_path)
    assert is_intact(script)
    assert list(tmp_path.iterdir()) == [script]
