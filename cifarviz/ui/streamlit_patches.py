"""Everything here that touches private parts of Streamlit.

=============================  ================================  ==================================
patch                          private part                      without it
=============================  ================================  ==================================
``keep_keras_session``         ``_clean_problem_modules``        training is a fifth slower
``uninterruptible_callbacks``  ``ScriptRunner._execing``         quick presses can be lost
``use_app_navigation``         ``uses_pages_directory``          a first link shows a bare page
``is_history_navigation``      ``ScriptRunContext`` attribute    Back may be taken for an echo
=============================  ================================  ==================================

All were tested with the releases in ``TESTED_RELEASES``, which are those that requirements.txt
allows. Where a release has changed a private part, the patch is left out and the log says so, once
a process; ``tests/ui/test_streamlit_patches.py`` fails for that release.

Three components rely on how Streamlit's page uses the browser's history, which is as private:
``components/one_step_back``, ``own_choices`` and ``address_setting``; their tests are in
``tests/browser``.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.scriptrunner import get_script_run_ctx, script_runner

TESTED_RELEASES = ("1.67",)

log = logging.getLogger(__name__)


def keep_keras_session() -> None:
    """Keep Streamlit from clearing the session of Keras after each run of a page.

    Streamlit does so in the whole process, because models that were cached in TensorFlow 1 broke
    (streamlit/streamlit issue 939): the kernels that TensorFlow has prepared for a run under way
    are thrown away, and scopes that another thread is in are lost. There is no setting for it.
    """
    if hasattr(script_runner, "_clean_problem_modules"):
        # Resolved by name after each run, so that replacing it in its module is enough.
        script_runner._clean_problem_modules = _do_nothing
    else:
        _warn("script_runner._clean_problem_modules", "Training may be slower with pages open.")


def _do_nothing() -> None:
    """Stand in for Streamlit's own clean-up."""


@contextmanager
def uninterruptible_callbacks() -> Iterator[None]:
    """Let the callback inside act to its end, though a newer press has come.

    Streamlit ends a run of the script for a newer press wherever the script touches the session
    state or the address, inside a callback too (streamlit/streamlit pull request 16763 describes
    what is lost). The flag says whether such an end may come; the newer press stays in its queue
    and is looked for as soon as the callbacks have run.
    """
    runner = _current_runner()
    if runner is None:
        yield
        return
    runner._execing = False
    try:
        yield
    finally:
        runner._execing = True


def _current_runner() -> Any:
    """The runner of this script where it may be interrupted, else ``None``."""
    context = get_script_run_ctx()
    # AppTest and plain scripts have a context without a runner, or none: nothing interrupts them.
    runner: Any = getattr(getattr(context, "_enqueue", None), "__self__", None)
    if runner is None:
        return None
    if not hasattr(runner, "_execing"):
        _warn("ScriptRunner._execing", "A press may be lost if the next one follows quickly.")
        return None
    return runner if runner._execing else None


def use_app_navigation() -> None:
    """Make a fresh server draw ``app.py`` for whatever page is asked for first.

    Until ``st.navigation`` has been called once, Streamlit takes the folder ``pages/`` for its
    older kind of multipage app: who follows a link to /train as the first visitor would get that
    file alone, without menu, layout and error handling, and so would all who come after.
    """
    if not hasattr(PagesManager, "uses_pages_directory"):
        _warn("PagesManager.uses_pages_directory", "The first link into the app may open oddly.")
    elif PagesManager.uses_pages_directory:
        PagesManager.uses_pages_directory = False
        st.rerun()


def is_history_navigation() -> bool:
    """Whether this run of the page is for the browser's Back or Forward button."""
    context = get_script_run_ctx()
    if context is None:
        return False
    if not hasattr(context, "is_history_navigation"):
        _warn("ScriptRunContext.is_history_navigation", "The browser's Back may need two presses.")
        return False
    return bool(context.is_history_navigation)


@cache
def _warn(part: str, consequence: str) -> None:
    """Say once a process that a patch could not be applied."""
    log.warning(
        "Streamlit %s has no %s any more (cifarviz was tested with %s). %s",
        st.__version__,
        part,
        ", ".join(TESTED_RELEASES),
        consequence,
    )
