"""The pages, and links between them that keep query parameters."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import NoReturn, TypeVar
from urllib.parse import unquote, urlsplit

import streamlit as st
from streamlit.navigation.page import Page

from cifarviz.errors import CifarvizError
from cifarviz.live.feeds import STATUS, status_mark
from cifarviz.live.queue_items import status_items
from cifarviz.people.person import is_teacher, may_make
from cifarviz.runs.series import find_series
from cifarviz.training.queue_estimate import queue_estimator
from cifarviz.ui import cache
from cifarviz.ui.address import quoted
from cifarviz.ui.class_names import language_query_params
from cifarviz.ui.components.live import Live
from cifarviz.ui.components.live_items import live_items
from cifarviz.ui.query import current_query_params, open_address, render_choice
from cifarviz.ui.state import query_memory


@dataclass(frozen=True)
class PageEntry:
    """A page as the menu shows it; its file is ``pages/<name>.py``."""

    title: str
    icon: str
    default: bool = False


PAGES: Mapping[str, PageEntry] = MappingProxyType(
    {
        "start": PageEntry("Start", ":material/home:", default=True),
        "data": PageEntry("Data", ":material/folder_open:"),
        "samples": PageEntry("Samples", ":material/grid_view:"),
        "train": PageEntry("Train", ":material/model_training:"),
        "tune": PageEntry("Tune", ":material/instant_mix:"),
        "runs": PageEntry("Runs", ":material/list_alt:"),
        "lab": PageEntry("Lab", ":material/science:"),
        "inside": PageEntry("Inside", ":material/layers:"),
        "evaluate": PageEntry("Evaluate", ":material/grid_on:"),
        "predict": PageEntry("Predict", ":material/image_search:"),
        "present": PageEntry("Present", ":material/slideshow:"),
    }
)
CLASS_PAGES: Mapping[str, PageEntry] = MappingProxyType(
    {"classroom": PageEntry("Class", ":material/groups:")}
)
"""The pages that are there while a class is open, after the others."""
View = TypeVar("View", bound=str)


@dataclass(frozen=True)
class ViewEntry:
    """A view as the switch shows it; ``icon`` is the name of a Material symbol."""

    title: str
    icon: str


def app_pages(url: str | None) -> list[Page]:
    """Return all pages, and a hidden 'not found' page if ``url`` leads to none of them."""
    pages = [
        st.Page(
            _file(name),
            title=entry.title,
            icon=entry.icon,
            url_path=None if entry.default else name,
            default=entry.default,
        )
        for name, entry in _menu().items()
    ]
    if name := unknown_page_name(url):
        missing = partial(_render_page_not_found, name)
        pages.append(st.Page(missing, title="Page not found", url_path=name, visibility="hidden"))
    return pages


def unknown_page_name(url: str | None) -> str | None:
    """Return the last part of the path of ``url`` unless it is empty or a page's name.

    Streamlit shows the first page for an unknown name. Behind a proxy the part may belong to the
    app's own address; then nobody requests a page of that name.
    """
    name = unquote(urlsplit(url or "").path).rstrip("/").rpartition("/")[2].strip()
    return None if not name or name in _menu() else name


def _menu() -> Mapping[str, PageEntry]:
    return {**PAGES, **(CLASS_PAGES if cache.settings().class_open else {})}


def tab_title(page: str) -> str:
    """Return the title of the browser's tab: ``page``, what the address is about, cifarviz."""
    address = current_query_params()
    names: list[str] = []
    # The page reports what cannot be found.
    for run_id in filter(None, (address.get("run") or address.get("runs", "")).split(",")):
        with suppress(CifarvizError):
            names.append(cache.store().get(run_id).name)
    if "series" in address:
        with suppress(CifarvizError):
            names.append(find_series(cache.store(), address["series"]).title)
    subject = f"{len(names)} runs" if len(names) > 1 else "".join(names)
    return " · ".join(filter(None, (page, subject, "cifarviz")))


def _render_page_not_found(name: str) -> None:
    st.title("Page not found")
    st.error(f"There is no page {quoted(name)}. Choose one of these:", icon=":material/error:")
    for page, entry in PAGES.items():
        link_to(page, entry.title)


def go_to(page: str, **address: str | int) -> NoReturn:
    """Open a page with these query parameters, such as ``run`` and ``image``."""
    open_address(_url_path(page), _address(address))
    # With other parameters Streamlit would change this page's entry in the browser history.
    st.switch_page(_file(page), query_params=current_query_params())


def link_to(page: str, label: str, icon: str | None = None, **address: str | int) -> None:
    """Show a link to a page with these query parameters.

    Nothing for a viewer where it would lead to the setup of a run.
    """
    if page == "train" and address.get("view") != "watch" and not may_make():
        return
    st.page_link(
        _file(page),
        label=label,
        icon=icon or _menu()[page].icon,
        query_params=_address(address) or None,
    )


def link_to_full_set(label: str = "Get the full set") -> None:
    """Show a link to where the teacher gets a full data set; others read who can get it."""
    if is_teacher():
        link_to("data", label)
    else:
        st.caption("The teacher can add the full set.", width="content")


def replace_query_params(page: str, **address: str | int) -> None:
    """Replace the query parameters of the open page; for callbacks."""
    open_address(_url_path(page), _address(address))


def _address(values: Mapping[str, str | int]) -> dict[str, str]:
    return {key: str(value) for key, value in values.items()} | language_query_params()


def _url_path(page: str) -> str:
    return "" if page in PAGES and PAGES[page].default else page


def _file(page: str) -> str:
    return f"pages/{page}.py"


def render_title_and_views(
    title: str,
    views: Mapping[View, ViewEntry],
    *,
    key: str,
    problem: Callable[[str], str],
    forget: Sequence[str],
    usual: View | None = None,
) -> View:
    """Show title and view switch; return the view in the address, else ``usual`` or the first.

    ``problem`` and ``forget`` are those of ``render_choice``.
    """
    row = st.container(horizontal=True, vertical_alignment="center", gap="large", key="title-row")
    row.title(title, width="content")
    return render_choice(
        "view",
        "View",
        {name: f":material/{view.icon}: {view.title}" for name, view in views.items()},
        key=key,
        hint=None,
        problem=problem,
        forget=forget,
        usual=usual,
        label_visibility="collapsed",
        place=row,
    )


def render_run_status() -> None:
    """Show the runs in training with their progress, how many wait, and for how long."""
    store = cache.store()
    active = store.active()
    if any(run.orphaned for run in active):
        cache.adopt_orphans()
        active = store.active()
    with st.container(border=bool(active), key="run-status"):
        live = Live(STATUS, status_mark(active))
        items = status_items(active, queue_estimator(store).estimate(active))
        live_items(items, key="status", live=live, alone=True, reports_break=True)
        if active and not active[0].hidden:
            _render_watch_link(active[0].id)


def _render_watch_link(run_id: str) -> None:
    address = {"view": "watch", "run": run_id}
    if query_memory().page != "train":
        link_to("train", "Watch", **address)
        return
    # A link within the page could be mistaken for an address that was just replaced.
    st.button(
        "Watch",
        key="watch-run",
        type="tertiary",
        icon=PAGES["train"].icon,
        on_click=replace_query_params,
        args=("train",),
        kwargs=address,
    )
