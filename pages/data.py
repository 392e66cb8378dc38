"""Data: one's own and the published data sets, downloads, and the import of pictures."""

from collections.abc import Sequence

import streamlit as st

from cifarviz.datasets.info import DatasetInfo
from cifarviz.people.person import is_teacher, may_make
from cifarviz.ui.derived_data import render_derivation
from cifarviz.ui.errors import render_errors
from cifarviz.ui.own_data import render_import, render_own_datasets
from cifarviz.ui.published_datasets import render_published_datasets

st.title("Data")
if is_teacher():
    st.markdown(
        "Get a published data set, or make one of your own pictures, from files or with the "
        "camera: look at what was found, and keep it. From then on it is on every page."
    )
elif may_make():
    st.markdown(
        "Make a data set of your own pictures: look at what was found, and keep it. From then on "
        "you have it on every page."
    )
else:
    st.markdown("The images that networks learn from here.")
listed: Sequence[DatasetInfo] = ()
with render_errors():
    listed = render_own_datasets()
with render_errors():
    render_published_datasets()
if may_make():
    with render_errors():
        render_import(listed)
    with render_errors():
        render_derivation(listed)
