"""Going to another page is one step of the browser's Back."""

from cifarviz.ui.components.one_step_back.component import one_step_back

__all__ = ["one_step_back"]
