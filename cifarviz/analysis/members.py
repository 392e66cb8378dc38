"""Which networks vote in an ensemble: weights of several runs, or of several epochs of one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cifarviz.analysis.ensemble import Ensemble, combine
from cifarviz.analysis.stored_probabilities import epoch_probabilities
from cifarviz.data.datasets import DATASETS, ImageSet
from cifarviz.errors import ArtifactMissing, ExperimentInvalid
from cifarviz.runs.artifacts import Checkpoint, checkpoint_path
from cifarviz.runs.records import Run
from cifarviz.runs.store import RunStore

Answers = Callable[[Run, Checkpoint, ImageSet], NDArray[np.float32]]
"""Gives the probabilities (n, classes) that a run's checkpoint has for these images."""


@dataclass(frozen=True)
class Member:
    """A run's weights at its best epoch or as it ended, or its kept answers after an epoch."""

    run: Run
    when: Checkpoint | int = "last"

    @property
    def name(self) -> str:
        """What a table calls it; a run's seed is not in it."""
        match self.when:
            case "last":
                return self.run.name
            case "best":
                return f"{self.run.name}, best epoch"
            case epoch:
                return f"{self.run.name}, epoch {epoch}"


def check_members(store: RunStore, members: Sequence[Member]) -> None:
    """Say what keeps these members from voting together.

    Raises ``ExperimentInvalid`` for fewer than two, for the same one twice, for different data
    sets, and for answers after an epoch together with runs whose test images are others;
    ``ArtifactMissing`` where weights or answers are not there.
    """
    if len(members) < 2:
        count = "one was" if members else "none were"
        raise ExperimentInvalid(
            f"An ensemble has two members or more, and {count} chosen. Choose another run."
        )
    twice = next((one for one in members if members.count(one) > 1), None)
    if twice is not None:
        raise ExperimentInvalid(
            f"“{twice.name}” was chosen twice: the same network votes the same. Choose others."
        )
    datasets = {one.run.experiment.data.dataset: one for one in members}
    if len(datasets) > 1:
        words = " and ".join(
            f"“{one.run.name}” {DATASETS[name].title}" for name, one in datasets.items()
        )
        raise ExperimentInvalid(
            f"Members of an ensemble look at the same images, and {words} was trained on. "
            "Choose runs of one data set."
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
    store: RunStore, members: Sequence[Member], test: ImageSet, ask: Answers, classes: int
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
    return combine([one.name for one in members], answers, test.labels, test.indices)


def _check_there(store: RunStore, member: Member) -> None:
    if isinstance(member.when, int):
        return  # reading says what is wrong
    if not checkpoint_path(store.folder(member.run.id), member.when).is_file():
        raise ArtifactMissing(
            f"The weights of “{member.run.name}” are not there: it has not finished an epoch, or "
            "their files were removed. Leave it out, or train it again."
        )
