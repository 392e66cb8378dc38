"""The fourth scene: where learning became learning by heart, or what else the curves show."""

from collections.abc import Sequence
from typing import Final

import streamlit as st

from cifarviz.analysis.overfitting import Fit, Gap, Verdict, judge_run
from cifarviz.analysis.suggestions import suggestions
from cifarviz.errors import CifarvizError
from cifarviz.escaping import html_text
from cifarviz.figures.replay import still
from cifarviz.runs.records import Run
from cifarviz.runs.run_headline import headline as headline_of
from cifarviz.runs.run_headline import highest
from cifarviz.ui import cache
from cifarviz.ui.address import escaped, quoted
from cifarviz.ui.components.replay import Turn, replay_curves
from cifarviz.ui.earlier_losses import earlier_losses_sentence
from cifarviz.ui.present.course import course
from cifarviz.ui.present.stage import Stage, headline
from cifarviz.ui.present.standing import mark_of

# rem of the panel.
_HEIGHT = 15.5
_TITLES: Final[dict[Verdict, str]] = {
    "good": "It has learned, and not by heart",
    "underfitting": "It could learn more",
    "still improving": "It is still improving",
    "noisy": "Too noisy to say",
    "diverging": "It is unlearning",
    "stopped": "Stopped in the middle",
    "too early": "Too early to say",
    "not measured": "Nobody can tell",
}
# So little a change of accuracy is hardly one.
_HARDLY = 0.02


def show(stage: Stage) -> Sequence[str]:
    """The two losses with the start of overfitting marked, and the verdict in words."""
    assert stage.run is not None
    run = stage.run
    fit = judge_run(run, stage.history)
    headline(_title(fit))
    if not stage.history:
        st.info(
            f"{quoted(run.name)} has not finished an epoch, so there are no curves to judge.",
            icon=":material/info:",
        )
        return ["The verdict needs the validation loss of at least four epochs."]
    replay_curves(
        still(course(cache.store(), run), "loss"),
        key="present-turn",
        view=run.id,
        height=_HEIGHT,
        mark=mark_of(run),
        description=f"Training and validation loss of “{run.name}”, with the verdict",
        turn=Turn(fit.turn, f"overfitting starts: epoch {fit.turn}") if fit.turn else None,
    )
    st.html(f'<p class="present-words present-reason">{html_text(fit.reason)}</p>{_figures(fit)}')
    return _notes(fit, stage)


def _title(fit: Fit) -> str:
    if fit.verdict == "overfitting":
        if fit.turn is None:
            return "It learns by heart"
        return f"After epoch {fit.turn} it learns by heart"
    return _TITLES[fit.verdict]


def _figures(fit: Fit) -> str:
    """The gap in accuracy where overfitting starts and at the end, to be read from afar."""
    cells = "".join(
        f"<div><b>{abs(100 * gap.accuracy):.1f}</b><span>points of accuracy: {_ahead(gap)} after "
        f"epoch {gap.epoch}</span></div>"
        for gap in (fit.at_turn, fit.at_end)
        if gap is not None
    )
    return f'<div class="present-figures">{cells}</div>' if cells else ""


def _ahead(gap: Gap) -> str:
    points = round(100 * gap.accuracy, 1)
    if not points:
        return "training and validation are level"
    return "training is ahead of validation" if points > 0 else "validation is ahead of training"


def _notes(fit: Fit, stage: Stage) -> Sequence[str]:
    notes = [escaped(fit.reason)]
    run = stage.run
    assert run is not None
    if fit.at_turn is not None and fit.at_end is not None:
        notes.append(
            f"The gap in loss went from {fit.at_turn.loss:.2f} after epoch {fit.at_turn.epoch} to "
            f"{fit.at_end.loss:.2f} after epoch {fit.at_end.epoch}.{_meanwhile(fit, stage)}"
        )
    elif fit.verdict == "overfitting":
        notes.append("No epoch is marked in the chart: the gap shows it, not the validation loss.")
    if run.best_epoch is not None:
        notes.append(". ".join(filter(None, [f"Best: {headline_of(run)}", highest(run)])) + ".")
    if earlier := earlier_losses_sentence(run):
        notes.append(earlier)
    if next_step := _next_step(fit, run):
        notes.append(next_step)
    return notes


def _next_step(fit: Fit, run: Run) -> str:
    """What promises most against what the curves show."""
    try:
        found = suggestions(run.experiment, fit, run.train_images)
    except CifarvizError:
        return ""
    return f"To try next: **{found[0].what}**: {escaped(found[0].why)}." if found else ""


def _meanwhile(fit: Fit, stage: Stage) -> str:
    """What became of validation accuracy since overfitting started."""
    measured = {one.epoch: one.val_accuracy for one in stage.history}
    assert fit.at_turn is not None
    assert fit.at_end is not None
    before, after = measured[fit.at_turn.epoch], measured[fit.at_end.epoch]
    if before is None or after is None:
        return ""
    words = f" Validation accuracy went from {before:.1%} to {after:.1%} meanwhile"
    if abs(after - before) < _HARDLY:
        return f"{words}: it is hardly wrong more often, but surer of it."
    return f"{words}."
