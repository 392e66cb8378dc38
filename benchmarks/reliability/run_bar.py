"""Run the script of one bar, in a process of its own; ``soak.py`` does so for each.

python -m benchmarks.reliability.run_bar bar_02_signals [RESULTS.json]
"""

import importlib
import inspect
import json
import re
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from benchmarks.reliability.check import Check, print_checks

_TEMPORARY = re.compile(rf"{re.escape(tempfile.gettempdir())}[^\s”,;:]*")


def run_bar(name: str) -> list[Check]:
    """Run a bar's script in this process, with a temporary folder where it asks for ``home``."""
    module = importlib.import_module(f"benchmarks.reliability.{name}")
    run: Callable[..., Iterable[Any]] = module.run
    with tempfile.TemporaryDirectory(prefix="cifarviz-soak-", ignore_cleanup_errors=True) as folder:
        options = {"home": Path(folder)} if "home" in inspect.signature(run).parameters else {}
        results = list(run(**options))
    # A bar without limits to name gives what it did, whether that is as promised, and words.
    number = int(name.split("_")[1])
    checks = [
        one if isinstance(one, Check) else Check(number, one[0], one[2], "as promised", one[1])
        for one in results
    ]
    # Results are kept; where temporary folders were on this computer is nobody's concern.
    return [replace(one, value=_TEMPORARY.sub("…", one.value)) for one in checks]


def main() -> None:
    """Run a bar, print its checks, and write them to a file if one is named."""
    checks = run_bar(sys.argv[1])
    print_checks(checks)
    if len(sys.argv) > 2:
        Path(sys.argv[2]).write_text(json.dumps([asdict(check) for check in checks]))


if __name__ == "__main__":
    main()
