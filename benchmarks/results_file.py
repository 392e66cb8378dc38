"""Write a benchmark's results to a committed file, with date, machine and versions."""

import json
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cifarviz.processor import machine_name

_FOLDER = Path(__file__).parent / "results"
_PACKAGES = ("tensorflow", "keras", "numpy", "streamlit")


def write_results(name: str, command: str, content: Mapping[str, Any]) -> None:
    """Write ``results/NAME.json``; ``command`` repeats the measurement."""
    facts = {
        "command": command,
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine_name(),
        "versions": {
            "python": platform.python_version(),
            **{package: version(package) for package in _PACKAGES},
        },
    }
    _FOLDER.mkdir(exist_ok=True)
    (_FOLDER / f"{name}.json").write_text(json.dumps({**facts, **content}, indent=1) + "\n")
