"""Keeps Streamlit's hands off Keras.

After each run of a page Streamlit clears Keras' session, which is the whole process's: the kernels
TensorFlow has prepared are thrown away, which slows a training run under way by a fifth, and scopes
that another thread is in the middle of are lost. cifarviz leaves nothing in a session that would
have to be cleared. There is no setting for it, so the step is taken out of Streamlit; a test sees
that it is.
"""

from streamlit.runtime.scriptrunner import script_runner

_STEP = "_clean_problem_modules"


def keep() -> None:
    """Let Keras keep its state from now on, in this process."""
    if hasattr(script_runner, _STEP):
        setattr(script_runner, _STEP, _nothing)


def _nothing() -> None:
    """In the place of Streamlit's own."""
