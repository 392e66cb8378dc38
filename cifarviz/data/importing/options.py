"""The choices of an import, and its limits."""

from dataclasses import dataclass
from typing import Final

from cifarviz.data.pictures import FitMode
from cifarviz.errors import ImportRefused

SIDES: Final = range(16, 97)
USUAL_SIDE: Final = 32
MAX_CLASSES: Final = 100
MAX_IMAGES: Final = 200_000
MAX_BYTES: Final = 2_000_000_000
"""Of decoded pixels."""
LONGEST_TEXT: Final = 200


@dataclass(frozen=True)
class ImportOptions:
    """How pictures become images of a data set.

    ``side``: pixels of each side, 16 to 96; ``keep_size`` lets arrays of at most 96 pixels keep
    theirs. ``grey``: ``None`` keeps arrays of one channel grey. ``test_share``: of the images of
    each class that become test images, above 0 and at most 0.5, where the source does not say;
    drawn with ``seed``. ``source`` and ``licence`` are sentences that stay with the data set.
    ``drop_names``: no names of files are stored; of pictures only decoded pixels ever are.
    """

    title: str = ""
    side: int = USUAL_SIDE
    keep_size: bool = True
    grey: bool | None = None
    mode: FitMode = "crop"
    test_share: float = 0.2
    seed: int = 0
    source: str = ""
    licence: str = ""
    drop_names: bool = False

    def check(self) -> None:
        """Raise ``ImportRefused`` for an invalid option."""
        if self.side not in SIDES:
            raise ImportRefused(
                "Images must have {least} to {most} pixels a side, not {side}.",
                least=SIDES[0],
                most=SIDES[-1],
                side=self.side,
            )
        if not 0 < self.test_share <= 0.5:
            raise ImportRefused(
                "The share of test images must be above 0 and at most 0.5, not {share:g}.",
                share=self.test_share,
            )
        if not 0 <= self.seed < 2**32:
            raise ImportRefused(
                "The seed must be a whole number from 0 to 4294967295, not {seed}.", seed=self.seed
            )
        for text in (self.title, self.source, self.licence):
            if len(text) > LONGEST_TEXT or not text.isprintable():
                raise ImportRefused(
                    "Title, source and licence must be at most {most} characters in one line.",
                    most=LONGEST_TEXT,
                )
