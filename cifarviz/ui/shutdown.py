"""The end of the server: what trains in it is saved, and the process ends within seconds."""

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from cifarviz.ui import cache

# The program that started the server waits for 4.5 seconds in all.
_SAVE_SECONDS = 3.0
_EXIT_SECONDS = 1.0


@asynccontextmanager
async def lifespan(_app: object) -> AsyncIterator[None]:
    """Serve; on SIGTERM and Ctrl-C, once all connections are closed, stop what trains."""
    yield
    await asyncio.to_thread(cache.close_workers, _SAVE_SECONDS)
    threading.Thread(target=_exit, name="cifarviz-exit", daemon=True).start()


def _exit() -> None:
    # The interpreter would wait for pools of threads that may be computing.
    time.sleep(_EXIT_SECONDS)
    os._exit(0)
