"""How earlier versions computed the losses in a run's history.

Losses are the plain cross-entropy (docs/architecture.md, "What is exact"). Earlier versions
clipped the validation loss of each image at 16.1, and included label smoothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from cifarviz.runs.records import Run

EXPLANATION = (
    "Earlier versions of cifarviz clipped the validation loss of each image at 16.1 (a probability "
    "of 0.0000001) and included label smoothing. Losses are now the plain cross-entropy, as in "
    "Keras, so the two kinds are only roughly comparable."
)

PLAIN = "plain cross-entropy"
"""How exact losses are described next to others."""

# By whether the loss is clipped, has label smoothing, and changes during the run.
_LABELS: Mapping[tuple[bool, bool, bool], str] = MappingProxyType(
    {
        (True, False, False): "validation loss clipped at 16.1 per image",
        (True, False, True): "validation loss clipped at 16.1 per image up to epoch {until}",
        (False, True, False): "label smoothing {smoothing:g} included",
        (False, True, True): "label smoothing {smoothing:g} included up to epoch {until}",
        (True, True, False): "validation loss clipped at 16.1 per image, label smoothing "
        "{smoothing:g} included",
        (True, True, True): "validation loss clipped at 16.1 per image, label smoothing "
        "{smoothing:g} included up to epoch {until}",
    }
)


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
        template = _LABELS[self.clipped, bool(self.smoothing), self.until is not None]
        return template.format(smoothing=self.smoothing, until=self.until)


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
