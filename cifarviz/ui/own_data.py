"""Data sets that people import: the list of them, and an import with its report."""

import io
import re
from collections.abc import Sequence
from functools import partial
from typing import Any, Final, get_args

import pandas as pd
import streamlit as st

from cifarviz.data.importing.camera_pictures import CameraPictures
from cifarviz.data.importing.export import ENDING, export_dataset
from cifarviz.data.importing.importer import PreparedImport
from cifarviz.data.importing.options import (
    MAX_CLASSES,
    MAX_IMAGES,
    SIDES,
    USUAL_SIDE,
    ImportOptions,
)
from cifarviz.data.importing.report import ImportReport
from cifarviz.data.pictures import FitMode
from cifarviz.datasets.info import DatasetInfo
from cifarviz.datasets.own import own_datasets, plain_name
from cifarviz.datasets.registry import all_datasets, is_registered
from cifarviz.errors import ImportRefused
from cifarviz.experiment.address import pack_changes, preset_draft
from cifarviz.experiment.dataset_fitting import fit_draft
from cifarviz.figures.sprite import sprite
from cifarviz.figures.theme import class_color
from cifarviz.live.hub import hub
from cifarviz.live.items import Item
from cifarviz.people.person import current_person, is_teacher, may_change
from cifarviz.runs.run_headline import format_time_left
from cifarviz.settings import Settings
from cifarviz.ui import cache, state
from cifarviz.ui.address import escaped, quoted
from cifarviz.ui.camera_import import collected_pictures, render_camera, render_collected_pictures
from cifarviz.ui.class_names import class_names
from cifarviz.ui.components.image_grid import image_grid
from cifarviz.ui.components.live import Live
from cifarviz.ui.components.live_items import live_items
from cifarviz.ui.errors import render_errors
from cifarviz.ui.import_job import ImportJob, Source, imports
from cifarviz.ui.navigation import link_to
from cifarviz.ui.own_pictures import (
    render_dataset_deletion,
    render_edit_form,
    render_picture_deletion,
)
from cifarviz.ui.published_datasets import dataset_cards
from cifarviz.ui.query import render_choice
from cifarviz.ui.runs.fork import open_dialog
from cifarviz.ui.server_paths import find_path, is_local_browser
from cifarviz.ui.upload_sizes import MAX_ARCHIVE_MB

_ORIGINS: Final = {
    "files": ":material/folder_zip: From files",
    "camera": ":material/photo_camera: From the camera",
}
_PRESET: Final = "cifar10-starter"
_PREVIEWED: Final = 40
_FIT_LABELS: dict[FitMode, str] = {
    "crop": "Crop to the central square",
    "stretch": "Stretch",
    "pad": "Add borders",
}
_STAGES: Final = {
    "looking": "Looking for pictures",
    "decoding": "Reading pictures",
    "verifying": "Comparing pictures",
    "writing": "Storing",
}


def render_own_datasets() -> tuple[DatasetInfo, ...]:
    """Show each imported data set, with what can be done with it; returns those shown."""
    infos = own_datasets()
    if not infos:
        return infos
    is_own = all(may_change(info.owner) for info in infos)
    st.header("Your data sets" if is_own else "Imported data sets")
    for info, card in dataset_cards(infos, "own"):
        with card:
            st.subheader(escaped(info.title))
            height, width, channels = info.image_shape
            colour = "grey" if channels == 1 else "colour"
            texts = {
                "Made of": info.derived_from,
                "Source:": info.citation,
                "Licence:": info.terms,
            }
            credits = [f"{word} {text.rstrip('.')}." for word, text in texts.items() if text]
            st.caption(
                escaped(
                    f"{len(class_names(info))} classes, {info.train_images:,} training and "
                    f"{info.test_images:,} test images, {width} × {height} pixels, {colour}. "
                    + " ".join(credits)
                )
            )
            with st.container(horizontal=True, vertical_alignment="center"):
                link_to("samples", "Browse", dataset=info.name)
                draft = fit_draft(preset_draft(_PRESET), info)
                changes = pack_changes(draft)
                link_to("train", "Train on it", preset=_PRESET, changes=changes or "")
                if not may_change(info.owner):
                    continue
                title = escaped(info.title)
                if st.button(
                    "Edit", key=f"edit-{info.name}", icon=":material/edit:", type="tertiary"
                ):
                    open_dialog(f"Edit {title}", render_edit_form, info)
                st.download_button(
                    "Export",
                    partial(_exported, info.name, cache.settings()),
                    file_name=f"{info.name}{ENDING}",
                    mime="application/octet-stream",
                    on_click="ignore",
                    key=f"export-{info.name}",
                    type="tertiary",
                    icon=":material/download:",
                    help="A .npz file with images, labels, source and licence, which can be "
                    "imported again.",
                )
                if st.button(
                    "Delete pictures",
                    key=f"mark-{info.name}",
                    icon=":material/hide_image:",
                    type="tertiary",
                ):
                    state.forget_marked_pictures()
                    open_dialog(f"Delete pictures of {title}", render_picture_deletion, info)
                if st.button(
                    "Delete", key=f"delete-{info.name}", icon=":material/delete:", type="tertiary"
                ):
                    open_dialog(f"Delete {title}", render_dataset_deletion, info)
    return infos


