"""The images that a network was asked about."""

from dataclasses import dataclass

from cifarviz.data.image_set import ImageSet, Split
from cifarviz.datasets.info import DatasetInfo


@dataclass(frozen=True, eq=False)
class AskedImages:
    """Images of ``split`` that the network did not learn from; those of training were held back.

    ``beyond`` counts those it was asked about, too, which are not on this machine.
    """

    images: ImageSet
    split: Split
    info: DatasetInfo
    beyond: int = 0

    @property
    def noun(self) -> str:
        """One of them."""
        return "test image" if self.split == "test" else "validation image"

    @property
    def numbered(self) -> str:
        """How all images of the split are numbered, as a sentence up to its semicolon."""
        test = self.split == "test"
        count = self.info.test_images if test else self.info.train_images
        name = "Test" if test else "Training"
        return f"{name} images of {self.info.title} are numbered 0 to {count - 1:,}"

    @property
    def limit(self) -> int:
        """How many images the split has in all."""
        return self.info.test_images if self.split == "test" else self.info.train_images
