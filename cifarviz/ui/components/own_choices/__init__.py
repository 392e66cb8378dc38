"""What a page chose by itself, put into the address without a step for the browser's Back."""

from cifarviz.ui.components.own_choices.component import own_choices

__all__ = ["own_choices"]
