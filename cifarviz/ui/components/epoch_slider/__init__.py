"""A slider over the epochs of a run, on its curves, that plays by itself."""

from cifarviz.ui.components.epoch_slider.component import Curves, epoch_slider

__all__ = ["Curves", "epoch_slider"]
