"""Paths typed into a page: offered only to a browser on the same machine, and limited."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import streamlit as st

from cifarviz.errors import ImportRefused
from cifarviz.settings import Settings
from cifarviz.ui.server_paths import find_path, is_local_browser

HERE = {"Host": "localhost:8501", "Origin": "http://localhost:8501"}


def _is_local(
    monkeypatch: pytest.MonkeyPatch, headers: Mapping[str, str], ip_address: str | None = None
) -> bool:
    context = SimpleNamespace(headers=headers, ip_address=ip_address)
    monkeypatch.setattr(st, "context", context)
    return is_local_browser()


@pytest.mark.parametrize(
    "headers",
    [
        HERE,
        {"Host": "127.0.0.1:8501", "Origin": "http://127.0.0.1:8501"},
        {"Host": "[::1]:8501", "Origin": "http://[::1]:8501"},
    ],
)
def test_a_browser_on_this_machine_is_local(
    monkeypatch: pytest.MonkeyPatch, headers: dict[str, str]
) -> None:
    assert _is_local(monkeypatch, headers)


@pytest.mark.parametrize(
    ("headers", "ip_address"),
    [
        ({}, None),
        (HERE, "192.0.2.7"),
        ({**HERE, "Host": "my-laptop.local:8501"}, None),
        # A proxy on this machine that asks for localhost, as nginx does by itself.
        ({**HERE, "Origin": "https://school.example"}, None),
        ({"Host": "localhost:8501"}, None),
        ({**HERE, "Origin": "http://[::1"}, None),
        ({**HERE, "Host": "[::1"}, None),
        *(
            ({**HERE, name: "127.0.0.1"}, None)
            for name in ("X-Forwarded-For", "X-Forwarded-Proto", "X-Real-IP", "Forwarded", "Via")
        ),
    ],
)
def test_anybody_else_is_not(
    monkeypatch: pytest.MonkeyPatch, headers: dict[str, str], ip_address: str | None
) -> None:
    assert not _is_local(monkeypatch, headers, ip_address)


@pytest.mark.parametrize(
    ("option", "value"),
    [("server.corsAllowedOrigins", ["https://school.example"]), ("server.enableCORS", False)],
)
def test_nobody_is_local_where_a_proxy_may_replace_names(
    monkeypatch: pytest.MonkeyPatch, option: str, value: object
) -> None:
    before = st.get_option
    monkeypatch.setattr(st, "get_option", lambda name: value if name == option else before(name))
    assert not _is_local(monkeypatch, HERE)


def test_only_paths_below_the_folders_of_the_settings_are_read(
    settings: Settings, tmp_path: Path
) -> None:
    allowed, secret = tmp_path / "allowed", tmp_path / "allowed-not"
    for folder in (allowed, secret):
        folder.mkdir()
        (folder / "a.zip").touch()
    (allowed / "link").symlink_to(secret)
    limited = replace(settings, page_dirs=(allowed,))
    assert find_path(f" '{allowed}/a.zip' ", limited) == allowed / "a.zip"
    assert find_path(str(secret / "a.zip"), settings) == secret / "a.zip"
    refused = [secret / "a.zip", secret / "nothing", allowed / "link/a.zip", "/etc", "a\0b"]
    for path in (*refused, f"{allowed}/../allowed-not/a.zip"):
        # Nothing tells whether there is such a file.
        with pytest.raises(ImportRefused, match="in none of the folders"):
            find_path(str(path), limited)
    os.mkfifo(allowed / "pipe")
    for name in ("nothing", "pipe"):
        with pytest.raises(ImportRefused, match="There is no file or folder"):
            find_path(str(allowed / name), limited)
