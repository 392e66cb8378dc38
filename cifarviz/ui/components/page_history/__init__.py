"""Keeps one entry of the browser's history for each page."""

from cifarviz.ui.components.page_history.component import page_history

__all__ = ["page_history"]
