"""What runs have differently from the published experiment that they started from, in words."""

from collections.abc import Collection, Sequence
from functools import lru_cache

from cifarviz.errors import CifarvizError
from cifarviz.experiment.against_published import changes_against_published
from cifarviz.experiment.draft import draft_of
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.presets import PUBLISHED
from cifarviz.runs.records import Run


def changed_words(runs: Sequence[Run], *, but: Collection[str] = ()) -> str:
    """A sentence on each run that isn't as it was published, runs with the same changes together.

    Single values named by ``but``, such as ``seed``, are passed over.
    """
    found: dict[str, list[Run]] = {}
    for run in runs:
        if differences := _differences(run.experiment_json, tuple(but)):
            found.setdefault(differences, []).append(run)
    return " ".join(
        f"{_who(mine, len(runs))} changes against it: {differences}."
        for differences, mine in found.items()
    )


def _who(mine: Sequence[Run], of: int) -> str:
    if of == 1:
        return "This run has"
    if len(mine) == of:
        return f"All {of} runs have"
    *most, last = [f"“{run.name}”" for run in mine]
    return f"{', '.join(most)} and {last} have" if most else f"{last} has"


@lru_cache(maxsize=100)
def _differences(experiment_json: str, but: tuple[str, ...]) -> str:
    try:
        experiment = Experiment.from_json(experiment_json)
    except CifarvizError:
        # The page of the run says so; here there is only nothing to compare.
        return ""
    if experiment.preset is None or experiment.preset not in PUBLISHED:
        return ""
    made = changes_against_published(draft_of(experiment, experiment.preset), but=but)
    return " · ".join(change.text for change in made)
