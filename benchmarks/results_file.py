"""Write a benchmark's results to a committed file, with date, machine and versions.

Each kind of processor has a folder, so that figures of one that is not at hand are kept.
"""

import json
import os
import platform
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cifarviz.processor import instruction_set, machine_name

_FOLDER = Path(__file__).parent / "results"
_PACKAGES = ("tensorflow", "keras", "numpy", "streamlit")


def kind_of_processor() -> str:
    """Return the instruction set, and what oneDNN is limited to: ``AMX``, ``AMX as AVX2``."""
    limit = os.environ.get("ONEDNN_MAX_CPU_ISA", "")
    return f"{instruction_set()} as {limit}" if limit else instruction_set()


def results_folder() -> Path:
    """Return the folder of this kind of processor's results."""
    words = kind_of_processor().lower().replace("avx-", "avx").replace("bfloat16", "bf16")
    return _FOLDER / re.sub(r"\W+(with\W+)?", "_", words)


def write_results(name: str, command: str, content: Mapping[str, Any]) -> None:
    """Write ``results/KIND/NAME.json``; ``command`` repeats the measurement."""
    facts = {
        "command": command,
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine_name(),
        "instruction_set": kind_of_processor(),
        "versions": {
            "python": platform.python_version(),
            **{package: version(package) for package in _PACKAGES},
        },
    }
    folder = results_folder()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps({**facts, **content}, indent=1) + "\n")