def _exported(name: str, settings: Settings) -> bytes:
    buffer = io.BytesIO()
    export_dataset(name, settings, buffer)
    return buffer.getvalue()


def render_import(listed: Sequence[DatasetInfo]) -> None:
    """Show the form of an import, its progress, or its report.

    ``listed``: the imported data sets that the page shows.
    """
    job = imports(cache.settings()).newest
    if job is not None and job.derived:
        job = None
    if job is None or job.over:
        if job is not None:
            render_outcome(job, listed)
        _render_form()
    elif job.prepared is not None and not job.decided:
        _render_prepared(job, job.prepared)
    else:
        st.header("Import pictures")
        render_progress(job)


def render_outcome(job: ImportJob, listed: Sequence[DatasetInfo]) -> None:
    """Show how a job ended: what it made, or why it failed."""
    kept = None if job.kept is None else job.kept.name
    if kept in {info.name for info in own_datasets()} - {info.name for info in listed}:
        # Stored after this run of the page had listed the others.
        st.rerun()
    if job.kept is not None and kept in {info.name for info in listed}:
        st.success(f"{quoted(job.kept.title)} is a data set now.", icon=":material/check_circle:")
    if job.problem is not None:
        st.error(escaped(job.problem), icon=":material/error:")


def _render_form() -> None:
    st.header("Import pictures")
    # Only the teacher can be at this computer, which the camera takes.
    origin = _pick_origin() if is_teacher() else "files"
    if origin == "files":
        here = f", in {escaped(str(cache.settings().datasets))}," if is_local_browser() else ""
        st.caption(
            f"They stay on the computer that runs cifarviz{here} until you "
            "delete the data set. A folder, .zip or .tar with a folder for each class (also in "
            "folders called train and test), a CSV table beside pictures, a .npz with x\\_train "
            f"and y\\_train, IDX files or binary files of CIFAR. At most {MAX_CLASSES} classes and "
            f"{MAX_IMAGES:,} pictures."
        )
        _render_choices(None)
    elif not is_local_browser():
        st.info(
            "The camera is only offered to the browser on the computer that runs cifarviz: open "
            "http://localhost with its port there. Over plain HTTP, browsers give pages from "
            "another computer no camera at all.",
            icon=":material/no_photography:",
        )
    elif (pictures := collected_pictures()) is None:
        render_camera()
    else:
        render_collected_pictures(pictures)
        _render_choices(pictures)


def _pick_origin() -> str:
    return render_choice(
        "from",
        "Where the pictures come from",
        _ORIGINS,
        key="import-from",
        hint=None,
        problem=lambda name: f"Pictures cannot come from {name}. Choose files or the camera.",
        label_visibility="collapsed",
    )


