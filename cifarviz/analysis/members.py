"""Which networks vote in an ensemble: weights of several runs, or of several epochs of one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal, NoReturn

from cifarviz.analysis.ensemble import Ensemble, combine
from cifarviz.data.image_set import ImageSet
from cifarviz.datasets.registry import title_of
from cifarviz.errors import ArtifactMissing, ExperimentInvalid
from cifarviz.experiment.member_seeds import FEWEST_MEMBERS
from cifarviz.runs.artifacts import Checkpoint
from cifarviz.runs.kept_weights import epoch_of, lacking_weights, training_position
from cifarviz.runs.log_probabilities import Predictions
from cifarviz.runs.records import Run
from cifarviz.runs.store import RunStore
from cifarviz.runs.stored_probabilities import epoch_probabilities

PredictRun = Callable[[Run, Checkpoint, ImageSet], Predictions]
"""Gives what a run's checkpoint predicts for these images."""


@dataclass(frozen=True)
class Member:
    """A run's weights at its best epoch or as it ended, or its kept answers after an epoch."""

    run: Run
    when: Checkpoint | int = "last"

    @property
    def label(self) -> str:
        """Which of its run's networks it is: ``epoch 15``, for one."""
        match self.when:
            case "last":
                if self.epoch is None:
                    return f"as it ended, {training_position(self.run)}"
                return f"as it ended, epoch {self.epoch}"
            case "best":
                best = self.run.best_epoch
                return "best epoch" if best is None else f"best epoch {best}"
            case epoch:
                return f"epoch {epoch}"

    @property
    def epoch(self) -> int | None:
        """The epoch after which its run's network was this one; ``None`` if that is not known."""
        return epoch_of(self.run, self.when)

    def same_network(self, other: "Member") -> bool:
        """Whether both are one network, by whatever name."""
        return self.run.id == other.run.id and (
            self.when == other.when or (self.epoch is not None and self.epoch == other.epoch)
        )


def check_members(store: RunStore, members: Sequence[Member]) -> None:
    """Say what keeps these members from voting together.

    Raises ``ExperimentInvalid`` for fewer than two, for the same network twice, for different data
    sets, and for answers after an epoch together with runs whose test images are others;
    ``ArtifactMissing`` where weights or answers are not there.
    """
    if len(members) < FEWEST_MEMBERS:
        raise ExperimentInvalid(
            "An ensemble has two members or more, and one was chosen. Choose another run."
            if members
            else "An ensemble has two members or more, and none were chosen. Choose another run."
        )
    for one, other in combinations(members, 2):
        if one.same_network(other):
            _refuse_twice(one, other)
    datasets: dict[str, Member] = {}
    for one in members:
        datasets.setdefault(one.run.experiment.data.dataset, one)
    if len(datasets) > 1:
        words = " and ".join(
            f"“{one.run.name}” was trained on {title_of(name)}" for name, one in datasets.items()
        )
        raise ExperimentInvalid(
            "Members of an ensemble look at the same images, but {words}. Choose runs of one "
            "data set.",
            words=words,
        )
    for one in members:
        _check_there(store, one)
    if common_variant(members) == "sample" and any(
        isinstance(one.when, int) and one.run.experiment.data.variant == "full" for one in members
    ):
        raise ExperimentInvalid(
            "Answers kept after an epoch are about the full test set, and another member was "
            "trained on the sample. Choose runs on the same images."
        )


def common_variant(members: Sequence[Member]) -> Literal["sample", "full"]:
    """The test images that all members have not learned from: the full set's if all know it.

    The sample's test images are among the full set's test images.
    """
    full = all(one.run.experiment.data.variant == "full" for one in members)
    return "full" if full else "sample"


def vote(
    store: RunStore, members: Sequence[Member], test: ImageSet, ask: PredictRun, classes: int
) -> Ensemble:
    """Ask every member about the test images and count their votes.

    ``ask`` is used where no answers are kept after an epoch. Raises what ``check_members`` does,
    and ``ArtifactDamaged``.
    """
    check_members(store, members)
    answers = [
        epoch_probabilities(store.folder(one.run.id), one.when, test, classes)
        if isinstance(one.when, int)
        else ask(one.run, one.when, test)
        for one in members
    ]
    return combine(answers, test.labels, test.indices)


def _refuse_twice(one: Member, other: Member) -> NoReturn:
    if one.when == other.when:
        raise ExperimentInvalid(
            "“{run_name}” was chosen twice ({weights}): the same network votes the same. "
            "Choose others.",
            run_name=one.run.name,
            weights=one.label,
        )
    raise ExperimentInvalid(
        "“{run_name}” was chosen twice ({weights}; {other_weights}): the same network votes "
        "the same. Leave one of them out.",
        run_name=one.run.name,
        weights=one.label,
        other_weights=other.label,
    )


def _check_there(store: RunStore, member: Member) -> None:
    if isinstance(member.when, int):
        return  # reading says what is wrong
    if (lacking := lacking_weights(store, member.run, member.when)) is not None:
        raise ArtifactMissing(
            "“{run_name}” {lacking}. Leave it out, or train it again.",
            run_name=member.run.name,
            lacking=lacking,
        )
