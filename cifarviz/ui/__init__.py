"""The only part of the package that knows Streamlit."""

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

# Until app.py has called st.navigation once, Streamlit takes the folder pages/ for its older kind
# of multipage app: the first visitor of a fresh server who follows a link to /train would get
# that file alone, without menu, layout and error handling, and so would all who come after.
if PagesManager.uses_pages_directory:
    PagesManager.uses_pages_directory = False
    st.rerun()
