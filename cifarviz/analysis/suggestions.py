"""What to try next after a verdict, given what the experiment already uses."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cifarviz.analysis.overfitting import Fit
from cifarviz.datasets.registry import find_dataset
from cifarviz.errors import ExperimentInvalid
from cifarviz.experiment.choices import EarlyStopping, NoValidation, SplitValidation
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.schedules import Constant, Cosine
from cifarviz.value_text import format_number

# With more weights than this for each training image a network easily memorises them all.
_WEIGHTS_PER_IMAGE = 20
_SHIFT = 2
_DROPOUT, _HIGH_DROPOUT = 0.3, 0.5
_L2 = 0.0005
_FASTER = "larger steps learn faster: {rate} instead of {before}"
_SMALLER = "smaller steps don't overshoot: {rate} instead of {before}"


@dataclass(frozen=True)
class ExperimentSuggestion:
    """Something to try: ``what``, an imperative, and ``why``, a clause to follow a colon.

    ``experiment`` is the run's experiment with that change, if a single change is enough.
    """

    what: str
    why: str
    experiment: Experiment | None = None


def suggestions(
    experiment: Experiment, fit: Fit, train_images: int | None
) -> list[ExperimentSuggestion]:
    """What to try next, the largest expected effect first; nothing while it is too early.

    ``train_images`` is the number of images the run trained on, if known.
    """
    suggest: Callable[..., Iterator[ExperimentSuggestion | None]]
    match fit.verdict:
        case "not measured":
            suggest = _add_validation
        case "overfitting":
            suggest = _against_overfitting
        case "underfitting":
            suggest = _against_underfitting
        case "still improving":
            suggest = _train_longer
        case "diverging" | "noisy":
            suggest = _learn_slower
        case "good":
            suggest = _improve_good_fit
        case "too early" | "stopped":
            return []
    return [tip for tip in suggest(experiment, fit, train_images) if tip is not None]


def _against_overfitting(
    experiment: Experiment, fit: Fit, train_images: int | None
) -> Iterator[ExperimentSuggestion | None]:
    if experiment.data.train_images is not None:
        yield _changed(
            "Train on all images", "more images help most against overfitting", experiment,
            data=experiment.data.model_copy(update={"train_images": None}),
        )  # fmt: skip
    elif experiment.data.variant == "sample":
        yield _changed(
            "Train on the full set", "more images help most against overfitting", experiment,
            data=experiment.data.model_copy(update={"variant": "full"}),
        )  # fmt: skip
    augmented = experiment.augmentation
    mirrored = augmented.flip or augmented.alternating_flip
    flip = mirrored or find_dataset(experiment.data.dataset).dark_background
    if augmented.shift == 0 or not flip:
        new = augmented.model_copy(
            update={"flip": augmented.flip or not flip, "shift": augmented.shift or _SHIFT}
        )
        why = (
            "if mirrored and shifted, they never look the same twice"
            if mirrored or new.flip
            else "if shifted, they never look the same twice"
        )
        yield _changed("Augment the images", why, experiment, augmentation=new)
    rates = experiment.architecture.dropout_rates
    if max(rates, default=0) == 0:
        yield _with_dropout(
            experiment, _DROPOUT, "Add dropout",
            "the network cannot rely on single values if each step drops some at random",
        )  # fmt: skip
    elif max(rates) < _HIGH_DROPOUT:
        yield _with_dropout(
            experiment,
            _HIGH_DROPOUT,
            "Raise dropout to 0.5",
            f"{format_number(max(rates))} is a mild rate",
        )
    if experiment.l2 == 0 and not experiment.optimizer.decays_weights:
        yield _changed("Add an L2 penalty", "it keeps the weights small", experiment, l2=_L2)
    if experiment.early_stopping is None and fit.overfitting_start is not None:
        yield _changed(
            "Use early stopping",
            f"validation loss was lowest after epoch {fit.overfitting_start}",
            experiment,
            early_stopping=EarlyStopping(patience=3),
        )  # fmt: skip
    weights = experiment.architecture.parameters
    if train_images and weights > _WEIGHTS_PER_IMAGE * train_images:
        yield ExperimentSuggestion(
            "Make the network smaller",
            f"it has {weights / train_images:,.0f} weights per training image",
        )


def _train_longer(
    experiment: Experiment, fit: Fit, train_images: int | None
) -> Iterator[ExperimentSuggestion | None]:
    yield _changed(
        "Train for longer", "it was still improving at the end", experiment,
        epochs=min(2 * experiment.epochs, 1000),
    )  # fmt: skip
    yield from _learn_faster(experiment)


def _against_underfitting(
    experiment: Experiment, fit: Fit, train_images: int | None
) -> Iterator[ExperimentSuggestion | None]:
    rates = experiment.architecture.dropout_rates
    if max(rates, default=0) > _DROPOUT:
        yield _with_dropout(
            experiment,
            _DROPOUT / 2,
            "Lower dropout",
            f"a rate of {format_number(max(rates))} slows learning",
        )
    if experiment.l2 > _L2:
        yield _changed("Lower the L2 penalty", "it keeps the weights too small", experiment, l2=_L2)
    yield from _learn_faster(experiment)
    yield ExperimentSuggestion("Make the network larger", "more filters can learn more patterns")


def _learn_faster(experiment: Experiment) -> Iterator[ExperimentSuggestion | None]:
    if not any(layer.is_normalization for _, layer, _ in experiment.architecture.walk()):
        yield ExperimentSuggestion(
            "Add batch normalisation", "after the convolutions it speeds up training"
        )
    yield _with_rate(experiment, 3, "Raise the learning rate", _FASTER)


def _learn_slower(
    experiment: Experiment, fit: Fit, train_images: int | None
) -> Iterator[ExperimentSuggestion | None]:
    yield _with_rate(experiment, 0.1, "Lower the learning rate", _SMALLER)
    if not any(layer.is_normalization for _, layer, _ in experiment.architecture.walk()):
        yield ExperimentSuggestion("Add batch normalisation", "it makes training steadier")


def _improve_good_fit(
    experiment: Experiment, fit: Fit, train_images: int | None
) -> Iterator[ExperimentSuggestion | None]:
    yield ExperimentSuggestion("Make the network larger", "it can grow before overfitting starts")
    if isinstance(experiment.schedule, Constant):
        yield _changed(
            "Lower the learning rate over time",
            "small steps at the end reach a lower loss",
            experiment,
            schedule=Cosine(),
        )  # fmt: skip


def _add_validation(
    experiment: Experiment, fit: Fit, train_images: int | None
) -> Iterator[ExperimentSuggestion | None]:
    if not isinstance(experiment.validation, NoValidation):
        return
    yield _changed(
        "Use a validation split", "without it you cannot see overfitting", experiment,
        validation=SplitValidation(),
    )  # fmt: skip


def _with_dropout(
    experiment: Experiment, rate: float, what: str, why: str
) -> ExperimentSuggestion | None:
    return _changed(what, why, experiment, architecture=experiment.architecture.with_dropout(rate))


def _with_rate(
    experiment: Experiment, times: float, what: str, why: str
) -> ExperimentSuggestion | None:
    rate = float(f"{experiment.optimizer.learning_rate * times:.2g}")
    optimizer = {**dict(experiment.optimizer), "learning_rate": rate}
    before = format_number(experiment.optimizer.learning_rate)
    return _changed(
        what, why.format(rate=format_number(rate), before=before), experiment, optimizer=optimizer
    )


def _changed(
    what: str, why: str, experiment: Experiment, **fields: object
) -> ExperimentSuggestion | None:
    try:
        return ExperimentSuggestion(what, why, Experiment.make(**{**dict(experiment), **fields}))
    except ExperimentInvalid:
        # The change does not fit this run, such as a patience longer than the run.
        return None
