"""What the components that show a sprite have in common: bytes out, the index of a tile back."""

from collections.abc import Callable, Sequence
from typing import Any


def clicked_tile(
    component: Callable[..., Any], key: str, parts: Sequence[bytes], count: int
) -> int | None:
    """Mount the component with ``parts``, a line each; returns the tile clicked, once.

    ``count`` tiles there are: another number, of a picture shown before, is passed over.
    """
    result = component(key=key, data=b"\n".join(parts), on_click_change=_ignore)
    clicked = result.get("click")
    return clicked if isinstance(clicked, int) and 0 <= clicked < count else None


def _ignore() -> None:
    """A trigger needs a callback; the value is read from the result."""
