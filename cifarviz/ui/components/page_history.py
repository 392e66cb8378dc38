"""Keeps one entry per page in the browser's history."""

from collections.abc import Mapping

from cifarviz.ui.components.loading import component


def page_history(page: str, sent: Mapping[str, str], address: Mapping[str, str]) -> None:
    """Keep a single history entry per page; Streamlit would add one for each change.

    ``address`` replaces ``sent``, with which the browser requested ``page``. It is sent this way
    when a page is opened, because Streamlit's own update may reach the browser before it has left
    the entry of the previous page.
    """
    data = {"page": page, "sent": dict(sent), "address": dict(address)}
    component("page_history")(key="page-history", data=data, height=0)
