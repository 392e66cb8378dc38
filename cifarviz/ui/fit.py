"""What a run's curves say: underfitting, good or overfitting, with the numbers and what to try."""

from collections.abc import Sequence

import streamlit as st

from cifarviz.analysis.overfitting import (
    START_RULE,
    VERDICT_WORDS,
    Fit,
    Gap,
    format_loss,
    gap_after,
)
from cifarviz.analysis.suggestions import Suggestion, suggestions
from cifarviz.errors import CifarvizError
from cifarviz.experiment.address import pack_changes
from cifarviz.experiment.draft import draft_of
from cifarviz.experiment.presets import PRESETS
from cifarviz.live.items import VERDICT_COLORS
from cifarviz.runs.kept_weights import restored_best_weights
from cifarviz.runs.records import Epoch, Run
from cifarviz.ui.address import escaped
from cifarviz.ui.figure_row import Figure, figure_row
from cifarviz.ui.navigation import link_to

_UNKNOWN = "–"
_MOST_SUGGESTIONS = 4


def kept_gap(run: Run, epochs: Sequence[Epoch]) -> Gap | None:
    """The gap of the weights that ``run`` stands with: its last, or its best that it went back to.

    ``None`` before its first validated epoch.
    """
    try:
        kept = run.best_epoch if restored_best_weights(run) else run.epochs_done
    except CifarvizError:
        # What it was made to do cannot be read, so nothing says that it went back.
        kept = run.epochs_done
    return None if kept is None else gap_after(epochs, kept)


def verdict(fit: Fit) -> str:
    """Markdown of the verdict in its colour."""
    return f":{VERDICT_COLORS.get(fit.verdict, 'gray')}-badge[{VERDICT_WORDS[fit.verdict]}]"


def show_fit(run: Run, fit: Fit, kept: Gap | None) -> None:
    """Show the verdict with its reason, the gap in numbers, and what to try next.

    ``kept`` is the gap of the weights that the run stands with.
    """
    st.markdown(f"{verdict(fit)} {escaped(fit.reason)}")
    if fit.at_end is not None:
        figures = [
            Figure(
                "Overfitting starts",
                _UNKNOWN if fit.overfits_after is None else f"after epoch {fit.overfits_after}",
                START_RULE,
            )
        ]
        if fit.at_turn is not None:
            label = f"Gap after epoch {fit.at_turn.epoch}"
            figures.append(Figure(label, gap_words(fit.at_turn), _GAP_HELP))
        figures.append(
            Figure(f"Gap after epoch {fit.at_end.epoch}", gap_words(fit.at_end), _GAP_HELP)
        )
        if kept is not None and kept.epoch != fit.at_end.epoch:
            hint = f"{_GAP_HELP} The run went back to the weights of this epoch, its best."
            figures.append(Figure(f"Gap of its weights, epoch {kept.epoch}", gap_words(kept), hint))
        figure_row(figures)
    _show_suggestions(run, fit)


def gap_words(gap: Gap) -> str:
    """``loss 0.232, accuracy 8.2 points``."""
    return f"loss {format_loss(gap.loss)}, accuracy {100 * gap.accuracy:.1f} points"


def _show_suggestions(run: Run, fit: Fit) -> None:
    try:
        found = suggestions(run.experiment, fit, run.train_images)[:_MOST_SUGGESTIONS]
    except CifarvizError:
        return
    if not found:
        return
    st.markdown("**What to try next**, the largest expected effect first:")
    for number, one in enumerate(found, 1):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"{number}. **{one.what}**: {escaped(one.why)}.", width="content")
            _link(run, one)


def _link(run: Run, one: Suggestion) -> None:
    if one.experiment is None:
        link_to("train", "Set up", ":material/tune:", view="setup", run=run.id)
        return
    preset = one.experiment.preset
    known = preset if preset is not None and preset in PRESETS else next(iter(PRESETS))
    draft = draft_of(one.experiment, known)
    packed = pack_changes(draft)
    address = {"preset": draft.preset, **({} if packed is None else {"changes": packed})}
    link_to("train", "Set it up", ":material/tune:", view="setup", **address)


_GAP_HELP = (
    "How far validation is behind training: its loss less that of training, and the accuracy of "
    "training less its own. Training is measured while the network still learns, with dropout and "
    "augmentation at work, so it may be behind at first."
)
