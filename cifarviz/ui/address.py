"""Reading what a link holds, and showing a stranger's text as it stands."""

import re

_LONGEST = 40


def whole_number(text: str | None) -> int | None:
    """The number that ``text`` is in plain digits; ``None`` for anything else."""
    # No int(): it takes "１", "+1" and "1_000", and an address may hold a million digits.
    return int(text) if text is not None and re.fullmatch(r"[0-9]{1,9}", text) else None


def escaped(text: str) -> str:
    """``text`` for Markdown that shows it as it is: no emphasis, links, colours or formulas."""
    flat = "".join(character if character.isprintable() else " " for character in text)
    return re.sub(r"([\\`*_{}\[\]()#+\-.!|<>$~:&])", r"\\\1", flat)


def quoted(text: str) -> str:
    """``text`` in quotation marks, shortened and escaped, for a sentence about it."""
    short = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
    return f"“{escaped(short)}”"
