"""Going through scenes by keyboard and clicker, with a discreet bar at the lower edge."""

from cifarviz.ui.components.presenter.component import presenter

__all__ = ["presenter"]
