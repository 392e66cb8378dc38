"""Members of an ensemble: weights of several runs, or of several epochs of a run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal, NoReturn

from cifarviz.analysis.ensemble import Ensemble, combine
from cifarviz.data.image_set import ImageSet
from cifarviz.datasets.registry import dataset_title
from cifarviz.errors import ArtifactMissing, ExperimentInvalid
from cifarviz.experiment.ensemble_members import MIN_MEMBERS
from cifarviz.runs.artifacts import Checkpoint
from cifarviz.runs.log_probabilities import Predictions
from cifarviz.runs.records import Run
from cifarviz.runs.store import RunStore
from cifarviz.runs.stored_predictions import load_epoch_predictions
from cifarviz.runs.stored_weights import explain_missing_weights, training_position, weights_epoch

PredictRun = Callable[[Run, Checkpoint, ImageSet], Predictions]
"""Returns what a run's checkpoint predicts for images."""


@dataclass(frozen=True)
class Member:
    """A run's last or best weights, or its saved predictions after an epoch."""

    run: Run
    when: Checkpoint | int = "last"

    @property
    def label(self) -> str:
        """Which weights of its run it has, such as ``last epoch (9)`` or ``epoch 15``."""
        match self.when:
            case "last":
                if self.epoch is None:
                    return f"last weights, {training_position(self.run)}"
                return f"last epoch ({self.epoch})"
            case "best":
                best = self.run.best_epoch
                return "best epoch" if best is None else f"best epoch {best}"
            case epoch:
                return f"epoch {epoch}"

    @property
    def epoch(self) -> int | None:
        """The epoch after which its run had these weights; ``None`` if unknown."""
        return weights_epoch(self.run, self.when)

    def same_network(self, other: "Member") -> bool:
        """Whether both have the same weights, even if they are named differently."""
        return self.run.id == other.run.id and (
            self.when == other.when or (self.epoch is not None and self.epoch == other.epoch)
        )


def check_members(store: RunStore, members: Sequence[Member]) -> None:
    """Check that these members can vote together.

    Raises ``ExperimentInvalid`` for fewer than two members, the same network twice, different data
    sets, or saved predictions for other test images than another member's; ``ArtifactMissing`` if
    weights are missing.
    """
    if len(members) < MIN_MEMBERS:
        raise ExperimentInvalid(
            "An ensemble needs at least two members, and you chose one. Choose another run."
            if members
            else "An ensemble needs at least two members, and you chose none. Choose two runs."
        )
    for first, second in combinations(members, 2):
        if first.same_network(second):
            _raise_duplicate(first, second)
    datasets: dict[str, Member] = {}
    for member in members:
        datasets.setdefault(member.run.experiment.data.dataset, member)
    if len(datasets) > 1:
        runs = " and ".join(
            f"“{member.run.name}” was trained on {dataset_title(dataset)}"
            for dataset, member in datasets.items()
        )
        raise ExperimentInvalid(
            "Members of an ensemble need the same data set, but {runs}. Choose runs of one data "
            "set.",
            runs=runs,
        )
    for member in members:
        _check_weights(store, member)
    if common_variant(members) == "sample" and any(
        isinstance(member.when, int) and member.run.experiment.data.variant == "full"
        for member in members
    ):
        raise ExperimentInvalid(
            "Predictions saved after an epoch are for the full test set, but another member was "
            "trained on the sample. Choose runs on the same images."
        )


def common_variant(members: Sequence[Member]) -> Literal["sample", "full"]:
    """The test set that no member was trained on: the full one only if all used the full set.

    The sample's test images are part of the full set's.
    """
    full = all(member.run.experiment.data.variant == "full" for member in members)
    return "full" if full else "sample"


def vote(
    store: RunStore, members: Sequence[Member], test: ImageSet, predict: PredictRun, classes: int
) -> Ensemble:
    """Combine the members' predictions for the test images.

    ``predict`` is called for members that are no saved predictions. Raises what ``check_members``
    raises, and ``ArtifactDamaged``.
    """
    check_members(store, members)
    predictions = [
        load_epoch_predictions(store.folder(member.run.id), member.when, test, classes)
        if isinstance(member.when, int)
        else predict(member.run, member.when, test)
        for member in members
    ]
    return combine(predictions, test.labels, test.indices)


def _raise_duplicate(first: Member, second: Member) -> NoReturn:
    if first.when == second.when:
        raise ExperimentInvalid(
            "You chose “{run_name}” twice ({weights}), which is the same network. Choose another.",
            run_name=first.run.name,
            weights=first.label,
        )
    raise ExperimentInvalid(
        "You chose “{run_name}” twice ({weights}; {other_weights}), which is the same network. "
        "Remove one of them.",
        run_name=first.run.name,
        weights=first.label,
        other_weights=second.label,
    )


def _check_weights(store: RunStore, member: Member) -> None:
    if isinstance(member.when, int):
        return  # reading the predictions reports what is wrong
    problem = explain_missing_weights(store, member.run, member.when, f"“{member.run.name}”")
    if problem is not None:
        raise ArtifactMissing("{problem} Remove it, or train it again.", problem=problem)
