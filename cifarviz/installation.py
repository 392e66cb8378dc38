"""Folders of the files that come with the code, in a checkout and in an installed package.

A checkout has ``app.py``, ``pages/``, ``assets/`` and ``.streamlit/`` at its top; a wheel has the
same files in ``cifarviz/_dashboard/``, where ``pyproject.toml`` puts them.
"""

import sys
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_INSTALLED = _PACKAGE / "_dashboard"

IS_INSTALLED = _INSTALLED.is_dir()
"""Whether this is an installed package, whose folder may be read-only."""

DASHBOARD = _INSTALLED if IS_INSTALLED else _PACKAGE.parent
"""The folder that holds ``app.py``, ``pages/``, ``assets/`` and ``.streamlit/``."""

ASSETS = DASHBOARD / "assets"


def program_name() -> str:
    """Return how the command line is called here: ``cifarviz`` or ``python -m cifarviz``."""
    program = Path(sys.argv[0])
    if program.name == "__main__.py":
        return "python -m cifarviz"
    if program.stem == "cifarviz" or IS_INSTALLED:
        return "cifarviz"
    return "python -m cifarviz"
