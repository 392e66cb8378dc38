"""Bringing what is new on a page into view."""

from cifarviz.ui.components.scroll_here.component import scroll_here

__all__ = ["scroll_here"]
