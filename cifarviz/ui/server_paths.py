"""Paths of the server's machine that are typed into a page: for whom, and which."""

import os
from pathlib import Path
from urllib.parse import urlsplit

import streamlit as st

from cifarviz.errors import AccessRefused, ImportRefused
from cifarviz.live.guard import LOCAL_NAMES, is_proxied
from cifarviz.people.person import is_teacher, require_teacher
from cifarviz.settings import Settings


def is_local_browser() -> bool:
    """Return whether the browser is on the machine of the server.

    Only then may it use paths of that machine: others would learn which exist. Behind a proxy
    everybody seems to be there. So no header of a proxy may have come, and both the page and the
    server must have been asked for by a name of this machine; a proxy that replaces these names
    works only where other origins are allowed, and then nobody counts as local. In a class only
    the teacher does.
    """
    try:
        if not is_teacher():
            return False
    except AccessRefused:
        # Of somebody who has just left the class.
        return False
    if st.get_option("server.corsAllowedOrigins") or not st.get_option("server.enableCORS"):
        return False
    headers = st.context.headers
    return (
        st.context.ip_address is None
        and _host_name(f"//{headers.get('Host', '')}") in LOCAL_NAMES
        and _host_name(headers.get("Origin", "")) in LOCAL_NAMES
        and not is_proxied(headers)
    )


def hide_home(text: str, settings: Settings) -> str:
    """Return ``text`` without the path of the home, for whom it is not at this computer."""
    return text if is_local_browser() else text.replace(str(settings.home), "…")


def _host_name(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None


def find_path(text: str, settings: Settings) -> Path:
    """Return the file or folder that was typed; raises ``ImportRefused`` and ``AccessRefused``.

    The caller has checked ``is_local_browser``. While a class is open, only folders that the
    settings name are read.
    """
    require_teacher("read files of the computer that serves cifarviz")
    folders = () if settings.class_open and settings.page_dirs is None else settings.page_dirs
    path = Path(os.path.expanduser(text.strip().strip("\"'"))).absolute()
    if folders is not None and not _is_below(path, folders):
        # The same whether or not it exists.
        raise ImportRefused(
            "“{path}” is in none of the folders from which pages may read. Move it to one of "
            "them, or add its folder to CIFARVIZ_PAGE_DIRS.",
            path=text.strip(),
        )
    # Not Path.is_file, which may raise. A pipe or a device could be read for ever.
    if not text.strip() or not (os.path.isfile(path) or os.path.isdir(path)):
        raise ImportRefused(
            "There is no file or folder “{path}” on the machine that runs cifarviz. Enter its full "
            "path.",
            path=text.strip(),
        )
    return path


def _is_below(path: Path, folders: tuple[Path, ...]) -> bool:
    """Return whether a path is in one of the folders, after all links."""
    try:
        real = Path(os.path.realpath(path))
    except ValueError:
        # A null character.
        return False
    return any(real.is_relative_to(os.path.realpath(folder)) for folder in folders)
