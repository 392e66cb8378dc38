"""Plotly's script as a static file, for the live charts.

Streamlit serves the folder ``static/`` next to ``app.py``. It refuses links that lead out of it,
so the script is copied there from the installed plotly package. Starting the dashboard copies it
before the server runs (``provide_intact``), and ``app.py`` checks again; a copy made while the
server runs is served too.
"""

import filecmp
import os
import tempfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

PLOTLY_SCRIPT = f"plotly-{version('plotly')}.min.js"
"""The file's name in ``static/``; another version of plotly gets another name and address."""


def provide(folder: Path) -> Path:
    """Put Plotly's script into ``folder`` unless it is there; returns its path.

    Raises ``OSError`` when the folder cannot be written to.
    """
    source = _installed_script()
    target = folder / PLOTLY_SCRIPT
    if target.is_file() and target.stat().st_size == source.stat().st_size:
        return target
    folder.mkdir(parents=True, exist_ok=True)
    # Two servers may start at once, and a browser may be reading the file.
    handle, name = tempfile.mkstemp(dir=folder, suffix=".part")
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(source.read_bytes())
        part.chmod(0o644)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    for old in folder.glob("plotly-*.min.js"):
        if old != target:
            old.unlink(missing_ok=True)
    return target


def is_intact(script: Path) -> bool:
    """Whether ``script`` equals the installed plotly package's, byte for byte."""
    return script.is_file() and filecmp.cmp(script, _installed_script(), shallow=False)


def provide_intact(folder: Path) -> Path:
    """Put Plotly's script into ``folder``, replacing a damaged copy; returns its path."""
    script = provide(folder)
    if not is_intact(script):
        script.unlink()
        provide(folder)
    return script


def _installed_script() -> Path:
    # find_spec, not an import: plotly itself isn't needed to copy a file out of it.
    spec = find_spec("plotly")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("The package plotly is not installed.")
    return Path(spec.origin).parent / "package_data" / "plotly.min.js"
