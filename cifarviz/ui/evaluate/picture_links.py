"""From a picture to the other pages, with the same picture and the same network."""

from collections.abc import Mapping

from cifarviz.ui import cache
from cifarviz.ui.evaluate.asked import AskedImages
from cifarviz.ui.navigation import link_to
from cifarviz.ui.pickers import checkpoints_of


def picture_links(asked: AskedImages, index: int, address: Mapping[str, str]) -> None:
    """Links to Inside, where the epoch goes with it, and to Predict.

    ``index`` is the picture's official one; ``address`` leads to the network on another page.
    """
    there = {"split": asked.split, "image": str(index)}
    link_to("inside", "See its feature maps", **there, **address)
    if "epoch" in address:
        # Predict asks the weights that a run has kept to the end, unless they were removed.
        if checkpoints_of(cache.store().get(address["run"])):
            run = {"run": address["run"]}
            link_to("predict", "What the run says of it at its end", **there, **run)
    else:
        link_to("predict", "See its prediction", **there, **address)
