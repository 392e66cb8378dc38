"""Lines and numbers that move without a run of the page."""

from cifarviz.ui.components.live_items.component import live_items, run_again_on

__all__ = ["live_items", "run_again_on"]
