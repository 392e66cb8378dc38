"""From a picture to the other pages, with the same picture and the same network."""

from typing import NamedTuple

from cifarviz.analysis.members import Member
from cifarviz.runs.kept_weights import lacking_weights, usual_weights
from cifarviz.ui import cache
from cifarviz.ui.epoch_scrubber import epochs_to_look_into, nearest_epoch
from cifarviz.ui.evaluate.asked import AskedImages
from cifarviz.ui.navigation import link_to
from cifarviz.ui.pickers import checkpoint_words, checkpoints_of


class WayInside(NamedTuple):
    """The ``address`` of a picture's feature maps, and ``words`` on whose they are.

    There are none where they are of the very network that was asked.
    """

    address: dict[str, str]
    words: str


def way_inside(asked: AskedImages, index: int, member: Member) -> WayInside:
    """Where Inside shows the picture ``index``, its official one, by ``member`` or the nearest.

    A run keeps answers after each epoch, but weights, and maps of pinned test images, of a few.
    """
    run, when = member.run, member.when
    there = {"split": asked.split, "image": str(index), "run": run.id}
    if not isinstance(when, int):
        return WayInside(there | {"checkpoint": when}, "")
    kept = epochs_to_look_into(run, index if asked.split == "test" else None)
    if kept:
        near = nearest_epoch(kept, when)
        words = "" if near == when else f"after epoch {near}"
        if len(kept) > 1:
            return WayInside(there | {"checkpoint": "epochs", "epoch": str(near)}, words)
        if not isinstance(kept[near], int):
            # With nothing to choose among, Inside has no slider.
            return WayInside(there | {"checkpoint": str(kept[near])}, words)
    which = usual_weights(cache.store(), run)
    if lacking_weights(cache.store(), run, which) is not None:
        # Inside says what is missing.
        return WayInside(there, "")
    return WayInside(there | {"checkpoint": which}, f"by the run {checkpoint_words(run, which)}")


def picture_links(asked: AskedImages, index: int, member: Member) -> None:
    """Links to Inside, to the epoch nearest to that of ``member``, and to Predict.

    ``index`` is the picture's official one.
    """
    inside = way_inside(asked, index, member)
    link_to("inside", f"See its feature maps {inside.words}".rstrip(), **inside.address)
    there = {"split": asked.split, "image": str(index), "run": member.run.id}
    if isinstance(member.when, int):
        # Predict asks the weights that a run has kept to the end, unless they were removed.
        if checkpoints_of(member.run):
            link_to("predict", "What the run says of it at its end", **there)
    else:
        link_to("predict", "See its prediction", checkpoint=member.when, **there)
