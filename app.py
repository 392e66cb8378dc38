"""Entry point of the dashboard; ``make run`` serves it.

Streamlit imports this file once to start the server with its routes, and runs it for each page.
"""

import os
from pathlib import Path

# TensorFlow reads this at import; 3 hides its start-up messages.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import streamlit as st

from cifarviz import static_files
from cifarviz.installation import ASSETS
from cifarviz.live import server
from cifarviz.ui import cache, shutdown, streamlit_patches
from cifarviz.ui.class_names import render_language_choice, unknown_language_message
from cifarviz.ui.errors import render_errors
from cifarviz.ui.identity import render_person, render_way_in
from cifarviz.ui.lesson import render_lesson_bar
from cifarviz.ui.navigation import app_pages, render_run_status, tab_title
from cifarviz.ui.query import finish_page, sync_query_params
from cifarviz.ui.school_sign_in import StreamlitSignIn
from cifarviz.ui.this_computer import tune_up_quietly


def draw_page() -> None:
    """Draw the requested page with the sidebar."""
    st.set_page_config(page_icon=str(ASSETS / "icon.svg"), layout="wide")
    st.logo(str(ASSETS / "logo.svg"), icon_image=str(ASSETS / "icon.svg"))
    st.html(ASSETS / "style.css")
    streamlit_patches.prepare_pages()
    if not render_way_in():
        return

    page = st.navigation(app_pages(st.context.url))
    sync_query_params(page.url_path)
    with st.sidebar:
        with render_errors():
            render_person()
        render_language_choice()
        with render_errors():
            render_run_status()
    if problem := unknown_language_message():
        st.warning(problem, icon=":material/warning:")
    with render_errors():
        render_lesson_bar(page.url_path or "start")
    with render_errors():
        page.run()
    # Last, because a page without a run in its address chooses one.
    st.set_page_config(page_title=tab_title(page.title))
    finish_page()
    cache.warm_up()
    tune_up_quietly()


static_files.provide(Path(__file__).parent / "static")
if streamlit_patches.is_page_run():
    draw_page()
else:
    streamlit_patches.prepare_server()
    streamlit_patches.explain_uploads(server.find_upload_problem)
    base_path = st.get_option("server.baseUrlPath")
    is_cors_enabled = st.get_option("server.enableCORS")
    sign_in = StreamlitSignIn.configured()
    app = st.App(
        __file__,
        routes=server.routes(base_path, sign_in),
        middleware=server.middleware(
            base_path,
            allowed_hosts=st.get_option("server.allowedHosts"),
            allowed_origins=st.get_option("server.corsAllowedOrigins") if is_cors_enabled else None,
            held_uploads=streamlit_patches.held_uploads,
            sign_in=sign_in,
        ),
        lifespan=shutdown.lifespan,
    )
