"""What formats of data sets give to an import: pictures with a label, one after another."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cifarviz.data.image_set import Split
from cifarviz.data.importing.files import Files
from cifarviz.data.importing.origin import Origin

Content = bytes | NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class LabeledPicture:
    """A picture of a source.

    ``place`` names it in messages. ``split`` is ``None`` if the source does not say. ``read``
    returns the bytes of an image file, or pixels, uint8 (height, width, 1 or 3); it raises
    ``FileUnreadable``. Pictures of one ``group``, unless it is empty, look alike, and become all
    training or all test images.
    """

    place: str
    label: str
    split: Split | None
    read: Callable[[], Content]
    group: str = ""


class Skip(Protocol):
    """Notes a file that is not taken, and why, in a few words."""

    def __call__(self, place: str, reason: str, /) -> None: ...


@dataclass(frozen=True)
class PictureFormat:
    """A way in which pictures and their labels are stored.

    ``recognizes`` tells by the names alone. ``pictures`` yields them in the order in which they
    are quick to read, and raises ``ImportRefused`` if the source is damaged. ``natural_size``:
    arrays, which keep their size unless another is wanted. ``origin`` returns what the files say
    of themselves.
    """

    title: str
    recognizes: Callable[[Files], bool]
    pictures: Callable[[Files, Skip], Iterator[LabeledPicture]]
    natural_size: bool = False
    origin: Callable[[Files], Origin] = lambda files: Origin()
