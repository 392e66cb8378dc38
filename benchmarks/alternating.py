"""Programs measured in turns, so that a busy or warm machine treats them alike.

Each is a process of its own that says "ready", then answers each line on its standard input with
one number; while one works, the others wait.
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Contender:
    """A module to run with arguments, and changes to its environment."""

    name: str
    module: str
    arguments: tuple[str, ...]
    environment: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Spread:
    """Several measurements of one thing."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return median(self.values)

    def to_dict(self) -> dict[str, Any]:
        return {"median": self.median, "values": list(self.values)}


def measure(contenders: Sequence[Contender], rounds: int) -> Mapping[str, Spread]:
    """Let each work once a round, in turns; give all numbers by name."""
    processes = {one.name: _start(one) for one in contenders}
    try:
        for name, process in processes.items():
            if _line(name, process) != "ready":
                raise SystemExit(f"{name} did not get ready.")
        found: dict[str, list[float]] = {name: [] for name in processes}
        for _ in range(rounds):
            for name, process in processes.items():
                assert process.stdin is not None
                process.stdin.write("go\n")
                process.stdin.flush()
                found[name].append(float(_line(name, process)))
    finally:
        for process in processes.values():
            process.kill()
            process.communicate()
    return {name: Spread(tuple(values)) for name, values in found.items()}


def _start(contender: Contender) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", contender.module, *contender.arguments],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **dict(contender.environment)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def _line(name: str, process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    if not line:
        raise SystemExit(f"{name} ended early with code {process.wait()}.")
    return line
