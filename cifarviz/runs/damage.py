"""Check stored records of runs, and replace invalid values.

Only this program writes the store, but a disk, another tool or another version may have changed it.
A damaged record must not keep the others from being listed.
"""

import math
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, get_args

from cifarviz.errors import CifarvizError
from cifarviz.runs.artifacts import Checkpoint
from cifarviz.runs.records import parse_experiment, scaling_from_json
from cifarviz.runs.states import Action, RunState

MAX_TIME = 4_102_444_800.0
"""Unix time of the year 2100; a later time is in milliseconds, or invalid."""

_STATES, _ACTIONS = frozenset(RunState), frozenset(Action)
_SAFE_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
# Replaces a damaged id; no valid id looks like it.
_ROW = re.compile(r"row:([0-9]{1,18})")


class _Rule(NamedTuple):
    """The description of a column's values, their test, and a replacement for invalid ones."""

    description: str
    is_valid: Callable[[Any], bool]
    replacement: object = None


def _number(low: float, high: float) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int | float) and low <= value <= high


def _count(low: int = 0) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int) and low <= value <= 10**9


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _scaling(value: Any) -> bool:
    try:
        scaling = scaling_from_json(value)
        numbers = [*scaling.scale, *scaling.offset]
        same = len(scaling.scale) == len(scaling.offset)
        return same and all(isinstance(n, int | float) and math.isfinite(n) for n in numbers)
    except (KeyError, TypeError, ValueError, RecursionError):
        return False


def _optional(rule: _Rule) -> _Rule:
    return _Rule(
        f"{rule.description}, or nothing", lambda value: value is None or rule.is_valid(value)
    )


_TIME = _Rule("a time from 1970 to 2100, in seconds", _number(0, MAX_TIME), 0.0)
_SECONDS = _Rule("a number of seconds", _number(0, 1e10), 0.0)
_COUNT = _optional(_Rule("a whole number from 0", _count()))
_RATE = _optional(_Rule("a number from 0", _number(0, 1e12)))
_SHARE = _optional(_Rule("a share from 0 to 1", _number(0, 1)))
_TEXT = _optional(_Rule("text", _text))

_RULES: Mapping[str, _Rule] = MappingProxyType(
    {
        "id": _Rule(
            "letters and digits", lambda value: _text(value) and bool(_SAFE_ID.fullmatch(value))
        ),
        "name": _Rule("text", lambda value: _text(value) and bool(value.strip()), "(no name)"),
        "state": _Rule(
            "a state that this version knows", lambda value: value in _STATES, RunState.FAILED
        ),
        "experiment": _Rule("text", _text, "{}"),
        "origin": _Rule("text", _text, "unknown"),
        "machine": _Rule("text", _text, "unknown"),
        "created": _TIME,
        "started": _optional(_TIME),
        "ended": _optional(_TIME),
        # Only compared with other times, never shown.
        "heartbeat": _optional(_Rule("a time in seconds", _number(0, 1e13))),
        "seconds": _SECONDS,
        "seconds_left": _optional(_SECONDS),
        "train_images": _COUNT,
        "validation_images": _COUNT,
        "images_per_second": _RATE,
        "current_rate": _RATE,
        "precision": _optional(
            _Rule("float32 or bfloat16", lambda value: value in ("float32", "bfloat16"))
        ),
        "scaling": _optional(_Rule("a scale and an offset for each channel", _scaling)),
        "precision_reason": _TEXT,
        "message": _TEXT,
        "note": _TEXT,
        "remark": _TEXT,
        "phase": _TEXT,
        "parent": _TEXT,
        "data_fingerprint": _TEXT,
        "parent_epoch": _COUNT,
        "stopped_early": _COUNT,
        "attempt": _Rule("a whole number from 0", _count(), 0),
        "exact_loss_from": _optional(_Rule("an epoch from 1", _count(1))),
        "starred": _Rule("0 or 1", lambda value: value in (0, 1), 0),
        "owner": _TEXT,
        "shown": _Rule("0 or 1", lambda value: value in (0, 1), 0),
        "gives_way": _Rule("0 or 1", lambda value: value in (0, 1), 0),
        "gave_way_to": _TEXT,
        "epoch": _COUNT,
        "step": _COUNT,
        "steps_per_epoch": _COUNT,
        # Computed from its epochs.
        "epochs_done": _Rule("a whole number from 0", _count(), 0),
        "best_epoch": _COUNT,
        "best_loss": _optional(_Rule("a loss", _number(-1, 1e39))),
        "best_epoch_val_accuracy": _SHARE,
        "best_val_accuracy": _SHARE,
        "best_val_accuracy_epoch": _COUNT,
        "last_val_accuracy": _SHARE,
    }
)


def check_columns(row: Mapping[str, Any]) -> tuple[dict[str, Any], str | None]:
    """Return the columns of a row of ``SELECT_RUNS``, invalid values replaced, and the damage.

    The damage is a sentence, or ``None`` for a valid record.
    """
    columns = dict(row)
    damage = None
    # Checked first, since other columns are computed from them.
    if columns["bad_epochs"]:
        damage = "Its history has an invalid epoch."
    elif columns["bad_batches"]:
        damage = "Its training steps are invalid, or differ in number from their values."
    for name, rule in _RULES.items():
        value = columns[name]
        if not rule.is_valid(value):
            damage = (
                damage
                or f"Its “{name}” is {_format_value(value)}, but should be {rule.description}."
            )
            columns[name] = rule.replacement
    # A newer version may have stored other values; they are ignored.
    if columns["preferred"] not in get_args(Checkpoint):
        columns["preferred"] = None
    if columns["requested"] not in _ACTIONS:
        columns["requested"] = None
    damage = damage or _history_damage(columns)
    if columns["id"] is None:
        # ``row_key`` finds it by this id, to delete it; it cannot be trained in any state.
        columns |= {"id": f"row:{row['row_number']}", "state": RunState.FAILED}
    if damage is not None:
        columns |= {"epochs_done": 0, "best_epoch": None, "best_loss": None}
        columns |= {name: None for name, rule in _RULES.items() if rule is _SHARE}
        columns |= {"best_val_accuracy_epoch": None}
    return columns, damage


def is_safe_id(run_id: str) -> bool:
    """Whether this may be the name of a folder."""
    return bool(_SAFE_ID.fullmatch(run_id))


def row_key(run_id: str) -> tuple[str, str | int]:
    """Return the column of ``runs`` that identifies a run, and its value there.

    That is its id or, for a record with a damaged id, the number of its row.
    """
    match = _ROW.fullmatch(run_id)
    return ("id", run_id) if match is None else ("rowid", int(match[1]))


def _history_damage(columns: Mapping[str, Any]) -> str | None:
    unreadable = parse_experiment(columns["experiment"])
    if isinstance(unreadable, CifarvizError):
        return str(unreadable)
    first, last = (columns["parent_epoch"] or 0) + 1, columns["epochs_done"]
    rows = columns["epoch_rows"]
    if rows and (columns["first_epoch"] != first or last - first + 1 != rows):
        return f"Its {rows} epochs are not consecutive from epoch {first}."
    return None


def _format_value(value: object) -> str:
    if value is None:
        return "missing"
    text = f"“{value}”" if isinstance(value, str) else repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"
