"""Data: data sets of one's own pictures, and their import."""

import streamlit as st

from cifarviz.ui.errors import render_errors
from cifarviz.ui.own_data import render_import, render_own_datasets

st.title("Data")
st.markdown(
    "Train on your own pictures: bring a folder for each class, look at what was found, and keep "
    "it as a data set. From then on it is on every page."
)
with render_errors():
    render_own_datasets()
with render_errors():
    render_import()
