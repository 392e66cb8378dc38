"""How earlier versions computed the losses in a run's history.

Losses are the plain cross-entropy (docs/architecture.md, "What is exact"). Earlier versions
clipped the validation loss of each image at 16.1, and included label smoothing.
"""

from dataclasses import dataclass

from cifarviz.runs.records import Run

EXPLANATION = (
    "Earlier versions of cifarviz clipped the validation loss of each image at 16.1 (a probability "
    "of 0.0000001) and included label smoothing. Losses are now the plain cross-entropy, as in "
    "Keras, so the two kinds are only roughly comparable."
)

PLAIN = "plain cross-entropy"
"""How exact losses are described next to others."""


@dataclass(frozen=True)
class EarlierLosses:
    """How the losses up to epoch ``until`` (``None``: all) differ from plain cross-entropy.

    ``clipped``: the validation loss of each image is at most 16.1. ``smoothing``: the label
    smoothing included in the training and validation loss.
    """

    clipped: bool
    smoothing: float
    until: int | None

    @property
    def label(self) -> str:
        """A description for use after a colon: no capital, no full stop."""
        parts = []
        if self.clipped:
            parts.append("validation loss clipped at 16.1 per image")
        if self.smoothing:
            parts.append(f"label smoothing {self.smoothing:g} included")
        until = "" if self.until is None else f" up to epoch {self.until}"
        return f"{', '.join(parts)}{until}"


def earlier_losses(run: Run) -> EarlierLosses | None:
    """Return how the losses of ``run`` differ from plain cross-entropy; ``None`` if not.

    ``None`` also for a damaged run, whose losses are not shown.
    """
    if run.damage is not None:
        return None
    first = run.exact_loss_from
    begin = (run.parent_epoch or 0) + 1
    until = run.epochs_done if first is None else first - 1
    if until < begin or run.epochs_done < begin:
        return None
    smoothing = run.experiment.loss.label_smoothing
    clipped = run.last_val_accuracy is not None
    if not clipped and not smoothing:
        return None
    return EarlierLosses(clipped, smoothing, None if until >= run.epochs_done else until)


def losses_text(run: Run) -> str:
    """Return how the losses of ``run`` were computed, for use after a colon."""
    earlier = earlier_losses(run)
    return PLAIN if earlier is None else earlier.label


def has_exact_loss(run: Run, epoch: int) -> bool:
    """Whether the losses of an epoch of ``run`` are the plain cross-entropy."""
    earlier = earlier_losses(run)
    return earlier is None or (earlier.until is not None and epoch > earlier.until)
