"""How losses of earlier versions are marked, wherever losses are shown or compared."""

from collections.abc import Iterable, Mapping, Sequence

import streamlit as st

from cifarviz.live.words import named
from cifarviz.runs.earlier_losses import EXPLANATION, PLAIN, earlier_losses, losses_words
from cifarviz.runs.lineage import ancestors
from cifarviz.runs.records import Run
from cifarviz.ui import cache
from cifarviz.ui.address import escaped


def show_earlier_losses(runs: Iterable[tuple[str, Run]]) -> None:
    """Say how the losses of ``runs``, each under a name, were computed, unless all are exact."""
    groups: dict[str, list[str]] = {}
    for name, run in runs:
        groups.setdefault(losses_words(run), []).append(name)
    earlier = {words: names for words, names in groups.items() if words != PLAIN}
    if not earlier:
        return
    if len(groups) == 1:
        sentence = f"Losses: {next(iter(earlier))}."
    else:
        marked = "; ".join(f"{named(names)}: {words}" for words, names in earlier.items())
        sentence = f"Losses are not computed alike. {marked}"
        sentence += f"; the others: {PLAIN}." if PLAIN in groups else "."
    st.caption(f":material/info: {escaped(sentence)}", help=EXPLANATION)


def show_earlier_losses_of_curves(names: Mapping[str, str], runs: Sequence[Run]) -> None:
    """Say so below curves, which begin with those of a fork's ancestors.

    ``names`` are the names of ``runs`` by id.
    """
    drawn = {run.id: run for run in runs}
    for run in runs:
        drawn |= {one.id: one for one in ancestors(cache.store(), run) if one.id not in drawn}
    show_earlier_losses((names.get(run.id, run.name), run) for run in drawn.values())


def earlier_losses_sentence(run: Run) -> str:
    """How the losses of one run were computed, as a sentence; empty if they are exact."""
    return "" if earlier_losses(run) is None else f"Losses: {losses_words(run)}."
