"""Bar 5: damaged and hostile pictures, through the decoder and through the page Predict.

python -m benchmarks.reliability.bar_05_pictures [PICTURES [PICTURES_ON_THE_PAGE]]

All are made from one seed, so that a failure can be repeated by its number.
"""

import os
import re
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from unittest import mock

from streamlit.testing.v1 import AppTest

from benchmarks.bench_uploads import HOSTILE_FILES
from benchmarks.reliability.check import Outcome
from cifarviz.data.decoder_process import POOL
from cifarviz.data.uploads import decode
from cifarviz.errors import ImageUnreadable
from cifarviz.free_memory import used_bytes
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from tests import stored_runs
from tests.mutated_files import mutated_files
from tests.pages.predict_page import opened

SEED: Final = 20
MAX_SECONDS: Final = 1.0
MAX_BYTES: Final = 100_000_000
_FILES_AT_ONCE: Final = 10


@dataclass
class _Outcomes:
    """What became of the pictures, and how much more memory this program took at most."""

    decoded: int = 0
    refused: int = 0
    uncaught: list[str] = field(default_factory=list)
    slowest: tuple[float, str] = (0.0, "")
    bytes: int = 0

    def note(self, name: str, seconds: float) -> None:
        self.slowest = max(self.slowest, (seconds, name))

    def add(self, other: "_Outcomes") -> None:
        self.decoded += other.decoded
        self.refused += other.refused
        self.uncaught += other.uncaught
        self.slowest = max(self.slowest, other.slowest)
        self.bytes = max(self.bytes, other.bytes)

    def checks(self, what: str) -> list[Outcome]:
        seconds, name = self.slowest
        first = f", first: {self.uncaught[0]}" if self.uncaught else ""
        return [
            Outcome(
                f"{what}: uncaught errors",
                not self.uncaught,
                f"{len(self.uncaught)} of {self.decoded + self.refused + len(self.uncaught):,}"
                f" ({self.decoded:,} decoded, {self.refused:,} refused){first}",
            ),
            Outcome(f"{what}: the slowest", seconds < MAX_SECONDS, f"{seconds:.2f} s, {name}"),
            Outcome(
                f"{what}: more memory in the program",
                self.bytes < MAX_BYTES,
                f"{self.bytes / 1e6:.0f} MB",
            ),
        ]


def run(pictures: int = 20_000, on_the_page: int = 300) -> list[Outcome]:
    """Return the checks of this bar."""
    checks = _decode(mutated_files(pictures, SEED)).checks("mutated pictures")
    bombs = {"bombs": _Outcomes(), "valid pictures of 49 megapixels": _Outcomes()}
    for name, make in HOSTILE_FILES.items():
        outcomes = _decode([(name, make())])
        is_valid = "49 MP" in name and outcomes.decoded
        bombs["valid pictures of 49 megapixels" if is_valid else "bombs"].add(outcomes)
    for name, outcomes in bombs.items():
        checks += outcomes.checks(name)
    return checks + _predict(on_the_page).checks("mutated pictures on Predict")


def _decode(files: Iterable[tuple[str, bytes]]) -> _Outcomes:
    outcomes = _Outcomes()
    # A new process, so that its start counts for none of them.
    POOL.end()
    _try(_Outcomes(), "start", b"no picture")
    with _measured_growth(outcomes):
        for name, data in files:
            _try(outcomes, name, data)
    return outcomes


def _try(outcomes: _Outcomes, name: str, data: bytes) -> None:
    began = time.perf_counter()
    try:
        decode(data, "x")
        outcomes.decoded += 1
    except ImageUnreadable:
        outcomes.refused += 1
    except Exception as error:
        outcomes.uncaught.append(f"{name}: {error!r}")
    outcomes.note(name, time.perf_counter() - began)


def _predict(count: int) -> _Outcomes:
    """Upload mutated pictures to Predict, some at once; each is shown or named in a sentence."""
    outcomes = _Outcomes()
    files = list(mutated_files(count, SEED + 1))
    with _home_with_run():
        app = opened()
        # What is loaded for the first picture counts for none.
        app.file_uploader[0].set_value([("first.png", b"no picture", "")]).run()
        with _measured_growth(outcomes):
            for start in range(0, count, _FILES_AT_ONCE):
                part = files[start : start + _FILES_AT_ONCE]
                app.file_uploader[0].set_value([(name, data, "") for name, data in part])
                began = time.perf_counter()
                app.run()
                outcomes.note(part[0][0], (time.perf_counter() - began) / len(part))
                refused = len(app.error)
                outcomes.refused += refused
                outcomes.decoded += len(part) - refused
                outcomes.uncaught += [f"{part[0][0]}: {one.message}" for one in app.exception]
                if _counts_on_the_page(app) != len(part):
                    outcomes.uncaught.append(f"{part[0][0]}: not all of them are on the page")
    return outcomes


def _counts_on_the_page(app: AppTest) -> int:
    """Add up the numbers of a heading such as “3 images added, 7 files that cannot be read”."""
    texts = " ".join(header.value for header in app.header)
    return sum(map(int, re.findall(r"(\d+) (?:images? added|files? that)", texts)))


@contextmanager
def _home_with_run() -> Iterator[None]:
    """Use a temporary home with one run, for pages of this process."""
    with tempfile.TemporaryDirectory(prefix="cifarviz-bar-") as folder:
        variables = {"CIFARVIZ_HOME": folder, "CIFARVIZ_WARM_UP": "0"}
        with mock.patch.dict(os.environ, variables):
            experiment = stored_runs.experiment()
            weights = stored_runs.weights(experiment)
            stored_runs.store_run(
                RunStore(Settings.from_environment()), experiment, checkpoints={"last": weights}
            )
            yield


@contextmanager
def _measured_growth(outcomes: _Outcomes) -> Iterator[None]:
    """Measure by how much the memory of this process grows at most (Linux), else in the end."""
    peak = Path("/proc/self/clear_refs")
    if peak.exists():
        # Resets the peak of the resident memory: see man 5 proc.
        peak.write_text("5")
    before = used_bytes(os.getpid()) or 0
    yield
    outcomes.bytes = max(0, (_peak_bytes() or used_bytes(os.getpid()) or 0) - before)


def _peak_bytes() -> int | None:
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    found = run(*map(int, sys.argv[1:]))
    for check in found:
        print(f"{'met ' if check.met else 'MISSED'}  {check.what}: {check.value}")
    sys.exit(not all(check.met for check in found))
