"""Samples: look at the images before anything learns from them."""

import streamlit as st

from cifarviz.ui.errors import errors_shown
from cifarviz.ui.query import fill_query_param, sync_query_params
from cifarviz.ui.samples.grid import grid, opened_image
from cifarviz.ui.samples.statistics import statistics_shown
from cifarviz.ui.samples.view import controls, open_dataset, read_address

st.title("Samples")
sync_query_params("samples")
asked, problems = read_address(st.query_params.to_dict())
if problems:
    st.warning("  \n".join(problems), icon=":material/warning:")
fill_query_param("dataset", asked.dataset)
with errors_shown():
    opened = open_dataset(asked)
    above = st.container()
    controls(asked if opened is None else opened[1])
    if opened is not None:
        dataset, view = opened
        view = grid(view, dataset)
        with above:
            opened_image(view, dataset)
        statistics_shown(view, dataset)
