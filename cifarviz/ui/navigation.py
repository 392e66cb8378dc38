"""The pages, and going from one to another with what the address holds."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NoReturn

import streamlit as st

from cifarviz.ui.class_names import language_address


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


def go_to(page: str, **address: str | int) -> NoReturn:
    """Open a page with these values in its address, such as ``run`` and ``image``."""
    st.switch_page(_file(page), query_params=_address(address))


def link_to(page: str, label: str, icon: str | None = None, **address: str | int) -> None:
    """Show a link to a page with these values in its address."""
    st.page_link(
        _file(page),
        label=label,
        icon=icon or PAGES[page].icon,
        query_params=_address(address) or None,
    )


def _address(values: Mapping[str, str | int]) -> dict[str, str]:
    return {key: str(value) for key, value in values.items()} | language_address()


def _file(page: str) -> str:
    return f"pages/{page}.py"
