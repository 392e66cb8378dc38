"""Pinned images: the test images whose feature maps every run saves."""

import json
from collections.abc import Sequence
from typing import Any

from cifarviz.datasets.info import DatasetInfo
from cifarviz.errors import RunError
from cifarviz.people.person import current_person, require_maker
from cifarviz.runs.store import RunStore

MAX_PINNED = 8
"""The most images of a data set that may be pinned."""
DEFAULT_IMAGE = 1
"""The test image to show by default: the published experiment's."""


def pinned_images(store: RunStore, info: DatasetInfo) -> tuple[int, ...]:
    """Return the official indices of the person's pinned test images.

    Without any: those of the teacher, or a default selection.
    """
    chosen = load_preference(store, _preference_name(info))
    if not isinstance(chosen, list):
        chosen = load_preference(store, _teachers_preference(info))
    if not isinstance(chosen, list):
        default = dict.fromkeys((DEFAULT_IMAGE, *(info.one_of_each or range(MAX_PINNED))))
        return tuple(image for image in default if image < info.test_images)[:MAX_PINNED]
    numbers = [n for n in chosen if isinstance(n, int) and 0 <= n < info.test_images]
    return tuple(dict.fromkeys(numbers))[:MAX_PINNED]


def has_pinned_images(store: RunStore, info: DatasetInfo) -> bool:
    """Whether a person has chosen the pinned images, so that they are not the default."""
    return isinstance(load_preference(store, _preference_name(info)), list)


def save_pinned_images(store: RunStore, info: DatasetInfo, images: Sequence[int] | None) -> None:
    """Save which test images the person has pinned; ``None`` returns to the default.

    Raises ``AccessRefused`` for a viewer.
    """
    require_maker()
    save_preference(store, _preference_name(info), None if images is None else list(images))


def pin(store: RunStore, info: DatasetInfo, image: int) -> None:
    """Pin a test image; raises ``RunError`` if ``MAX_PINNED`` images are pinned."""
    before = pinned_images(store, info)
    if image in before:
        return
    if len(before) >= MAX_PINNED:
        raise RunError(
            "You can pin at most {most} images. Unpin an image first.",
            most=MAX_PINNED,
        )
    save_pinned_images(store, info, [*before, image])


def unpin(store: RunStore, info: DatasetInfo, image: int) -> None:
    """Unpin a test image; feature maps that runs have saved stay."""
    before = pinned_images(store, info)
    save_pinned_images(store, info, [pinned for pinned in before if pinned != image])


def _preference_name(info: DatasetInfo) -> str:
    owner = current_person().owner
    return " ".join(filter(None, [_teachers_preference(info), owner]))


def _teachers_preference(info: DatasetInfo) -> str:
    return f"pins {info.name}"


def load_preference(store: RunStore, name: str) -> Any:
    """Load the preference ``name``; ``None`` if it is not set or cannot be read."""
    with store.database.connect() as connection:
        row = connection.execute("SELECT value FROM preferences WHERE name = ?", (name,)).fetchone()
    try:
        return None if row is None else json.loads(row["value"])
    except ValueError:
        return None


def save_preference(store: RunStore, name: str, value: Any) -> None:
    """Save the preference ``name``; ``None`` removes it."""
    with store.database.connect(write=True) as connection:
        if value is None:
            connection.execute("DELETE FROM preferences WHERE name = ?", (name,))
        else:
            connection.execute(
                "INSERT OR REPLACE INTO preferences VALUES (?, ?)", (name, json.dumps(value))
            )
