"""SIGTERM and Ctrl-C: a command ends in order, and within seconds in any case."""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from cifarviz.cli.output import print_message

INTERRUPTED = 130
"""The exit code of a command that was ended by Ctrl-C."""
_PATIENCE_SECONDS = 4.5


@contextmanager
def sigterm_as_interrupt() -> Iterator[None]:
    """Raise ``KeyboardInterrupt`` on SIGTERM, with which service managers end programs."""
    is_default = signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    if not is_default or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def exit_in_time(problem: str = "") -> None:
    """End this process in some seconds, if it has not ended by then; ``problem`` says what is lost.

    While TensorFlow is loaded or traces a network, nothing in Python can stop it.
    """
    threading.Thread(target=_exit, args=(problem,), name="cifarviz-exit", daemon=True).start()


def _exit(problem: str) -> None:
    time.sleep(_PATIENCE_SECONDS)
    try:
        if problem:
            print_message(problem)
        sys.stdout.flush()
    finally:
        # Also where nobody reads what is printed.
        os._exit(INTERRUPTED)
