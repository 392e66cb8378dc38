"""Whether TensorBoard files could be written, found out without making a folder for them."""

import os
import tempfile
from dataclasses import replace
from pathlib import Path

from cifarviz.experiment.assessment import Assessment
from cifarviz.experiment.draft import Draft
from cifarviz.ui import cache


def with_tensorboard_checked(draft: Draft, assessment: Assessment) -> Assessment:
    """``assessment`` with what keeps the files that ``draft`` asks for from being written."""
    if draft.settings["tensorboard"] is not True or "tensorboard" in assessment.problems:
        return assessment
    problem = _problem(cache.settings().tensorboard_dir)
    if problem is None:
        return assessment
    problems = {**assessment.problems, "tensorboard": problem}
    return replace(assessment, problems=problems, experiment=None, sizes=None)


def _problem(folder: Path) -> str | None:
    there = folder
    while not os.path.exists(there) and there != there.parent:
        there = there.parent
    if there.is_dir():
        try:
            # It has no name, and is gone as soon as it is closed.
            with tempfile.TemporaryFile(dir=there):
                return None
        except OSError as error:
            reason = error.strerror or "it was refused"
    else:
        reason = "a file is in the way"
    return (
        f"TensorBoard files cannot be written to “{folder}”: {reason}. Set "
        "CIFARVIZ_TENSORBOARD_DIR to a folder you may write to, or train without them."
    )
