"""The feed of a page sends only what has changed since the last message."""

from typing import Any

import numpy as np

from cifarviz.live.feeds import NOT_BEGUN, PageFeed


def test_only_changed_parts_are_sent() -> None:
    values: dict[str, Any] = {"mark": "a", "items": {"x": 1}, "figures": {"loss": np.zeros(40)}}
    feed = PageFeed(lambda: values)
    assert feed.refresh()
    assert not feed.refresh()
    first, position = feed.message(NOT_BEGUN)
    assert first.keys() == {"mark", "items", "figures"}
    assert feed.message(position) == ({"mark": "a"}, position)

    values = {**values, "items": {"x": 2}}
    assert feed.refresh()
    second, after = feed.message(position)
    assert second == {"mark": "a", "items": {"x": 2}}
    assert after != position
    # Back again is news, too; and who begins gets everything.
    values = {**values, "items": {"x": 1}}
    assert feed.refresh()
    assert feed.message(after)[0] == {"mark": "a", "items": {"x": 1}}
    assert feed.message(NOT_BEGUN)[0].keys() == first.keys()
    assert feed.message("of another server")[0].keys() == first.keys()


def test_two_parts_with_the_same_content_are_sent_separately() -> None:
    values = {"mark": "a"}
    feed = PageFeed(lambda: values)
    feed.refresh()
    _, position = feed.message(NOT_BEGUN)
    values = {"mark": "b", "word": "a"}
    feed.refresh()
    assert feed.message(position)[0] == values


def test_an_identical_object_is_not_compared_again() -> None:
    class Figures(dict[str, int]):
        looked = 0

        def items(self) -> Any:
            self.looked += 1
            return super().items()

    figures = Figures(loss=1)
    numbers = iter("ab")
    feed = PageFeed(lambda: {"mark": next(numbers), "figures": figures})
    feed.refresh()
    looked = figures.looked
    assert feed.refresh()
    assert figures.looked == looked > 0
    assert feed.message(NOT_BEGUN)[0]["figures"] == {"loss": 1}
