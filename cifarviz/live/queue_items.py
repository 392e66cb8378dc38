"""Items of all active runs: those that train, what the others wait for, and how long it takes."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from cifarviz.free_memory import RUN_BYTES
from cifarviz.live.items import Item, place_text, progress_item, progress_text, timed_progress_text
from cifarviz.runs.records import Run
from cifarviz.runs.states import RunState
from cifarviz.training.queue_estimate import QueueEstimate, is_training

CURRENT: Final = "current"
"""The name of the first item of the feed ``STATUS``."""
QUEUE: Final = "queue"
"""The name of the item that sums up all active runs."""
# The sidebar is narrow.
_MOST_SHOWN = 4
_NO_ESTIMATE = QueueEstimate()


def active_items(active: Sequence[Run], estimate: QueueEstimate) -> dict[str, Item]:
    """Return an item for each active run that is not hidden by its id, and one that sums up all."""
    return {
        QUEUE: Item(text=queue_text(active, estimate)),
        **{
            run.id: progress_item(run, waiting=waiting_text(run, active, estimate))
            for run in active
            if not run.hidden
        },
    }


def status_items(active: Sequence[Run], estimate: QueueEstimate) -> dict[str, Item]:
    """Return the runs in training, a few of them, and how many wait; for the sidebar."""
    if not active:
        return {CURRENT: Item(text="Nothing is training.")}
    training = [run for run in active if is_training(run)] or active[:1]
    shown = training[:_MOST_SHOWN]
    # Not ids, which only those learn who see the runs.
    names = [CURRENT, *(f"run-{number}" for number in range(2, len(shown) + 1))]
    items = {
        name: _status_item(run, alone=len(shown) == 1)
        for name, run in zip(names, shown, strict=True)
    }
    last = items[names[-1]]
    hidden = f"{len(training) - len(shown)} more in training" if len(training) > len(shown) else ""
    waiting = _rest_text(len(active) - len(training), estimate) if len(active) > 1 else ""
    items[names[-1]] = replace(last, note="\n".join(filter(None, [last.note, hidden, waiting])))
    return items


def _status_item(run: Run, *, alone: bool) -> Item:
    # Where it trains in small print, so that the line above seldom wraps.
    item, place = progress_item(run), place_text(run)
    note = "\n".join(filter(None, [place, item.note if alone else ""]))
    return replace(item, text=timed_progress_text(run), note=note)


def _rest_text(waiting: int, estimate: QueueEstimate) -> str:
    count = f"{waiting} more waiting" if waiting else ""
    time = "" if estimate.seconds is None else f"all done in {_format_time(estimate)}"
    return ", ".join(filter(None, [count, time]))


def queue_text(active: Sequence[Run], estimate: QueueEstimate) -> str:
    """Return how many runs train and wait, and for how long; empty for less than two runs."""
    if len(active) < 2:
        return ""
    training = sum(map(is_training, active))
    text = f"{training} in training, {len(active) - training} waiting"
    if estimate.seconds is not None:
        text += f": all done in {_format_time(estimate)}"
    return f"{text}."


def waiting_text(run: Run, active: Sequence[Run], estimate: QueueEstimate = _NO_ESTIMATE) -> str:
    """Return what a queued run waits for, and how long, as text; empty for other runs."""
    if run.state is not RunState.QUEUED:
        return ""
    if run.orphaned:
        return progress_text(run)
    # Runs whose process has ended do not block others.
    served = [other for other in active if not other.orphaned]
    ids = [other.id for other in served]
    before = served[: ids.index(run.id)] if run.id in ids else []
    if estimate.lacks_memory and all(map(is_training, before)):
        return f"waiting for {RUN_BYTES / 1e9:.1f} GB of free memory, or the end of another run"
    starts = estimate.starts.get(run.id)
    if not before or starts == 0:
        return "starting next"
    first = next((other for other in before if other.id == run.gave_way_to), None)
    if first is not None:
        text = f"gave way to {_format_name(first)}"
        return text if starts is None else f"{text}, goes on in about {_format_rough(starts)}"
    others = len(before) - 1
    text = f"waiting for {_format_name(before[-1])}" + (f" and {others} more" if others else "")
    return text if starts is None else f"{text}, starts in about {_format_rough(starts)}"


def _format_name(run: Run) -> str:
    # What is in quotation marks is a name.
    return run.name if run.hidden else f"“{run.name}”"


def _format_time(estimate: QueueEstimate) -> str:
    assert estimate.seconds is not None
    return f"{'about' if estimate.is_complete else 'at least'} {_format_rough(estimate.seconds)}"


def _format_rough(seconds: float) -> str:
    """``20 s``, ``12 min``, ``2 h 10 min``: changes seldom, since it is an estimate."""
    if seconds < 55:
        return f"{max(round(seconds / 10), 1) * 10} s"
    minutes = max(round(seconds / 60), 1)
    if minutes >= 60:
        minutes = round(minutes / 5) * 5
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes} min"
