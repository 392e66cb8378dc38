"""The dashboard's entry: ``make run`` serves it."""

import os
from pathlib import Path

# Read once, when TensorFlow is imported: its greetings are nothing for the console.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import streamlit as st

from cifarviz import static_files
from cifarviz.installation import ASSETS
from cifarviz.ui import cache, streamlit_patches
from cifarviz.ui.class_names import pick_language, unknown_language
from cifarviz.ui.components.one_step_back import one_step_back
from cifarviz.ui.errors import errors_shown
from cifarviz.ui.navigation import app_pages
from cifarviz.ui.status import run_status

st.set_page_config(page_title="cifarviz", page_icon=str(ASSETS / "icon.svg"), layout="wide")
st.logo(str(ASSETS / "logo.svg"), icon_image=str(ASSETS / "icon.svg"))
st.html(ASSETS / "style.css")
static_files.provide(Path(__file__).parent / "static")
streamlit_patches.keep_keras_session()
streamlit_patches.keep_downloads()

page = st.navigation(app_pages(st.context.url))
with st.sidebar:
    pick_language()
    with errors_shown():
        run_status()
    one_step_back()
if problem := unknown_language():
    st.warning(problem, icon=":material/warning:")
with errors_shown():
    page.run()
cache.warm_up()
