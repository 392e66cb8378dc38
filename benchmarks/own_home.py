"""A worker for benchmarks: in a temporary home, with the user's data sets."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from cifarviz.executors.worker import Worker
from cifarviz.settings import Settings


@contextmanager
def worker_in_own_home(*, fetched: bool = True, **changes: Any) -> Iterator[Worker]:
    """Yield a worker in a temporary home, which has the user's data sets if ``fetched``.

    ``changes``: changes to its settings.
    """
    own = Settings.from_environment()
    with tempfile.TemporaryDirectory(prefix="cifarviz-bench-") as folder:
        home = Path(folder)
        if fetched:
            (home / "data").symlink_to(own.datasets)
        yield Worker(replace(own, home=home, **changes), "command line")
