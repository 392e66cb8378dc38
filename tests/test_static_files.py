"""Plotly's script is copied to the static folder of the server."""

from pathlib import Path

from cifarviz.static_files import PLOTLY_SCRIPT, is_intact, provide


def test_the_script_is_copied_only_if_missing(tmp_path: Path) -> None:
    script = provide(tmp_path / "static")
    assert script.name == PLOTLY_SCRIPT
    assert is_intact(script)
    first = script.stat()
    assert provide(tmp_path / "static").stat().st_mtime_ns == first.st_mtime_ns
    assert [p.name for p in script.parent.iterdir()] == [PLOTLY_SCRIPT]


def test_an_incomplete_copy_is_replaced_and_an_old_version_removed(tmp_path: Path) -> None:
    (tmp_path / PLOTLY_SCRIPT).write_bytes(b"cut off")
    (tmp_path / "plotly-0.0.1.min.js").write_bytes(b"old")
    script = provide(tmp_path)
    assert is_intact(script)
    assert list(tmp_path.iterdir()) == [script]
