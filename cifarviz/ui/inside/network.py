"""A network with its weights and what it makes of the image that is shown."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cifarviz.analysis.feature_maps import LayerView
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import Weights
from cifarviz.ui import cache
from cifarviz.ui.inside.image import ChosenImage

if TYPE_CHECKING:
    from cifarviz.analysis.trained_model import TrainedModel


@dataclass(frozen=True, eq=False)
class ShownNetwork:
    """``views`` are the layers in order; ``title`` says which of two networks it is."""

    run: Run
    weights: Weights
    title: str
    model: "TrainedModel"
    views: tuple[LayerView, ...]

    def layer(self, name: str) -> LayerView:
        """The layer of this name; the network has one."""
        return next(view for view in self.views if view.name == name)


def shown_network(run: Run, which: Weights, image: ChosenImage, title: str = "") -> ShownNetwork:
    """The network opened and asked about the image; both are kept for the next time.

    Raises ``ArtifactMissing`` and ``ArtifactDamaged``, and ``ExperimentInvalid`` for an image of
    another shape.
    """
    model = cache.trained_model(run, which)
    return ShownNetwork(run, which, title, model, cache.layer_views(run, which, image.pixels))
