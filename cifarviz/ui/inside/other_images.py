"""Going from an image of which nothing is left to those whose feature maps a run has kept."""

import streamlit as st

from cifarviz.runs.records import Run
from cifarviz.ui.address import quoted
from cifarviz.ui.epoch_scrubber import images_with_any_maps
from cifarviz.ui.query import update_query_params
from cifarviz.ui.unbroken import unbroken


def offer_images_with_maps(run: Run) -> None:
    """Say that a run has kept no weights, only maps of some images, and offer these."""
    images = sorted(images_with_any_maps(run))
    if not images:
        st.error(
            f"{quoted(run.name)} has no weights any more, and the feature maps that it kept cannot "
            "be read. Choose another run.",
            icon=":material/error:",
        )
        return
    st.info(
        f"{quoted(run.name)} has no weights any more, only feature maps of images that were pinned "
        "while it trained. Choose one of them.",
        icon=":material/inventory_2:",
    )
    with st.container(horizontal=True):
        for image in images:
            st.button(
                f"Test image {image}",
                key=f"kept-image-{image}",
                help="Shows the feature maps that the run kept of this image.",
                on_click=unbroken(_go_to),
                args=(image,),
            )


def _go_to(image: int) -> None:
    update_query_params(split=None, image=str(image))
