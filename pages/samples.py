"""The Samples page: images of the data sets and their statistics."""

import streamlit as st

from cifarviz.ui.errors import render_errors
from cifarviz.ui.query import fill_query_param, sync_query_params
from cifarviz.ui.samples.augmentation import render_augmentation_controls, render_augmented
from cifarviz.ui.samples.grid import render_grid, render_opened_image
from cifarviz.ui.samples.statistics import render_statistics
from cifarviz.ui.samples.view import open_dataset, read_address, render_controls

st.title("Samples")
sync_query_params("samples")
requested, problems = read_address(st.query_params.to_dict())
if problems:
    st.warning("  \n".join(problems), icon=":material/warning:")
fill_query_param("dataset", requested.dataset)
with render_errors():
    opened = open_dataset(requested)
    above, about = st.container(), st.empty()
    shown = requested if opened is None else opened[1]
    render_controls(shown)
    render_augmentation_controls(shown)
    if opened is not None:
        dataset, view = opened
        if view.augment is None:
            view = render_grid(view, dataset, about)
        else:
            render_augmented(view, view.augment, dataset, about)
        with above:
            render_opened_image(view, dataset)
        render_statistics(view, dataset)
