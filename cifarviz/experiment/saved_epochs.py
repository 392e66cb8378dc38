"""Lists of epochs, as a person types them and as an experiment keeps them: ``15, 30, 45, 60``."""

import re

MAX_SAVED_EPOCHS = 100
"""How many epochs a list may name: each keeps 40 bytes a test image."""

_LAST_EPOCH = 1000
_TYPED = re.compile(r"\d{1,9}([\s,;]+\d{1,9})*[\s,;]*")


def parse_epochs(typed: str | None) -> list[int] | str:
    """The epochs that ``typed`` names, sorted, each once; the text itself where it is no list."""
    text = (typed or "").strip()
    if not text:
        return []
    if not _TYPED.fullmatch(text):
        return text
    return sorted({int(number) for number in re.findall(r"\d+", text)})


def format_epochs(value: object) -> str:
    """A list of epochs as it is typed; anything else stands for itself."""
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value or "")


def validate_epochs(value: object) -> tuple[int, ...]:
    """Epochs in order; raises ``ValueError`` with one sentence for anything else."""
    came = f"“{format_epochs(value)[:40]}”"
    if not isinstance(value, (list, tuple)) or not all(type(epoch) is int for epoch in value):
        raise ValueError(
            f"Enter epochs as numbers, such as 15, 30, 45; {came} is not a list of numbers."
        )
    if len(value) > MAX_SAVED_EPOCHS:
        raise ValueError(
            f"Test predictions can be saved at up to {MAX_SAVED_EPOCHS} epochs, not {len(value)}."
        )
    if any(not 1 <= epoch <= _LAST_EPOCH for epoch in value):
        raise ValueError(f"Epochs are numbered from 1 to {_LAST_EPOCH:,}, not {came}.")
    if list(value) != sorted(set(value)):
        raise ValueError(f"Enter each epoch once and in order, not {came}.")
    return tuple(value)
