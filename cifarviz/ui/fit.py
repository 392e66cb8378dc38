"""What a run's curves say: underfitting, good or overfitting, with the numbers and what to try."""

from collections.abc import Sequence

import streamlit as st

from cifarviz.analysis.overfitting import VERDICT_WORDS, Fit, Gap, judge_history
from cifarviz.analysis.suggestions import Suggestion, suggestions
from cifarviz.errors import CifarvizError
from cifarviz.experiment.address import pack_changes
from cifarviz.experiment.draft import draft_of
from cifarviz.experiment.presets import PRESETS
from cifarviz.runs.records import Epoch, Run
from cifarviz.ui.address import escaped
from cifarviz.ui.figure_row import Figure, figure_row
from cifarviz.ui.navigation import link_to

_COLORS = {"overfitting": "orange", "good": "green", "underfitting": "blue"}
_UNKNOWN = "–"
_MOST_SUGGESTIONS = 4


def fit_of(run: Run, epochs: Sequence[Epoch]) -> Fit:
    """What the history of ``run`` says; of a fork, that of its own epochs."""
    return judge_history(epochs, ended=not run.state.active)


def verdict(fit: Fit) -> str:
    """Markdown of the verdict in its colour."""
    return f":{_COLORS.get(fit.verdict, 'gray')}-badge[{VERDICT_WORDS[fit.verdict]}]"


def show_fit(run: Run, fit: Fit) -> None:
    """Show the verdict with its reason, the gap in numbers, and what to try next."""
    st.markdown(f"{verdict(fit)} {escaped(fit.reason)}")
    if fit.at_end is not None:
        figures = [
            Figure(
                "Turn",
                _UNKNOWN if fit.turn is None else f"epoch {fit.turn}",
                "The epoch with the lowest validation loss, if the loss has turned there: from "
                "then on it rose by more than noise does.",
            )
        ]
        if fit.at_turn is not None:
            figures.append(Figure("Gap at the turn", gap_words(fit.at_turn), _GAP_HELP))
        figures.append(
            Figure(f"Gap after epoch {fit.at_end.epoch}", gap_words(fit.at_end), _GAP_HELP)
        )
        figure_row(figures)
    _show_suggestions(run, fit)


def gap_words(gap: Gap) -> str:
    """``loss 0.232, accuracy 8.2 points``."""
    return f"loss {gap.loss:.3f}, accuracy {100 * gap.accuracy:.1f} points"


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