def _render_choices(pictures: CameraPictures | None) -> None:
    """Show the form of an import: of ``pictures``, or of files that are chosen in it."""
    file, path = None, ""
    fit: FitMode = "crop"
    keep_size = False
    with st.form("import", border=True):
        left, right = st.columns(2, gap="medium")
        with left:
            if pictures is None:
                file = st.file_uploader(
                    "An archive or a .npz file",
                    key="import-file",
                    max_upload_size=MAX_ARCHIVE_MB,
                    help="It is read on this server, and nothing in it is executed.",
                )
            if pictures is None and is_local_browser():
                path = st.text_input(
                    "Or a folder or file on this computer",
                    key="import-path",
                    placeholder="/home/me/pictures",
                    max_chars=1000,
                    help="Its full path. Only offered on the computer that runs cifarviz.",
                )
            title = st.text_input(
                "Name of the data set", key="import-title", max_chars=60, placeholder="My pictures"
            )
            source = st.text_input(
                "Where the pictures are from",
                key="import-source",
                max_chars=200,
                help="Kept with the data set. Leave it empty if you do not want to say.",
            )
            licence = st.text_input("Their licence", key="import-licence", max_chars=200)
            drop_names = st.checkbox(
                "Store no names of files",
                key="import-drop-names",
            )
            # Not as help: a click on its sign would tick the box.
            st.caption(
                "Names of files may name people; those of skipped and of equal files are stored in "
                "the report otherwise. Of pictures only decoded pixels are ever stored, without "
                "EXIF data."
            )
        with right:
            side = st.number_input(
                "Pixels a side",
                SIDES[0],
                SIDES[-1],
                USUAL_SIDE,
                key="import-side",
                help="Small images train fast: twice the side takes four times as long.",
            )
            if pictures is None:
                fit = st.selectbox(
                    "Pictures that are not square",
                    get_args(FitMode),
                    format_func=_FIT_LABELS.__getitem__,
                    key="import-fit",
                )
            grey = st.checkbox("Make all images grey", key="import-grey")
            if pictures is None:
                keep_size = st.checkbox(
                    "Keep the size of arrays",
                    value=True,
                    key="import-keep-size",
                    help="Images in .npz, IDX and CIFAR’s files keep their own size and colours.",
                )
            share = st.number_input(
                "Test images, percent of each class",
                1,
                50,
                20,
                key="import-share",
                help="Drawn by chance where the source has no test images of its own. The network "
                "never learns from them.",
            )
            seed = st.number_input(
                "Seed",
                0,
                2**32 - 1,
                0,
                key="import-seed",
                help="The same seed draws the same test images.",
            )
        if not st.form_submit_button("Read the pictures", type="primary", icon=":material/search:"):
            return
    with render_errors():
        _start(
            pictures,
            file,
            path,
            ImportOptions(
                title=title.strip(),
                side=int(side),
                keep_size=keep_size,
                grey=grey or None,
                mode=fit,
                test_share=share / 100,
                seed=int(seed),
                source=source.strip(),
                licence=licence.strip(),
                drop_names=drop_names,
            ),
        )
        st.rerun()


def _start(pictures: CameraPictures | None, file: Any, path: str, options: ImportOptions) -> None:
    """Start an import; raises ``ImportRefused`` if something is missing."""
    if not options.title:
        raise ImportRefused("The data set needs a name. Type one, such as “My pictures”.")
    options.check()
    chosen: Source
    if pictures is not None:
        chosen = pictures.folder
    elif file is not None:
        chosen = (_safe_file_name(file.name), file.getvalue())
    elif path.strip():
        chosen = find_path(path, cache.settings())
    else:
        raise ImportRefused("Choose a file, or enter the path of a folder on this computer.")
    settings = cache.settings()
    check_title_free(options.title)
    on_kept = None if pictures is None else pictures.keep
    name = find_free_name(options.title, settings)
    imports(settings).start(chosen, name, settings, options, on_kept)


def _safe_file_name(name: str) -> str:
    """Return a file name for an upload, with its ending, of at most 200 bytes."""
    safe = re.sub(r"[^\w.-]", "_", name).lstrip(".")
    return safe.encode()[-200:].decode(errors="ignore") or "upload"


def check_title_free(title: str) -> None:
    """Raise ``ImportRefused`` if pages show another data set under this title."""
    if title.strip().casefold() in {info.title.casefold() for info in all_datasets()}:
        raise ImportRefused(
            "There is a data set called “{title}” already. Type another name.", title=title.strip()
        )


