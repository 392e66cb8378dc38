"""A network with its weights and what it makes of the image that is shown."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cifarviz.analysis.feature_maps import LayerView
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import Weights, weights_path
from cifarviz.ui import cache
from cifarviz.ui.inside.image import ChosenImage

if TYPE_CHECKING:
    from cifarviz.analysis.trained_model import TrainedModel


@dataclass(frozen=True, eq=False)
class ShownNetwork:
    """``views`` are the layers in order; ``title`` says which of two networks it is.

    Without ``model``, the weights are gone, and the views are those that the run kept of a pinned
    image.
    """

    run: Run
    weights: Weights
    title: str
    model: "TrainedModel | None"
    views: tuple[LayerView, ...]

    def layer(self, name: str) -> LayerView:
        """The layer of this name; the network has one."""
        return next(view for view in self.views if view.name == name)


def shown_network(run: Run, which: Weights, image: ChosenImage, title: str = "") -> ShownNetwork:
    """The network opened and asked about the image; both are kept for the next time.

    Raises ``ArtifactMissing`` and ``ArtifactDamaged``, and ``ExperimentInvalid`` for an image of
    another shape.
    """
    model = None if only_maps_kept(run, which, image) else cache.trained_model(run, which)
    return ShownNetwork(run, which, title, model, views_of(run, which, image))


def views_of(run: Run, which: Weights, image: ChosenImage) -> tuple[LayerView, ...]:
    """What every layer makes of the image, worked out anew where the weights are still there.

    Raises as ``shown_network`` does.
    """
    if (
        isinstance(which, int)
        and image.test_index is not None
        and only_maps_kept(run, which, image)
    ):
        return cache.kept_views(run, which, image.test_index)
    return cache.layer_views(run, which, image.pixels)


def only_maps_kept(run: Run, which: Weights, image: ChosenImage) -> bool:
    """Whether there are no such weights, but the image's feature maps of that epoch."""
    if not isinstance(which, int) or weights_path(cache.store().folder(run.id), which).exists():
        return False
    return image.test_index in cache.images_with_maps(run, which)
