"""The network on the right of two: its run and its weights."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache

import streamlit as st

from cifarviz.datasets.registry import dataset_title
from cifarviz.errors import ArtifactMissing, CifarvizError
from cifarviz.experiment.experiment import Experiment
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import WeightsChoice
from cifarviz.ui import cache
from cifarviz.ui.address import quoted
from cifarviz.ui.epoch_scrubber import epoch_label, epochs_with_weights, has_saved_weights
from cifarviz.ui.pickers import available_checkpoints, checkpoint_label, distinct_names, run_labels
from cifarviz.ui.query import render_choice

WITH, AT = "with", "at"
SIDE = "side"
"""Whose channel is open, in the address: ``"right"``, or nothing for the left one's."""
_SAME = "same"
_NONE = "none"


@dataclass(frozen=True)
class ComparedRun:
    """The other run, or the same run at another epoch, with its weights and their label."""

    run: Run
    weights: WeightsChoice
    label: str
    same_run: bool


def is_compared(run: Run) -> bool:
    """Whether the address compares ``run`` with itself or another run that can be compared."""
    wanted = st.query_params.get(WITH)
    return any(wanted == other.id for other in _comparable_runs(run, cache.store().all()))


def is_right_side() -> bool:
    """Whether the channel in the address is of the network on the right."""
    side = st.query_params.get(SIDE)
    if side not in (None, "right"):
        st.error(
            f"The address has the unknown side {quoted(side)}. Use “right” for a channel of the "
            "right network; leave it out for the left network.",
            icon=":material/error:",
        )
    return side == "right"


def pick_compared_run(run: Run) -> Run | None:
    """Render a menu of the runs on the same data and return the choice, maybe ``run`` itself.

    The address holds it as ``with``. A run there that cannot be compared is reported.
    """
    runs = cache.store().all()
    comparable = _comparable_runs(run, runs)
    names = run_labels(comparable)
    options = {
        _NONE: "nothing",
        run.id: "this run at another epoch",
        **{candidate.id: names[candidate.id] for candidate in comparable if candidate.id != run.id},
    }
    chosen = render_choice(
        WITH,
        "Compare with",
        options,
        key="inside-with",
        hint="Shows another network, or this network at another epoch, side by side for the same "
        "image.",
        problem=lambda word: _comparison_problem(word, st.query_params[WITH], run, runs),
        forget=compared_params(),
        menu=True,
    )
    return next((candidate for candidate in comparable if candidate.id == chosen), None)


def pick_compared_weights(run: Run, epoch: int, other: Run) -> ComparedRun:
    """Render a menu of the weights of ``other``; the address holds them as ``at``.

    ``epoch`` is the epoch of ``run`` on the page. Raises ``ArtifactMissing`` if ``other`` has
    none.
    """
    same_run = other.id == run.id
    epochs = epochs_with_weights(other)
    options: dict[str, str] = {}
    if epochs and not same_run:
        options[_SAME] = "same epoch"
    options |= {name: checkpoint_label(other, name) for name in available_checkpoints(other)}
    options |= {str(epoch): epoch_label(epoch) for epoch in epochs}
    if not options:
        raise ArtifactMissing(
            "{run_name} has no weights to compare with.", run_name=quoted(other.name)
        )
    usual = next(iter(options))
    if epochs and same_run:
        # A network differs most from its first epoch.
        usual = str(min(epochs) if min(epochs) != epoch else max(epochs))
    chosen = render_choice(
        AT,
        "Weights on the right",
        options,
        key="inside-at",
        hint="The weights of the network on the right. They stay when the slider changes the left "
        "epoch, except with “same epoch”.",
        problem=lambda word: (
            f"{quoted(other.name)} has no weights {word}. Its default weights are shown."
        ),
        usual=usual,
        menu=True,
    )
    if chosen == _SAME:
        nearest = _nearest_epoch(other, epochs, epoch)
        return ComparedRun(other, epochs[nearest], epoch_label(nearest), same_run)
    if chosen.isdecimal():
        return ComparedRun(other, epochs[int(chosen)], options[chosen], same_run)
    checkpoint = next(name for name in available_checkpoints(other) if name == chosen)
    return ComparedRun(other, checkpoint, options[chosen], same_run)


def network_titles(run: Run, weights_label: str, compared: ComparedRun) -> tuple[str, str]:
    """The titles of the two networks; ``weights_label`` is for the weights of ``run``."""
    both = [weights_label, compared.label]
    if compared.same_run:
        return both[0][0].upper() + both[0][1:], both[1][0].upper() + both[1][1:]
    names = distinct_names([run, compared.run])
    return f"{names[run.id]}, {both[0]}", f"{names[compared.run.id]}, {both[1]}"


def compared_params() -> tuple[str, ...]:
    """The query parameters that belong to a comparison."""
    # The order by change needs two epochs of a run.
    return (AT, SIDE, *(["order"] if st.query_params.get("order") == "change" else []))


def _nearest_epoch(other: Run, epochs: Collection[int], wanted: int) -> int:
    nearest = min(epochs, key=lambda epoch: abs(epoch - wanted))
    if nearest != wanted:
        st.caption(
            f"{quoted(other.name)} has no weights of epoch {wanted}. Its weights "
            f"{epoch_label(nearest)} are shown."
        )
    return nearest


def _comparison_problem(name: str, run_id: str, run: Run, runs: Sequence[Run]) -> str:
    other = next((run_ for run_ in runs if run_.id == run_id), None)
    if other is None:
        return f"There is no run {name} to compare with."
    if not _has_weights(other):
        return f"{quoted(other.name)} has no weights to compare with."
    mine, its = (_dataset_title(run_) for run_ in (run, other))
    return (
        f"{quoted(other.name)} was trained on {its} and {quoted(run.name)} on {mine}. Choose a "
        "run on the same data set."
    )


def _comparable_runs(run: Run, runs: Sequence[Run]) -> list[Run]:
    """Return ``run`` and those on the same data set that have weights."""
    dataset = _dataset_of(run.experiment_json)
    return [
        candidate
        for candidate in runs
        if candidate.id == run.id
        or (_dataset_of(candidate.experiment_json) == dataset and _has_weights(candidate))
    ]


def _has_weights(run: Run) -> bool:
    return bool(available_checkpoints(run)) or has_saved_weights(run)


def _dataset_title(run: Run) -> str:
    name = _dataset_of(run.experiment_json)
    return "other data" if name is None else dataset_title(name)


# Parsing an experiment takes a millisecond, and a home may have hundreds.
@lru_cache(maxsize=1024)
def _dataset_of(experiment_json: str) -> str | None:
    try:
        return Experiment.from_json(experiment_json).data.dataset
    except CifarvizError:
        # Written by a newer version, which its own page reports.
        return None
