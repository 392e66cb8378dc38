"""The versions of an image whose predictions are averaged."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PredictionViews:
    """The image itself; its mirror image if ``mirrored``; with ``shift``, two moved images.

    These are moved by ``shift`` pixels, one up and left, one down and right, with mirrored borders.
    """

    mirrored: bool = False
    shift: int = 0

    @property
    def count(self) -> int:
        """How many versions there are, with the image itself."""
        return (3 if self.shift else 1) * (2 if self.mirrored else 1)

    def describe_others(self) -> str | None:
        """Return the other versions as text: “the mirrored image”; ``None`` without any."""
        match self.mirrored, self.shift > 0:
            case True, True:
                return "mirrored and shifted images"
            case True, False:
                return "the mirrored image"
            case False, True:
                return "shifted images"
            case _:
                return None


ONLY_THE_IMAGE = PredictionViews()
