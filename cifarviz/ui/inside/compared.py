"""Choosing what a network is compared with: another run, or another epoch of its own."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache

import streamlit as st

from cifarviz.datasets.registry import title_of
from cifarviz.errors import ArtifactMissing, CifarvizError
from cifarviz.experiment.experiment import Experiment
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import Weights
from cifarviz.ui import cache
from cifarviz.ui.address import quoted
from cifarviz.ui.epoch_scrubber import epochs_with_weights, keeps_weights
from cifarviz.ui.pickers import checkpoint_words, checkpoints_of, distinct_names, run_labels
from cifarviz.ui.query import render_choice

WITH, AT = "with", "at"
SIDE = "side"
"""Whose channel is open, in the address: ``"right"``, or nothing for the left one's."""

_SAME = "same"
_NOTHING = "none"


@dataclass(frozen=True)
class Compared:
    """The other run, the same one for another epoch, and its weights, with ``words`` for them."""

    run: Run
    weights: Weights
    words: str
    same_run: bool


def dependent() -> tuple[str, ...]:
    """What the address holds of a comparison, and makes no sense without it."""
    return (WITH, *_of_the_other())


def right_is_open() -> bool:
    """Whether the channel that the address names is one of the network on the right."""
    side = st.query_params.get(SIDE)
    if side not in (None, "right"):
        st.error(
            f"There is no side {quoted(side)}: the right network’s channel has “right” in the "
            "address, and the left one’s nothing.",
            icon=":material/error:",
        )
    return side == "right"


def choose_run(run: Run) -> Run | None:
    """Show a menu of the runs on the same data and return the one chosen, maybe ``run`` itself.

    The address holds it as ``with``. What it names and cannot be compared is said.
    """
    runs = cache.store().all()
    dataset = _dataset_of(run.experiment_json)
    fitting = [
        one
        for one in runs
        if one.id == run.id or (_dataset_of(one.experiment_json) == dataset and _has_weights(one))
    ]
    names = run_labels(fitting)
    options = {
        _NOTHING: "nothing",
        run.id: "this run at another epoch",
        **{one.id: names[one.id] for one in fitting if one.id != run.id},
    }
    chosen = render_choice(
        WITH,
        "Compare with",
        options,
        key="inside-with",
        hint="Shows what another network makes of the same image, or this one at another time of "
        "its training, beside each layer.",
        problem=lambda word: _cannot(word, st.query_params[WITH], run, runs),
        forget=_of_the_other(),
        menu=True,
    )
    return next((one for one in fitting if one.id == chosen), None)


def choose_weights(run: Run, epoch: int, other: Run) -> Compared:
    """Show a menu of the weights that ``other`` has kept; the address holds them as ``at``.

    ``epoch`` is the one that ``run`` is shown at. Raises ``ArtifactMissing`` if it has none.
    """
    same_run = other.id == run.id
    epochs = epochs_with_weights(other)
    options: dict[str, str] = {}
    if epochs and not same_run:
        options[_SAME] = "of the same epoch"
    options |= {name: checkpoint_words(other, name) for name in checkpoints_of(other)}
    options |= {str(epoch): epoch_words(epoch) for epoch in epochs}
    if not options:
        raise ArtifactMissing(
            "{run_name} has no weights (any more) to compare with.", run_name=quoted(other.name)
        )
    usual = next(iter(options))
    if epochs and same_run:
        # Its beginning is what a network differs from most; from itself not at all.
        usual = str(min(epochs) if min(epochs) != epoch else max(epochs))
    chosen = render_choice(
        AT,
        "Its weights",
        options,
        key="inside-at",
        hint="Those of the network on the right; once chosen they stay while the slider moves the "
        "left one, unless they are to be those of the same epoch.",
        problem=lambda word: (
            f"{quoted(other.name)} has kept no weights {word}: it is shown with others."
        ),
        usual=usual,
        menu=True,
    )
    if chosen == _SAME:
        near = _near(other, epochs, epoch)
        return Compared(other, epochs[near], epoch_words(near), same_run)
    if chosen.isdecimal():
        return Compared(other, epochs[int(chosen)], options[chosen], same_run)
    found = next(one for one in checkpoints_of(other) if one == chosen)
    return Compared(other, found, options[chosen], same_run)


def titles(run: Run, words: str, compared: Compared) -> tuple[str, str]:
    """What the two are called beside each other; ``words`` are for the weights of ``run``."""
    both = [words, compared.words]
    if compared.same_run:
        return both[0][0].upper() + both[0][1:], both[1][0].upper() + both[1][1:]
    names = distinct_names([run, compared.run])
    return f"{names[run.id]}, {both[0]}", f"{names[compared.run.id]}, {both[1]}"


def epoch_words(epoch: int) -> str:
    """What a person calls the weights of this epoch."""
    return "before training" if epoch == 0 else f"after epoch {epoch}"


def _of_the_other() -> tuple[str, ...]:
    # To be ordered by what has changed, channels need two epochs of one run.
    return (AT, SIDE, *(["order"] if st.query_params.get("order") == "change" else []))


def _near(other: Run, epochs: Collection[int], wanted: int) -> int:
    near = min(epochs, key=lambda epoch: abs(epoch - wanted))
    if near != wanted:
        st.caption(
            f"{quoted(other.name)} has kept no weights of epoch {wanted}: here are those "
            f"{epoch_words(near)}."
        )
    return near


def _cannot(word: str, run_id: str, run: Run, runs: Sequence[Run]) -> str:
    other = next((one for one in runs if one.id == run_id), None)
    if other is None:
        return f"There is no run {word} here to compare with."
    if not _has_weights(other):
        return f"{quoted(other.name)} has no weights, so there is nothing to compare with."
    mine, its = (_dataset_title(one) for one in (run, other))
    return (
        f"{quoted(other.name)} learns from {its} and {quoted(run.name)} from {mine}: two networks "
        "are compared on one image, so choose a run on the same data."
    )


def _has_weights(run: Run) -> bool:
    return bool(checkpoints_of(run)) or keeps_weights(run)


def _dataset_title(run: Run) -> str:
    name = _dataset_of(run.experiment_json)
    return "other data" if name is None else title_of(name)


# Reading an experiment takes a millisecond, and a home may have hundreds.
@lru_cache(maxsize=1024)
def _dataset_of(experiment_json: str) -> str | None:
    try:
        return Experiment.from_json(experiment_json).data.dataset
    except CifarvizError:
        # Written by a newer version: its own page says so.
        return None
