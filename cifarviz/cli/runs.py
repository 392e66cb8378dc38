"""Finding the run that somebody names on the command line."""

from cifarviz.errors import RunNotFound
from cifarviz.runs.records import Run
from cifarviz.runs.store import RunStore


def find_run(store: RunStore, named: str) -> Run:
    """The run with this id, or the only one whose id begins so; raises ``RunNotFound``."""
    matches = [run for run in store.all() if named and run.id.startswith(named)]
    exact = [run for run in matches if run.id == named]
    if len(exact or matches) == 1:
        return (exact or matches)[0]
    if matches:
        raise RunNotFound(f"{len(matches)} runs begin with “{named}”: give more of the id.")
    raise RunNotFound(f"There is no run “{named}”. The runs command lists those there are.")
