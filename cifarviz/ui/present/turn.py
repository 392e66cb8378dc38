"""The fourth scene: where learning turned into learning by heart."""

from collections.abc import Sequence

import streamlit as st

from cifarviz.analysis.overfitting import Fit, Gap
from cifarviz.analysis.suggestions import suggestions
from cifarviz.errors import CifarvizError
from cifarviz.escaping import html_text
from cifarviz.figures.replay import still
from cifarviz.runs.records import Run
from cifarviz.ui.address import escaped, quoted
from cifarviz.ui.components.replay import Turn, replay_curves
from cifarviz.ui.earlier_losses import earlier_losses_sentence
from cifarviz.ui.fit import fit_of
from cifarviz.ui.present.course import course
from cifarviz.ui.present.stage import Stage, headline
from cifarviz.ui.present.standing import mark_of

# rem of the panel.
_HEIGHT = 15.5
# So little a change of accuracy is hardly one.
_HARDLY = 0.02


def show(stage: Stage) -> Sequence[str]:
    """The two losses with the turn marked and the gap shaded, and the verdict in words."""
    assert stage.run is not None
    run = stage.run
    fit = fit_of(run, stage.history)
    headline(_title(fit))
    if not stage.history:
        st.info(
            f"{quoted(run.name)} has not finished an epoch, so there is no turn to look for.",
            icon=":material/info:",
        )
        return ["A turn is looked for in the validation loss of at least four epochs."]
    turned = fit.verdict == "overfitting" and fit.turn is not None
    replay_curves(
        still(course(run), "loss"),
        key="present-turn",
        view=run.id,
        height=_HEIGHT,
        mark=mark_of(run),
        description=f"Training and validation loss of “{run.name}”, with the turn",
        turn=Turn(fit.turn, f"the turn: epoch {fit.turn}") if turned and fit.turn else None,
    )
    st.html(f'<p class="present-words present-reason">{html_text(fit.reason)}</p>{_figures(fit)}')
    return _notes(fit, stage)


def _title(fit: Fit) -> str:
    if fit.verdict == "overfitting":
        if fit.turn is None:
            return "It learns by heart"
        return f"After epoch {fit.turn} it learns by heart"
    words = {
        "good": "It has learned, and not by heart",
        "underfitting": "It could learn more",
        "too early": "Too early to say",
        "not measured": "Nobody can tell",
    }
    return words.get(fit.verdict, "The turn")


def _figures(fit: Fit) -> str:
    """The gap in accuracy at the turn and at the end, as figures that are read from afar."""
    gaps = [("at the turn", fit.at_turn), ("at the end", fit.at_end)]
    cells = "".join(
        f"<div><b>{abs(100 * gap.accuracy):.1f}</b><span>points of accuracy: {_ahead(gap)}, {when} "
        f"(epoch {gap.epoch})</span></div>"
        for when, gap in gaps
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
    elif fit.turn is None:
        notes.append(
            "No turn is marked: the validation loss did not rise by more than its own jitter, so "
            "none is claimed."
        )
    if run.best_epoch is not None and run.best_val_accuracy is not None:
        notes.append(
            f"The best validation accuracy was {run.best_val_accuracy:.1%}, after epoch "
            f"{run.best_val_accuracy_epoch}."
        )
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
    """What became of validation accuracy from the turn on."""
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
