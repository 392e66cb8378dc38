"""Programs measured in turns, so that a busy or warm machine treats them alike.

Each is a process of its own that says "ready", then answers each line on its standard input with
numbers; while one works, the others wait.
"""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
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


class Process:
    """A contender at work; use it in a ``with`` statement."""

    def __init__(self, contender: Contender) -> None:
        self._name = contender.name
        self._process = subprocess.Popen(
            [sys.executable, "-m", contender.module, *contender.arguments],
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **dict(contender.environment)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def wait_until_ready(self) -> None:
        if self._line() != "ready":
            raise SystemExit(f"{self._name} did not get ready.")

    def ask(self, line: str = "go") -> tuple[float, ...]:
        """Let it work once; the numbers it answers with."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        return tuple(float(word) for word in self._line().split())

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        if not line:
            raise SystemExit(f"{self._name} ended early with code {self._process.wait()}.")
        return line


def measure(contenders: Sequence[Contender], rounds: int) -> Mapping[str, Spread]:
    """Let each work once a round, in turns; give all numbers by name."""
    with ExitStack() as stack:
        processes = {one.name: stack.enter_context(Process(one)) for one in contenders}
        for process in processes.values():
            process.wait_until_ready()
        found: dict[str, list[float]] = {name: [] for name in processes}
        for _ in range(rounds):
            for name, process in processes.items():
                found[name] += process.ask()
    return {name: Spread(tuple(values)) for name, values in found.items()}
