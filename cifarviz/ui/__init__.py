"""The only part of the package that knows Streamlit."""

from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.scriptrunner import RerunData, RerunException, get_script_run_ctx

# Until app.py has called st.navigation once, Streamlit takes the folder pages/ for its older kind
# of multipage app: the first visitor of a fresh server who follows a link to /train would get
# that file alone, without menu, layout and error handling, and so would all who come after.
if PagesManager.uses_pages_directory:
    PagesManager.uses_pages_directory = False
    context = get_script_run_ctx()
    if context is not None:
        # Not st.rerun: it would ask for the page that the older kind found, which is Start when
        # the address names none that exists.
        asked = context.pages_manager
        raise RerunException(
            RerunData(
                query_string=context.query_string,
                page_script_hash=asked.intended_page_script_hash or "",
                page_name=asked.intended_page_name or "",
                cached_message_hashes=context.cached_message_hashes,
                context_info=context.context_info,
            )
        )
