"""What to try next with a network that fits too little or too much, by what it already uses."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cifarviz.analysis.overfitting import Fit
from cifarviz.datasets.registry import find
from cifarviz.errors import ExperimentInvalid
from cifarviz.experiment.choices import EarlyStopping, NoValidation, SplitValidation
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.optimizers import AdamW
from cifarviz.experiment.schedules import Constant, Cosine
from cifarviz.value_text import format_number

# More weights than this for each training image are easily enough to learn them all by heart.
_WEIGHTS_AN_IMAGE = 20
_SHIFT = 2
_DROPOUT, _HIGH_DROPOUT = 0.3, 0.5
_L2 = 0.0005
_FASTER = "larger steps get there sooner: {rate} instead of {before}"
_SMALLER = "smaller steps don't overshoot: {rate} instead of {before}"


@dataclass(frozen=True)
class ExperimentSuggestion:
    """Something to try: what, as the beginning of a sentence, and why.

    ``experiment`` is the run's own with that changed, where one change does it.
    """

    what: str
    why: str
    experiment: Experiment | None = None


def suggestions(
    experiment: Experiment, fit: Fit, train_images: int | None
) -> list[ExperimentSuggestion]:
    """What to try next, the largest expected effect first; nothing while it is too early.

    ``train_images`` is how many the run learned from, if that is known.
    """
    found: Callable[..., Iterator[ExperimentSuggestion | None]]
    match fit.verdict:
        case "not measured":
            found = _see_it
        case "overfitting":
            found = _against_overfitting
        case "underfitting":
            found = _against_underfitting
        case "still improving":
            found = _further
        case "diverging" | "noisy":
            found = _slower
        case "good":
            found = _better_still
        case "too early" | "stopped":
            return []
    return [one for one in found(experiment, fit, train_images) if one is not None]


def _against_overfitting(
    made: Experiment, fit: Fit, train_images: int | None
) -> Iterator[ExperimentSuggestion | None]:
    if made.data.train_images is not None:
        yield _changed(
            "Train on all images", "more to learn from is the surest cure", made,
            data=made.data.model_copy(update={"train_images": None}),
        )  # fmt: skip
    elif made.data.variant == "sample":
        yield _changed(
            "Train on the full set", "more to learn from is the surest cure", made,
            data=made.data.model_copy(update={"variant": "full"}),
        )  # fmt: skip
    augmented = made.augmentation
    flip = augmented.flip or find(made.data.dataset).dark_background
    if augmented.shift == 0 or not flip:
        new = augmented.model_copy(
            update={"flip": augmented.flip or not flip, "shift": augmented.shift or _SHIFT}
        )
        why = (
            "mirroring and shifting them, it never sees the same one twice"
            if new.flip
            else "shifting them, it never sees the same one twice"
        )
        yield _changed("Augment the images", why, made, augmentation=new)
    rates = made.architecture.dropout_rates
    if max(rates, default=0) == 0:
        yield _with_dropout(
            made, _DROPOUT, "Add dropout",
            "some values are left out at random in each step, so it can't rely on any single one",
        )  # fmt: skip
    elif max(rates) < _HIGH_DROPOUT:
        yield _with_dropout(
            made, _HIGH_DROPOUT, "Raise dropout to 0.5", f"{format_number(max(rates))} is mild"
        )
    if made.l2 == 0 and not isinstance(made.optimizer, AdamW):
        yield _changed("Add an L2 penalty", "it keeps the weights small", made, l2=_L2)
    if made.early_stopping is None and fit.turn is not None:
        yield _changed(
            "Stop early", f"validation loss was lowest after epoch {fit.turn}", made,
            early_stopping=EarlyStopping(patience=3),
        )  # fmt: skip
    weights = made.architecture.parameters
    if train_images and weights > _WEIGHTS_AN_IMAGE * train_images:
        yield ExperimentSuggestion(
            "Make the network smaller",
            f"it has {weights / train_images:,.0f} weights for each training image",
        )


def _further(
    made: Experiment, fit: Fit, train_images: int | None
) -> Iterator[ExperimentSuggestion | None]:
    yield _changed(
        "Train for longer", "it still improved at the end", made,
        epochs=min(2 * made.epochs, 1000),
    )  # fmt: skip
    yield from _learn_faster(made)


def _against_underfitting(
    made: Experiment, fit: Fit, train_images: int | None
) -> Iterator[ExperimentSuggestion | None]:
    rates = made.architecture.dropout_rates
    if max(rates, default=0) > _DROPOUT:
        yield _with_dropout(
            made, _DROPOUT / 2, "Lower dropout", f"{format_number(max(rates))} holds it back"
        )
    if made.l2 > _L2:
        yield _changed("Lower the L2 penalty", "it keeps the weights too small", made, l2=_L2)
    yield from _learn_faster(made)
    yield ExperimentSuggestion("Make the network larger", "more filters can tell more apart")


def _learn_faster(made: Experiment) -> Iterator[ExperimentSuggestion | None]:
    if not any(layer.is_normalization for layer in made.architecture.layers):
        yield ExperimentSuggestion(
            "Add batch normalisation", "after the convolutions it makes learning much faster"
        )
    yield _with_rate(made, 3, "Raise the learning rate", _FASTER)


def _slower(
    made: Experiment, fit: Fit, train_images: int | None
) -> Iterator[ExperimentSuggestion | None]:
    yield _with_rate(made, 0.1, "Lower the learning rate", _SMALLER)
    if not any(layer.is_normalization for layer in made.architecture.layers):
        yield ExperimentSuggestion("Add batch normalisation", "it makes learning steadier")


def _better_still(
    made: Experiment, fit: Fit, train_images: int | None
) -> Iterator[ExperimentSuggestion | None]:
    yield ExperimentSuggestion("Make the network larger", "there is room before it overfits")
    if isinstance(made.schedule, Constant):
        yield _changed(
            "Let the learning rate fall", "small steps at the end find a better place", made,
            schedule=Cosine(),
        )  # fmt: skip


def _see_it(
    made: Experiment, fit: Fit, train_images: int | None
) -> Iterator[ExperimentSuggestion | None]:
    if not isinstance(made.validation, NoValidation):
        return
    yield _changed(
        "Hold images back for validation", "without them nobody can tell", made,
        validation=SplitValidation(),
    )  # fmt: skip


def _with_dropout(
    made: Experiment, rate: float, what: str, why: str
) -> ExperimentSuggestion | None:
    return _changed(what, why, made, architecture=made.architecture.with_dropout(rate))


def _with_rate(made: Experiment, times: float, what: str, why: str) -> ExperimentSuggestion | None:
    rate = float(f"{made.optimizer.learning_rate * times:.2g}")
    optimizer = {**dict(made.optimizer), "learning_rate": rate}
    before = format_number(made.optimizer.learning_rate)
    return _changed(
        what, why.format(rate=format_number(rate), before=before), made, optimizer=optimizer
    )


def _changed(
    what: str, why: str, made: Experiment, **fields: object
) -> ExperimentSuggestion | None:
    try:
        return ExperimentSuggestion(what, why, Experiment.make(**{**dict(made), **fields}))
    except ExperimentInvalid:
        # Such as a patience that is longer than the run: then it is nothing to try.
        return None
