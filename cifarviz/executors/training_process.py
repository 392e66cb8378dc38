"""A process that trains runs of a home, one after another; ``processes.py`` starts it.

It answers each line of JSON on its standard input, which names an attempt at a run, with a line
that says how the run ends. The end of the input ends it at once, in the middle of a step, too:
that is how it learns that its parent has died. It also ends when nothing came for a while, which
frees its memory.
"""

import json
import os
import sys
import threading
from dataclasses import asdict
from queue import Empty, SimpleQueue
from typing import Any, TextIO

from cifarviz.errors import LeaseLost
from cifarviz.executors.executor import Job
from cifarviz.executors.failure import failed_ending
from cifarviz.executors.local import train_here
from cifarviz.loading import tensorflow_imports
from cifarviz.runs.leases import Attempt
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings

READY = {"ready": True}
"""The first line, once TensorFlow is loaded."""
IDLE = 0
"""The exit code of a process that ended because nothing came."""


def main(idle_seconds: float) -> None:
    """Train what is asked for until the input ends, or nothing came for so long."""
    answers = _own_output()
    attempts: SimpleQueue[dict[str, Any]] = SimpleQueue()
    threading.Thread(target=_read, args=(attempts,), daemon=True).start()
    settings = Settings.from_environment()
    with tensorflow_imports(settings.home):
        import cifarviz.training.engine  # noqa: F401
    _send(answers, READY)
    store = RunStore(settings)
    while True:
        try:
            wanted = attempts.get(timeout=idle_seconds)
        except Empty:
            # Not through the interpreter's end, which waits for TensorFlow's threads.
            os._exit(IDLE)
        _send(answers, _train(store, **wanted))


def _own_output() -> TextIO:
    """Return the standard output; what libraries print goes to the error output from now on."""
    output = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return output


def _read(attempts: SimpleQueue[dict[str, Any]]) -> None:
    for line in sys.stdin:
        attempts.put(json.loads(line))
    os._exit(1)


def _send(answers: TextIO, answer: object) -> None:
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


def _train(store: RunStore, run: str, attempt: int, owner: str) -> dict[str, Any]:
    try:
        return asdict(train_here(Job(store, store.get(run), Attempt(attempt, owner))))
    except LeaseLost as error:
        return {"lost": str(error)}
    except Exception as error:
        return asdict(failed_ending(run, error))


if __name__ == "__main__":
    main(float(sys.argv[1]))
