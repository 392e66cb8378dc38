"""Pinned images: the test images whose feature maps every run keeps on its way."""

import json
from typing import Any

from cifarviz.datasets.info import DatasetInfo
from cifarviz.errors import RunError
from cifarviz.runs.store import RunStore

MAX_PINNED = 8
"""So many images of a data set may be pinned."""
DEFAULT_IMAGE = 1
"""The test image that is shown where none is named: the published experiment's."""


def pinned_images(store: RunStore, info: DatasetInfo) -> tuple[int, ...]:
    """The official indices of the pinned test images; until somebody chooses, a good few."""
    chosen = load_preference(store, _preference_name(info))
    if not isinstance(chosen, list):
        good = dict.fromkeys((DEFAULT_IMAGE, *(info.one_of_each or range(MAX_PINNED))))
        return tuple(one for one in good if one < info.test_images)[:MAX_PINNED]
    numbers = [one for one in chosen if isinstance(one, int) and 0 <= one < info.test_images]
    return tuple(dict.fromkeys(numbers))[:MAX_PINNED]


def pin(store: RunStore, info: DatasetInfo, image: int) -> None:
    """Add a test image to the pinned ones; raises ``RunError`` where there is no room for it."""
    before = pinned_images(store, info)
    if image in before:
        return
    if len(before) >= MAX_PINNED:
        raise RunError(
            "{most} images are pinned, which is as many as runs keep maps of. Unpin one first.",
            most=MAX_PINNED,
        )
    save_preference(store, _preference_name(info), [*before, image])


def unpin(store: RunStore, info: DatasetInfo, image: int) -> None:
    """Take a test image off the pinned ones; what runs have kept of it stays."""
    before = pinned_images(store, info)
    save_preference(store, _preference_name(info), [one for one in before if one != image])


def _preference_name(info: DatasetInfo) -> str:
    return f"pins {info.name}"


def load_preference(store: RunStore, name: str) -> Any:
    """The value kept under ``name``; ``None`` if nobody has chosen, or it cannot be read."""
    with store.database.connect() as connection:
        row = connection.execute("SELECT value FROM preferences WHERE name = ?", (name,)).fetchone()
    try:
        return None if row is None else json.loads(row["value"])
    except ValueError:
        return None


def save_preference(store: RunStore, name: str, value: Any) -> None:
    """Keep ``value`` under ``name``; ``None`` forgets what was there."""
    with store.database.connect(write=True) as connection:
        if value is None:
            connection.execute("DELETE FROM preferences WHERE name = ?", (name,))
        else:
            connection.execute(
                "INSERT OR REPLACE INTO preferences VALUES (?, ?)", (name, json.dumps(value))
            )
