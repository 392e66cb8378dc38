"""Runs: all trainings there are, what became of them, and their curves side by side."""

import streamlit as st

from cifarviz.ui.errors import errors_shown
from cifarviz.ui.runs.panel import show_runs

st.title("Runs")
with errors_shown():
    show_runs()
