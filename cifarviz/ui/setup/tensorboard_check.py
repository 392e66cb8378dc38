"""What keeps TensorBoard files from being written, said where they are asked for."""

from dataclasses import replace

from cifarviz.errors import StorageFull
from cifarviz.experiment.assessment import Assessment
from cifarviz.experiment.draft import Draft
from cifarviz.training.tensorboard_folder import check_tensorboard_folder
from cifarviz.ui import cache


def with_tensorboard_checked(draft: Draft, assessment: Assessment) -> Assessment:
    """``assessment`` with what keeps the files that ``draft`` asks for from being written."""
    if draft.settings["tensorboard"] is not True or "tensorboard" in assessment.problems:
        return assessment
    try:
        check_tensorboard_folder(cache.settings().tensorboard_dir)
    except StorageFull as refusal:
        problems = {**assessment.problems, "tensorboard": str(refusal)}
        return replace(assessment, problems=problems, experiment=None, sizes=None)
    return assessment
