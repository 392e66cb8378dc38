"""Making a data set of images of another one: a table of its classes, counts, and a button."""

from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Final

import pandas as pd
import streamlit as st

from cifarviz.data.importing.derivation import Derivation, prepare_derived
from cifarviz.data.importing.importer import PreparedImport
from cifarviz.data.library import available_variants
from cifarviz.datasets.info import DatasetInfo, Variant
from cifarviz.datasets.registry import all_datasets
from cifarviz.errors import ImportRefused
from cifarviz.ui import cache
from cifarviz.ui.class_names import class_names, query_class_names
from cifarviz.ui.errors import render_errors
from cifarviz.ui.import_job import Cancelled, OnProgress, imports
from cifarviz.ui.own_data import check_title_free, find_free_name, render_outcome, render_progress

_VARIANTS: Final[dict[Variant, str]] = {"sample": "Sample", "full": "Full set"}
_TAKE, _CLASS, _NEW, _TRAIN, _TEST = "Take", "Class", "New name", "Training images", "Test images"


def render_derivation(listed: Sequence[DatasetInfo]) -> None:
    """Show the form of a data set made of another, or its progress.

    ``listed``: the imported data sets that the page shows.
    """
    job = imports(cache.settings()).newest
    if job is not None and not job.derived:
        job = None
    st.header("From a data set here")
    if job is not None and not job.over:
        render_progress(job)
        return
    if job is not None:
        render_outcome(job, listed)
    here = {
        info.name: (info, variants)
        for info in all_datasets()
        if (variants := available_variants(info, cache.settings()))
    }
    st.caption(
        "Choose classes, merge or rename them, or take fewer images of each: animals against "
        "vehicles, or cats and dogs alone. The images are copied; source and licence come along."
    )
    with st.container(border=True), render_errors():
        _render_form(here)


def _format_source(info: DatasetInfo, variants: tuple[Variant, ...]) -> str:
    return f"{info.title}, sample" if variants == ("sample",) else info.title


def _render_form(here: dict[str, tuple[DatasetInfo, tuple[Variant, ...]]]) -> None:
    left, right = st.columns([3, 2], gap="medium")
    with left:
        row = st.container(horizontal=True, vertical_alignment="bottom")
        name = row.selectbox(
            "Data set",
            list(here),
            format_func=lambda name: _format_source(*here[name]),
            key="derive-from",
        )
        info, variants = here[name]
        variant = variants[-1]
        if len(variants) > 1:
            variant = row.segmented_control(
                "Images",
                variants,
                default=variant,
                format_func=_VARIANTS.__getitem__,
                key=f"derive-variant-{name}",
                required=True,
            )
        edited = _render_classes(info, variant)
    with right:
        title = st.text_input(
            "Name of the new data set",
            f"Part of {info.title}"[:60],
            key=f"derive-title-{name}",
            max_chars=60,
        )
        images = st.number_input(
            "Training images of each class",
            1,
            info.train_images,
            None,
            key=f"derive-images-{name}",
            placeholder="All",
            help="Drawn by the seed. Leave it empty for all. All test images are taken.",
        )
        seed = st.number_input(
            "Seed",
            0,
            2**32 - 1,
            0,
            key="derive-seed",
            help="The same seed draws the same training images.",
        )
        derivation = Derivation(
            parse_class_table(info, edited), None if images is None else int(images), int(seed)
        )
        with render_errors():
            _render_counts(info, variant, derivation)
            if st.button(
                "Make the data set", type="primary", key="derive", icon=":material/content_copy:"
            ):
                _start(info, variant, derivation, title.strip())
                st.rerun()


def _render_classes(info: DatasetInfo, variant: Variant) -> pd.DataFrame:
    """Show the editable table of the classes, and return it as edited."""
    dataset = cache.dataset(info.name, variant)
    train, test = (Counter(dataset.split(split).labels.tolist()) for split in ("train", "test"))
    names = class_names(info)
    labels = range(len(names))
    table = pd.DataFrame(
        {
            _TAKE: [True] * len(names),
            _CLASS: names,
            _NEW: names,
            _TRAIN: [train[label] for label in labels],
            _TEST: [test[label] for label in labels],
        }
    )
    edited: pd.DataFrame = st.data_editor(
        table,
        key=f"derive-classes-{info.name}-{variant}-{info.fingerprint}-{hash(names)}",
        hide_index=True,
        num_rows="fixed",
        disabled=[_CLASS, _TRAIN, _TEST],
        column_config={
            _TAKE: st.column_config.CheckboxColumn(help="Classes without a tick are left out."),
            _NEW: st.column_config.TextColumn(
                max_chars=60,
                help="Double-click to change it. Classes with the same name become one class.",
            ),
        },
    )
    st.caption("Double-click a new name to change it. Classes with the same new name are merged.")
    return edited


def parse_class_table(info: DatasetInfo, table: pd.DataFrame) -> dict[str, list[str]]:
    """Return the new classes, each with the classes of ``info`` that are merged into it."""
    classes: dict[str, list[str]] = {}
    rows: Sequence[tuple[bool, Any]] = list(zip(table[_TAKE], table[_NEW], strict=True))
    for old, (is_taken, new) in zip(query_class_names(info), rows, strict=True):
        if is_taken:
            # An emptied cell is missing.
            name = "" if pd.isna(new) else " ".join(str(new).split())
            classes.setdefault(name, []).append(old)
    return classes


def _render_counts(info: DatasetInfo, variant: Variant, derivation: Derivation) -> None:
    counts = derivation.counts(cache.dataset(info.name, variant))
    train, test = sum(item.train for item in counts), sum(item.test for item in counts)
    st.dataframe(
        pd.DataFrame(
            [(item.name, item.train, item.test) for item in counts],
            columns=["New class", _TRAIN, _TEST],
        ),
        key="derive-counts",
        hide_index=True,
        height="content" if len(counts) <= 12 else 400,
    )
    st.caption(f"{len(counts)} classes, {train:,} training and {test:,} test images.")


def _start(info: DatasetInfo, variant: Variant, derivation: Derivation, title: str) -> None:
    """Start making it; raises ``ImportRefused`` without a name."""
    if not title:
        raise ImportRefused("The data set needs a name. Type one, such as “Cats and dogs”.")
    settings = cache.settings()
    check_title_free(title)
    name = find_free_name(title, settings)

    def prepare(
        on_progress: OnProgress, cancelled: Cancelled
    ) -> AbstractContextManager[PreparedImport]:
        return prepare_derived(
            info,
            variant,
            derivation,
            name,
            settings,
            title=title,
            on_progress=on_progress,
            cancelled=cancelled,
        )

    imports(settings).start_derived(name, settings, prepare)
