"""Runs: the list of all runs, and the curves of the selected ones."""

import streamlit as st

from cifarviz.ui.errors import render_errors
from cifarviz.ui.query import sync_query_params
from cifarviz.ui.runs.panel import render_runs_page

st.title("Runs")
sync_query_params("runs")
with render_errors():
    render_runs_page()
