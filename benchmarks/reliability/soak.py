"""Run the bars of docs/reliability.md, each in a process of its own, and say which are met.

    python -m benchmarks.reliability.soak [BAR …] [--write]

Without numbers all are run, in about half an hour on two cores, some two at a time. Exits with 1
if a bar is not met, or did not end within its time. Results go to ``benchmarks/results``;
``--write`` puts the newest into the table of docs/reliability.md.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from benchmarks.reliability.check import Check, print_checks
from benchmarks.reliability.programs import processes_of
from benchmarks.results_file import write_results
from benchmarks.rows import all_kinds, read_results
from benchmarks.table import write_table
from cifarviz.processor import machine_name

_FOLDER = Path(__file__).parent
_PAGE = _FOLDER.parent.parent / "docs" / "reliability.md"
# Bars that run two at a time: what they measure is done, or takes a fraction of what it may.
_PAIRED = frozenset({1, 8, 9, 10, 11, 12, 13, 14})
# Seconds that a bar may take: more means that something hangs.
_LIMITS = {1: 900, 3: 600, 7: 900, 8: 600}
_LIMIT = 420
# A bar with more checks, all of them met, is one row of the table.
_MOST_ROWS = 12


def main() -> None:
    """Run the bars, print and write what they measured."""
    parser = argparse.ArgumentParser(description="Run the bars of docs/reliability.md.")
    scripts = find_scripts()
    parser.add_argument("bars", nargs="*", type=int, metavar="BAR", choices=[*scripts, []])
    parser.add_argument("--write", action="store_true", help="write the table of the page")
    arguments = parser.parse_args()
    chosen = {number: scripts[number] for number in arguments.bars or scripts}
    print(f"{machine_name()}; bars {', '.join(map(str, chosen))}", flush=True)
    paired = [one for one in chosen.items() if one[0] in _PAIRED]
    alone = [one for one in chosen.items() if one[0] not in _PAIRED]
    with ThreadPoolExecutor(2) as pool:
        found = [*pool.map(_run, paired), *map(_run, alone)]
    checks = [check for of_bar in found for check in of_bar]
    unmet = [check for check in checks if not check.met]
    print(f"{len(checks) - len(unmet)} of {len(checks)} met")
    print_checks(unmet)
    if arguments.write:
        write_table(_PAGE, "bars", table(newest_results()))
    sys.exit(1 if unmet else 0)


def find_scripts() -> Mapping[int, str]:
    """Return the modules of the bars by their numbers, in order."""
    names = sorted(path.stem for path in _FOLDER.glob("bar_*.py"))
    return {int(name.split("_")[1]): name for name in names}


def _run(bar: tuple[int, str]) -> list[Check]:
    number, name = bar
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="cifarviz-soak-", ignore_cleanup_errors=True) as folder:
        results = Path(folder) / "results.json"
        command = [sys.executable, "-m", "benchmarks.reliability.run_bar", name, str(results)]
        # All homes are then in this folder.
        process = subprocess.Popen(
            command, start_new_session=True, env={**os.environ, "TMPDIR": folder}
        )
        limit = _LIMITS.get(number, _LIMIT)
        try:
            problem = f"ended with exit code {process.wait(limit)}"
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            problem = f"did not end within {limit} s"
        for pid in processes_of(Path(folder)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if results.exists():
            checks = [Check(**one) for one in json.loads(results.read_text())]
        else:
            checks = [Check(number, f"{name} itself", problem, "measured", False)]
            print_checks(checks)
    seconds = time.monotonic() - began
    print(f"bar {number}: {seconds:.0f} s", flush=True)
    write_results(
        f"reliability-{number:02}",
        f"python -m benchmarks.reliability.soak {number}",
        {"seconds": round(seconds), "checks": [asdict(check) for check in checks]},
    )
    return checks


def newest_results() -> list[Mapping[str, object]]:
    """Return the newest results of each bar, on any kind of processor."""
    newest: dict[int, Mapping[str, object]] = {}
    for kind in all_kinds():
        for number in find_scripts():
            results = read_results(kind, f"reliability-{number:02}")
            known = newest.get(number)
            if results and (known is None or str(results["date"]) > str(known["date"])):
                newest[number] = results
    return [newest[number] for number in sorted(newest)]


def table(results: Sequence[Mapping[str, object]]) -> str:
    """Return the table of the page."""
    lines = ["| bar | what was done | measured | limit | met | date |", "|---|---|---|---|---|---|"]
    for one in results:
        checks = [Check(**stored) for stored in one["checks"]]  # type: ignore[attr-defined]
        if len(checks) > _MOST_ROWS and all(check.met for check in checks):
            count = f"{len(checks)} of {len(checks)}"
            checks = [Check(checks[0].bar, "all that it tries", count, checks[0].limit, True)]
        for check in checks:
            cells = (
                str(check.bar),
                *(text.replace("|", "\\|") for text in (check.what, check.value, check.limit)),
                "yes" if check.met else "**no**",
                str(one["date"]),
            )
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
