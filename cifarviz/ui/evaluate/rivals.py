"""The networks that the one looked at can be held against, and what they said."""

from functools import lru_cache

from cifarviz.analysis.evaluation import Evaluation
from cifarviz.analysis.members import Member
from cifarviz.errors import CifarvizError
from cifarviz.experiment.experiment import Experiment
from cifarviz.runs.records import Run
from cifarviz.ui import cache
from cifarviz.ui.epoch_scrubber import epochs_with_answers
from cifarviz.ui.evaluate.answered import Answered
from cifarviz.ui.evaluate.data_here import data_here
from cifarviz.ui.evaluate.ensemble.named_members import token
from cifarviz.ui.evaluate.epoch_answers import kept_answers
from cifarviz.ui.evaluate.job import evaluation_job, wait_for
from cifarviz.ui.pickers import checkpoints_of


def rivals(answered: Answered) -> dict[str, Member]:
    """By what the address calls them, networks of the same data set, the newest first.

    About test images any can be asked. What was said of validation images, which were held back
    from a run's own training, other runs may have learned from: then it is those that held back
    some too, after the same epoch, or the newest of theirs.
    """
    info, own = answered.asked.info, answered.member
    runs = [one for one in cache.store().all() if dataset_of(one) == info.name]
    if answered.asked.split == "test":
        return {token(one): one for run in runs for one in _weights(run, own)}
    kept = {run.id: epochs_with_answers(run) for run in runs}
    found = {}
    for run in runs:
        if run.id != own.run.id and kept[run.id] and run.experiment.validation.kind == "split":
            epochs = kept[run.id]
            near = answered.epoch if answered.epoch in epochs else epochs[-1]
            found[run.id] = Member(run, near)
    return found


def answers_of(rival: Member, answered: Answered) -> Evaluation | None:
    """What ``rival`` said of the images it was asked about; ``None`` if that was stopped.

    Raises ``ArtifactMissing``, ``ArtifactDamaged`` and ``DataError``.
    """
    dataset = data_here(rival.run)
    if not isinstance(rival.when, int):
        return wait_for(evaluation_job(rival.run, rival.when, dataset), "The other network")
    found, asked = kept_answers(rival.run.id, rival.when, dataset)
    return found if asked.split == answered.asked.split else None


def dataset_of(run: Run) -> str | None:
    """What ``run`` was trained on; ``None`` if this version cannot read that."""
    return _dataset_of(run.experiment_json)


def _weights(run: Run, but: Member) -> list[Member]:
    """The weights of ``run``, each network once, and not the one ``but``."""
    found: list[Member] = []
    for which in checkpoints_of(run):
        one = Member(run, which)
        if not any(map(one.same_network, (*found, but))):
            found.append(one)
    return found


@lru_cache(maxsize=1000)
def _dataset_of(experiment_json: str) -> str | None:
    try:
        return Experiment.from_json(experiment_json).data.dataset
    except CifarvizError:
        return None
