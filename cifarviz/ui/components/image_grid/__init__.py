"""Many small images as a grid of buttons that answers with the one clicked."""

from cifarviz.ui.components.image_grid.component import TileBar, image_grid

__all__ = ["TileBar", "image_grid"]
