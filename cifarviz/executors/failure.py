"""The ending of a run whose training raised an error."""

import logging

from cifarviz.errors import CifarvizError
from cifarviz.runs.states import RunState
from cifarviz.training.ending import Ending

log = logging.getLogger(__name__)


def failed_ending(run_id: str, error: Exception) -> Ending:
    """Return how a run ends whose training raised ``error``; unexpected errors are logged."""
    if isinstance(error, CifarvizError):
        return Ending(RunState.FAILED, str(error))
    log.error("run %s failed", run_id, exc_info=error)
    return Ending(RunState.FAILED, f"Training failed: {format_error(error)}")


def format_error(error: Exception) -> str:
    """Format an error for the run's message, without a full stop."""
    if isinstance(error, CifarvizError):
        return str(error).rstrip(".")
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
