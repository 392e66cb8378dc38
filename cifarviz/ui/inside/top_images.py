"""The test images that excite a channel most, and where in them."""

from collections.abc import Sequence

import streamlit as st

from cifarviz.analysis.top_activations import Excited, TopActivations
from cifarviz.data.image_set import ImageSet
from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.receptive_field import ReceptiveField, receptive_field
from cifarviz.figures.marked_images import marked_images
from cifarviz.figures.sprite import sprite
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import Weights
from cifarviz.ui.components.image_grid import image_grid
from cifarviz.ui.inside.over_all import job_over_all, show_progress, test_images
from cifarviz.ui.named_image import SPLIT_WORDS
from cifarviz.ui.query import update_query_params
from cifarviz.ui.unbroken import unbroken

# Seconds the look at all images may take before anything is said of it.
_UNSAID = 0.4
_TILE = 128


def show_top_images(
    run: Run, which: Weights, layer: str, channel: int, shown: str, classes: Sequence[str]
) -> None:
    """The nine images in a row, once all have been looked at; one that is clicked is gone to.

    ``shown`` is the title of the image that is looked at, ``classes`` are as the page calls them.
    """
    st.markdown("**The test images that excite it most**")
    job = job_over_all(run, which)
    if not job.wait(_UNSAID):
        show_progress(job)
        return
    found = job.result()
    if found is None:
        st.caption("The look at all test images was stopped.")
        st.button(
            "Look at them",
            key="begin-top-images",
            icon=":material/search:",
            on_click=unbroken(job.start),
            help="Finds the test images that excite each channel most; it takes some seconds.",
        )
        return
    top = found.test[layer]
    images, best = test_images(run), top.of(channel)
    if not best:
        st.caption(f"None does: it is dead for all {top.images:,} of them.")
        return
    fields = [_field(run.experiment.architecture, layer, one) for one in best]
    st.caption(_words(top, channel, fields, run.experiment.architecture))
    clicked = _grid(images, best, fields, f"{layer}-{channel}", shown, classes)
    if clicked is not None:
        index = int(images.indices[best[clicked].position])
        update_query_params(dataset=None, split="test", image=str(index))
        st.rerun()


def _grid(
    images: ImageSet,
    best: Sequence[Excited],
    fields: Sequence[ReceptiveField],
    view: str,
    shown: str,
    classes: Sequence[str],
) -> int | None:
    positions = [one.position for one in best]
    names = [classes[label] for label in images.labels[positions].tolist()]
    titles = [f"{SPLIT_WORDS['test']} {index}" for index in images.indices[positions].tolist()]
    boxes = [(field.top, field.left, field.bottom, field.right) for field in fields]
    values = [f"{one.value:.4g}".replace("-", "−") for one in best]
    return image_grid(
        sprite(marked_images(images.images[positions], boxes)),
        key="channel-top-images",
        labels=[f"{name}\n{value}" for name, value in zip(names, values, strict=True)],
        tooltips=[
            f"{title}, {name}: {value} in rows {field.top} to {field.bottom}, columns {field.left} "
            f"to {field.right}"
            for title, name, value, field in zip(titles, names, values, fields, strict=True)
        ],
        size=_TILE,
        selected=titles.index(shown) if shown in titles else None,
        description=f"Test images that excite {view} most",
    )


def _words(
    top: TopActivations,
    channel: int,
    fields: Sequence[ReceptiveField],
    architecture: Architecture,
) -> str:
    height, width = (max(getattr(one, side) for one in fields) for side in ("height", "width"))
    silent = int(top.silent_for[channel])
    whole = (height, width) == architecture.input_shape[:2]
    box = "the whole image" if whole else f"{height} × {width} pixels, fewer at an edge"
    return (
        f"Of all {top.images:,}, with the channel’s highest value in each"
        + (f"; it is dead for {silent:,} of them. " if silent else ". ")
        + f"The box is all that the network can see from where that value is: {box}. "
        "Click one to look into it."
    )


def _field(architecture: Architecture, layer: str, one: Excited) -> ReceptiveField:
    row = next(row for row in architecture.trace().rows if row.name == layer)
    assert row.output_shape is not None
    return receptive_field(architecture, layer, *divmod(one.place, row.output_shape[1]))
