import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from typing import Any

import numpy as np
import pytest

from cifarviz.errors import RunNotFound
from cifarviz.live import hub as hub_module
from cifarviz.live.hub import Hub
from cifarviz.runs.records import BatchPoints, Progress
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from tests import stored_runs


@pytest.fixture
def store(settings: Settings) -> RunStore:
    return RunStore(settings)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "INTERVAL", 0.01)


async def _next(stream: AsyncGenerator[str]) -> dict[str, Any]:
    return dict(json.loads(await asyncio.wait_for(anext(stream), 30)))


class Counter:
    """A function, and how often it was called."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self.calls = 0

    def __call__(self, *arguments: Any) -> Any:
        self.calls += 1
        return self._function(*arguments)


def test_thirty_subscribers_share_one_reader(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = stored_runs.store_run(store, stored_runs.experiment(), state=RunState.RUNNING, epochs=0)
    with store.database.connect(write=True) as connection:
        connection.execute("DELETE FROM batches")

    async def watch() -> None:
        hub = Hub(store)
        feed = hub.run_feed(run.id)
        read, made = Counter(feed.refresh), Counter(feed.message)
        monkeypatch.setattr(feed, "refresh", read)
        monkeypatch.setattr(feed, "message", made)
        streams = [hub.stream(run.id) for _ in range(30)]
        await asyncio.gather(*(_next(stream) for stream in streams))
        begun, made.calls = read.calls, 0
        steps = np.arange(1, 4)
        values = steps.astype(np.float32)
        progress = Progress("training", 1, 3, 10, None, None, 0.0)
        store.record(run.id, progress, BatchPoints(steps, values, values))
        found = await asyncio.gather(*(_next(stream) for stream in streams))
        assert all(one["points"]["steps"] == [1, 2, 3] for one in found)
        # Whoever is told the same is sent the same text.
        assert made.calls == 1
        assert read.calls - begun < 30
        for stream in streams:
            await stream.aclose()
        assert not hub.is_full
        assert not hub._channels

    with stored_runs.hold_lock(store, run):
        asyncio.run(watch())


def test_a_feed_ends_with_its_run(store: RunStore) -> None:
    run = stored_runs.store_run(store, stored_runs.experiment())

    async def watch() -> None:
        stream = Hub(store).stream(run.id)
        await _next(stream)
        store.delete(run.id)
        with pytest.raises(StopAsyncIteration):
            await _next(stream)

    asyncio.run(watch())


def test_an_unknown_feed_is_refused(store: RunStore) -> None:
    async def watch() -> None:
        with pytest.raises(RunNotFound):
            await _next(Hub(store).stream("nothing"))

    asyncio.run(watch())


def test_a_page_registers_its_own_feed_and_may_replace_it(store: RunStore) -> None:
    async def watch() -> None:
        hub = Hub(store)
        hub.register("page", lambda: {"mark": "a"})
        stream = hub.stream("page")
        assert (await _next(stream))["mark"] == "a"
        hub.register("page", lambda: {"mark": "b"})
        assert (await _next(stream))["mark"] == "b"
        await stream.aclose()

    asyncio.run(watch())


def test_a_feed_continues_after_an_error(store: RunStore) -> None:
    def compute() -> dict[str, str]:
        number = next(numbers)
        if number == 1:
            raise OSError("The disk is slow.")
        return {"mark": str(number)}

    numbers = iter(range(100))

    async def watch() -> None:
        hub = Hub(store)
        hub.register("page", compute)
        stream = hub.stream("page")
        assert (await _next(stream))["mark"] == "0"
        assert int((await _next(stream))["mark"]) > 1
        await stream.aclose()

    asyncio.run(watch())