def find_free_name(title: str, settings: Settings) -> str:
    """Return a name for a title that no data set has, such as ``my-pictures``."""
    plain = plain_name(title)
    numbers = (plain if number == 1 else f"{plain}-{number}" for number in range(1, 10_000))
    return next(
        name for name in numbers if not (is_registered(name) or (settings.datasets / name).exists())
    )


def render_progress(job: ImportJob) -> None:
    """Show the progress of a job, and a button that cancels it."""
    feed = f"import-{current_person().id}"
    hub().register(feed, partial(_message, job))
    live_items({"import": _item(job)}, key="import-progress", live=Live(feed, job.state))
    if job.prepared is not None and job.decided and not job.cancelling:
        return
    st.button(
        "Cancelling …" if job.cancelling else "Cancel",
        key="cancel-import",
        icon=":material/close:",
        disabled=job.cancelling,
        on_click=job.discard,
    )


def _message(job: ImportJob) -> dict[str, Any]:
    return {"mark": job.state, "items": {"import": _item(job).values()}}


def _item(job: ImportJob) -> Item:
    progress = job.progress
    if progress is None:
        return Item(text="Starting …", share=0.0)
    text = _STAGES.get(progress.stage, "Working")
    if progress.stage == "decoding":
        text += f": {progress.done_bytes:,}"
        if progress.total_bytes:
            text += f" of {progress.total_bytes:,}"
    if progress.seconds_left:
        text += f", {format_time_left(progress.seconds_left)}"
    total = progress.total_bytes
    return Item(text=text, share=min(1.0, progress.done_bytes / total) if total else 0.0)


def _render_prepared(job: ImportJob, prepared: PreparedImport) -> None:
    report = prepared.report
    st.header(f"What was found in {escaped(report.title)}")
    height, width, channels = report.image_shape
    st.markdown(
        f"**{report.train_images:,}** training and **{report.test_images:,}** test images in "
        f"**{len(report.classes)}** classes, {width} × {height} pixels, "
        f"{'grey' if channels == 1 else 'in colour'}; {escaped(report.format)}."
    )
    for warning in report.warnings():
        st.warning(escaped(warning), icon=":material/warning:")
    with st.container(horizontal=True):
        st.button(
            "Keep it",
            type="primary",
            key="keep-import",
            icon=":material/check:",
            on_click=job.keep,
        )
        st.button("Discard", key="discard-import", icon=":material/close:", on_click=job.discard)
    images, labels = prepared.preview(_PREVIEWED)
    names = [report.classes[label].name for label in labels]
    image_grid(
        sprite(images),
        key="import-preview",
        labels=[name if len(name) <= 12 else f"{name[:11]}…" for name in names],
        tooltips=names,
        colors=[class_color(label) for label in labels],
        size=64,
        description="The first images of each class, as the network will see them",
    )
    _render_tables(report)


def _render_tables(report: ImportReport) -> None:
    classes = pd.DataFrame(
        [(item.name, item.train, item.test) for item in report.classes],
        columns=["Class", "Training images", "Test images"],
    )
    st.dataframe(classes, key="import-classes", hide_index=True, width="content")
    if report.sizes:
        sizes = ", ".join(f"{size} ({count:,})" for size, count in report.sizes)
        turned = f" {report.turned:,} were turned upright." if report.turned else ""
        st.caption(f"Sizes of the pictures, the most frequent first: {sizes}.{turned}")
    if count := report.counts["skipped"]:
        with st.expander(f"{count:,} skipped"):
            rows = [(item.file, item.reason) for item in report.skipped]
            st.dataframe(pd.DataFrame(rows, columns=["File", "Why"]), hide_index=True)
    pairs = {
        "leaks": ("in training and test images", report.leaks),
        "duplicates": ("equal", report.duplicates),
        "near_duplicates": ("almost equal", report.near_duplicates),
    }
    for name, (title, places) in pairs.items():
        if places:
            with st.expander(f"{report.counts[name]:,} {title}"):
                table = pd.DataFrame(places, columns=["Picture", "Like"])
                st.dataframe(table, hide_index=True)
