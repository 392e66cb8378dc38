"""A link, with what it opens, and what several links share."""

from collections.abc import Mapping
from typing import NamedTuple

from cifarviz.experiment.address import pack_changes, preset_draft

CHANGED = pack_changes(preset_draft("cifar10-vgg", 1).with_value("epochs", 3))
CHANGED_MEMBER = pack_changes(preset_draft("cifar10-ensemble", 1).with_value("epochs", 2))

PRESET = "Preset"
RUN = "Run"
MINE, OTHER, CLOTHES = "mine ·", "other ·", "clothes ·"
LAST, BEST = r"Last epoch \(after epoch 3\)", r"Best epoch 3 \(lowest validation loss\)"


class Link(NamedTuple):
    """``page?parameters``, with names of ``linked_home`` for ids, and what it opens.

    ``chosen``: what widgets stand at, by their labels, or how that begins. ``shown``: patterns of
    lines that are drawn; one that begins with "no:" must not be. ``other_than``: of the lines that
    begin so, in each some are not those of the page that ``link`` without ``without`` opens:
    so it is with pictures, of which a test sees only whether they are the same.
    """

    link: str
    chosen: Mapping[str, str]
    shown: tuple[str, ...]
    other_than: tuple[str, ...] = ()
    without: str = ""
