"""How the losses in a run's history were computed, where an earlier version computed them.

Losses are the plain cross-entropy (docs/architecture.md, "What is exact"). Earlier versions
clipped the validation loss of each image at 16.1, and counted label smoothing in.
"""

from dataclasses import dataclass

from cifarviz.runs.records import Run

EXPLANATION = (
    "Earlier versions of cifarviz took a probability below 0.0000001 for 0.0000001, which costs "
    "16.1, wherever they validated, and counted label smoothing in. Losses are now the plain "
    "cross-entropy, as Keras evaluates it, so they compare only roughly with these."
)

PLAIN = "plain cross-entropy"
"""How exact losses are described next to others."""


@dataclass(frozen=True)
class EarlierLosses:
    """What an earlier version did to the losses up to epoch ``until``, ``None``: to all.

    ``clipped``: the validation loss of each image was at most 16.1. ``smoothing``: the label
    smoothing in the training and the validation loss.
    """

    clipped: bool
    smoothing: float
    until: int | None

    @property
    def label(self) -> str:
        """What they are, to go on after a colon: no capital, no full stop."""
        parts = []
        if self.clipped:
            parts.append("validation loss clipped at 16.1 per image")
        if self.smoothing:
            parts.append(f"label smoothing {self.smoothing:g} included")
        until = "" if self.until is None else f" up to epoch {self.until}"
        return f"{', '.join(parts)}{until}"


def earlier_losses(run: Run) -> EarlierLosses | None:
    """How the losses of ``run`` differ from the plain cross-entropy; ``None`` if they do not.

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
    """How the losses of ``run`` were computed, to go on after a colon."""
    earlier = earlier_losses(run)
    return PLAIN if earlier is None else earlier.label


def has_exact_loss(run: Run, epoch: int) -> bool:
    """Whether the losses of an epoch of ``run`` are the plain cross-entropy."""
    earlier = earlier_losses(run)
    return earlier is None or (earlier.until is not None and epoch > earlier.until)
