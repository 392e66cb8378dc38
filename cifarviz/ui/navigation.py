"""The pages, and going from one to another with what the address holds."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import NoReturn
from urllib.parse import unquote, urlsplit

import streamlit as st
from streamlit.navigation.page import Page

from cifarviz.ui.address import quoted
from cifarviz.ui.class_names import language_address
from cifarviz.ui.query import current_query_params, open_address


@dataclass(frozen=True)
class PageEntry:
    """A page as the menu shows it; its file is ``pages/<name>.py``."""

    title: str
    icon: str
    default: bool = False


PAGES: Mapping[str, PageEntry] = MappingProxyType(
    {
        "start": PageEntry("Start", ":material/home:", default=True),
        "samples": PageEntry("Samples", ":material/grid_view:"),
        "train": PageEntry("Train", ":material/model_training:"),
        "runs": PageEntry("Runs", ":material/list_alt:"),
        "lab": PageEntry("Lab", ":material/science:"),
        "inside": PageEntry("Inside", ":material/layers:"),
        "evaluate": PageEntry("Evaluate", ":material/grid_on:"),
        "predict": PageEntry("Predict", ":material/image_search:"),
        "present": PageEntry("Present", ":material/slideshow:"),
    }
)


def app_pages(url: str | None) -> list[Page]:
    """Return all pages, with one more that says so if ``url`` leads to none of them."""
    pages = [
        st.Page(
            _file(name),
            title=entry.title,
            icon=entry.icon,
            url_path=None if entry.default else name,
            default=entry.default,
        )
        for name, entry in PAGES.items()
    ]
    if name := unknown_page(url):
        missing = partial(_page_not_found, name)
        pages.append(st.Page(missing, title="Page not found", url_path=name, visibility="hidden"))
    return pages


def unknown_page(url: str | None) -> str | None:
    """Return the last part of the path of ``url`` unless it is empty or the name of a page.

    Streamlit takes it for the page's name, and shows the first page for one that it doesn't know.
    Behind a proxy it may be part of the app's own address: then nobody asks for a page of the name.
    """
    name = unquote(urlsplit(url or "").path).rstrip("/").rpartition("/")[2].strip()
    return None if not name or name in PAGES else name


def _page_not_found(name: str) -> None:
    st.title("Page not found")
    st.error(f"There is no page {quoted(name)}. These are the pages:", icon=":material/error:")
    for page, entry in PAGES.items():
        link_to(page, entry.title)


def go_to(page: str, **address: str | int) -> NoReturn:
    """Open a page with these values in its address, such as ``run`` and ``image``."""
    open_address(_url_path(page), _address(address))
    # Streamlit would put the new address into the history's entry for this page.
    st.switch_page(_file(page), query_params=current_query_params())


def link_to(page: str, label: str, icon: str | None = None, **address: str | int) -> None:
    """Show a link to a page with these values in its address."""
    st.page_link(
        _file(page),
        label=label,
        icon=icon or PAGES[page].icon,
        query_params=_address(address) or None,
    )


def open_here(page: str, **address: str | int) -> None:
    """Give the page that is open these values in place of its address; for callbacks."""
    open_address(_url_path(page), _address(address))


def _address(values: Mapping[str, str | int]) -> dict[str, str]:
    return {key: str(value) for key, value in values.items()} | language_address()


def _url_path(page: str) -> str:
    return "" if PAGES[page].default else page


def _file(page: str) -> str:
    return f"pages/{page}.py"
