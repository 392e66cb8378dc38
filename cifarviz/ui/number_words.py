"""Small numbers as sentences have them."""

from typing import Final

_WORDS: Final = (
    "no",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
)


def in_words(number: int) -> str:
    """``ten`` for 10, and ``100`` for 100: words up to twelve, digits beyond."""
    return _WORDS[number] if 0 <= number < len(_WORDS) else f"{number:,}"
