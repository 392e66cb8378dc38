"""The text beside a bar: what is done, how far it is, and how long it will take."""

import pytest

from cifarviz.ui.progress_bar import format_share_done


@pytest.mark.parametrize(
    ("share", "seconds", "text"),
    [
        (0.0, 5.0, "Unpacking: 0%"),
        (0.5, 0.4, "Unpacking: 50%"),
        (0.25, 3.0, "Unpacking: 25%, about 9 s left"),
        (0.1, 60.0, "Unpacking: 10%, about 9 min 00 s left"),
        (1.0, 3.0, "Unpacking: 100%, less than a second left"),
    ],
)
def test_progress_as_text(share: float, seconds: float, text: str) -> None:
    assert format_share_done("Unpacking", share, seconds) == text
