"""A network with its weights and what it makes of the image that is shown."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from cifarviz.analysis.feature_maps import LayerView
from cifarviz.errors import ArtifactDamaged, ArtifactMissing
from cifarviz.runs.kept_weights import epoch_of
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import Weights, weights_path
from cifarviz.ui import cache
from cifarviz.ui.address import escaped
from cifarviz.ui.inside.image import ChosenImage

if TYPE_CHECKING:
    from cifarviz.analysis.trained_model import TrainedModel


@dataclass(frozen=True, eq=False)
class ShownNetwork:
    """``views`` are the layers in order; ``title`` says which of two networks it is.

    Without ``model``, the weights are gone or, as ``problem`` says then, cannot be used, and the
    views are those that the run kept of a pinned image.
    """

    run: Run
    weights: Weights
    title: str
    model: "TrainedModel | None"
    views: tuple[LayerView, ...]
    problem: str = ""

    @property
    def has_maps(self) -> bool:
        """Whether any layer's output is maps."""
        return any(view.maps is not None for view in self.views)

    def layer(self, name: str) -> LayerView:
        """The layer of this name; the network has one."""
        return next(view for view in self.views if view.name == name)


def shown_network(run: Run, which: Weights, image: ChosenImage, title: str = "") -> ShownNetwork:
    """The network opened and asked about the image; both are kept for the next time.

    Where its weights cannot be used, the maps that were kept of the image stand in. Raises
    ``ArtifactMissing`` and ``ArtifactDamaged`` where there are none either, and
    ``ExperimentInvalid`` for an image of another shape.
    """
    problem = ""
    if _is_there(run, which) or not _maps_kept(run, which, image):
        try:
            model = cache.trained_model(run, which)
            views = cache.layer_views(run, which, image.pixels)
            return ShownNetwork(run, which, title, model, views)
        except (ArtifactMissing, ArtifactDamaged) as error:
            if not _maps_kept(run, which, image):
                raise
            problem = str(error)
    return ShownNetwork(run, which, title, None, _kept_views(run, which, image), problem)


def say_problem(network: ShownNetwork) -> None:
    """Say why the weights cannot be used, where they are there and cannot."""
    if network.problem:
        st.error(escaped(network.problem), icon=":material/error:")


def _is_there(run: Run, which: Weights) -> bool:
    return weights_path(cache.store().folder(run.id), which).exists()


def _maps_kept(run: Run, which: Weights, image: ChosenImage) -> bool:
    """Whether the run has kept the image's feature maps of the epoch that these weights are of."""
    epoch = epoch_of(run, which)
    return epoch is not None and image.test_index in cache.images_with_maps(run, epoch)


def _kept_views(run: Run, which: Weights, image: ChosenImage) -> tuple[LayerView, ...]:
    epoch = epoch_of(run, which)
    assert epoch is not None
    assert image.test_index is not None
    return cache.kept_views(run, epoch, image.test_index)
