"""Measure programs alternately, so that load and temperature affect all of them equally.

Each is a process that prints "ready" and then, for each line on its standard input, prints numbers;
while one works, the others wait.
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
    """A module to run, or a file by another Python, its arguments and environment variables."""

    name: str
    module: str
    arguments: tuple[str, ...]
    environment: tuple[tuple[str, str], ...] = ()
    python: str = ""

    @property
    def command(self) -> list[str]:
        if self.python:
            return [self.python, self.module, *self.arguments]
        return [sys.executable, "-m", self.module, *self.arguments]


@dataclass(frozen=True)
class Spread:
    """Repeated measurements."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return median(self.values)

    def to_dict(self) -> dict[str, Any]:
        return {"median": self.median, "values": list(self.values)}


class Process:
    """A running contender, as a context manager."""

    def __init__(self, contender: Contender) -> None:
        self._name = contender.name
        self._process = subprocess.Popen(
            contender.command,
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
            raise SystemExit(f"{self._name} did not start.")

    def request(self, line: str = "go") -> tuple[float, ...]:
        """Send a line and return the numbers of the reply."""
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
    """Run each contender once per round, alternately; return the numbers by name."""
    with ExitStack() as stack:
        processes = {
            contender.name: stack.enter_context(Process(contender)) for contender in contenders
        }
        for process in processes.values():
            process.wait_until_ready()
        results: dict[str, list[float]] = {name: [] for name in processes}
        for _ in range(rounds):
            for name, process in processes.items():
                results[name] += process.request()
    return {name: Spread(tuple(values)) for name, values in results.items()}
