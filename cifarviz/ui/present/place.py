"""A place in a recording as the address holds it."""

import re


def place_in(text: str | None) -> float | None:
    """The place in epochs, such as ``8.25``; ``None`` where there is none, or no such number."""
    if text is None or not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,4})?", text):
        return None
    return float(text)
