"""Asking the members about their common test images, with progress, and counting their votes."""

from collections.abc import Sequence

import streamlit as st

from cifarviz.analysis.ensemble import Ensemble
from cifarviz.analysis.members import Member, check_members, common_variant, vote
from cifarviz.data.image_set import Dataset
from cifarviz.datasets.info import Variant
from cifarviz.runs.artifacts import Stamp, answers_path
from cifarviz.runs.log_probabilities import Predictions
from cifarviz.runs.stored_probabilities import checkpoint_stamp
from cifarviz.settings import Settings
from cifarviz.ui import cache
from cifarviz.ui.class_names import address_names
from cifarviz.ui.evaluate.ensemble.named_members import token
from cifarviz.ui.evaluate.job import evaluation_job, wait_for


def votes(members: Sequence[Member]) -> tuple[Ensemble, Dataset] | None:
    """The members' votes on their common test images, and the data set these are of.

    Members are measured one after another, which shows how far it is; ``None`` after that was
    stopped. Raises what ``check_members`` does, ``DataError`` and ``ArtifactDamaged``.
    """
    check_members(cache.store(), members)
    dataset = cache.dataset(members[0].run.experiment.data.dataset, common_variant(members))
    answers: dict[Member, Predictions] = {}
    for number, member in enumerate(members, 1):
        if isinstance(member.when, int):
            continue
        job = evaluation_job(member.run, member.when, dataset)
        evaluation = wait_for(job, f"Member {number} of {len(members)}")
        if evaluation is None:
            return None
        answers[member] = evaluation.predictions
    stamped = tuple((token(one), _stamp(one)) for one in members)
    ensemble = _counted(stamped, dataset.variant, cache.settings(), members, dataset, answers)
    return ensemble, dataset


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs={Settings: repr})
def _counted(
    stamped: tuple[tuple[str, Stamp], ...],
    variant: Variant,
    settings: Settings,
    _members: Sequence[Member],
    _dataset: Dataset,
    _answers: dict[Member, Predictions],
) -> Ensemble:
    asked = {(member.run.id, member.when): found for member, found in _answers.items()}
    return vote(
        cache.store(),
        _members,
        _dataset.test,
        lambda run, which, _test: asked[run.id, which],
        len(address_names(_dataset.info)),
    )


def _stamp(member: Member) -> Stamp:
    folder = cache.store().folder(member.run.id)
    if not isinstance(member.when, int):
        return checkpoint_stamp(folder, member.when)
    path = answers_path(folder, member.when)
    if not path.is_file():
        # Reading it says so.
        return (0, 0)
    found = path.stat()
    return found.st_mtime_ns, found.st_size
