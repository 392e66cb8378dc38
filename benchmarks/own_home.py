"""A worker for benchmarks: a home of its own, which is gone afterwards, and the user's own data."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from cifarviz.executors.worker import Worker
from cifarviz.settings import Settings


@contextmanager
def worker_in_own_home(**changes: Any) -> Iterator[Worker]:
    """Give a worker whose runs leave nothing behind; it reads the data sets that were fetched.

    ``changes`` are those to its settings.
    """
    own = Settings.from_environment()
    with tempfile.TemporaryDirectory(prefix="cifarviz-bench-") as folder:
        home = Path(folder)
        (home / "data").symlink_to(own.datasets)
        yield Worker(replace(own, home=home, **changes), "command line")
