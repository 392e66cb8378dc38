"""Streamlit collects all garbage after each script run, which TensorFlow makes slow."""

import gc

import pytest


@pytest.fixture(scope="module", autouse=True)
def _frozen_garbage() -> None:
    """Take what is loaded so far out of collections, as the dashboard itself does."""
    gc.collect()
    gc.freeze()
