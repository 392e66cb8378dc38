"""Lists of epochs, such as those at which test predictions are saved: ``15, 30, 45, 60``."""

import re

MAX_SAVED_EPOCHS = 100
"""The most epochs in a list: saved predictions take 40 bytes per test image and epoch."""

_LAST_EPOCH = 1000
_TYPED = re.compile(r"\d{1,9}([\s,;]+\d{1,9})*[\s,;]*")


def parse_epochs(typed: str | None) -> list[int] | str:
    """Return the epochs in ``typed``, sorted and unique, or the text if it is not a list."""
    text = (typed or "").strip()
    if not text:
        return []
    if not _TYPED.fullmatch(text):
        return text
    return sorted({int(number) for number in re.findall(r"\d+", text)})


def format_epochs(value: object) -> str:
    """Return a list of epochs as a text to edit; any other value as its text."""
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value or "")


def validate_epochs(value: object) -> tuple[int, ...]:
    """Return the epochs as a tuple; raises ``ValueError`` unless they are sorted and unique."""
    text = f"“{format_epochs(value)[:40]}”"
    if not isinstance(value, (list, tuple)) or not all(type(epoch) is int for epoch in value):
        raise ValueError(
            f"Enter epochs as numbers, such as 15, 30, 45; {text} is not a list of numbers."
        )
    if len(value) > MAX_SAVED_EPOCHS:
        raise ValueError(f"Up to {MAX_SAVED_EPOCHS} epochs can be listed here, not {len(value)}.")
    if any(not 1 <= epoch <= _LAST_EPOCH for epoch in value):
        raise ValueError(f"Epochs are numbered from 1 to {_LAST_EPOCH:,}, not {text}.")
    if list(value) != sorted(set(value)):
        raise ValueError(f"Enter each epoch once and in order, not {text}.")
    return tuple(value)
