"""The name that a fork gets when nobody types one."""

from cifarviz.experiment.changes import changes
from cifarviz.experiment.draft import draft_of
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.presets import PRESETS
from cifarviz.experiment.run_names import run_name

_LONGEST_PARENT = 40
# Their number follows from where it began.
_PASSED_OVER = ("epochs", "test_epochs")


def fork_name(parent: str, before: Experiment, fork: Experiment, epoch: int) -> str:
    """``VGG from epoch 9 · learning rate 1e-05``: the parent's name, and what was changed."""
    preset = next(iter(PRESETS))
    old = draft_of(before, preset)
    new = draft_of(fork, preset)
    for name in _PASSED_OVER:
        new = new.with_value(name, old.settings[name])
    short = parent if len(parent) <= _LONGEST_PARENT else f"{parent[:_LONGEST_PARENT]}…"
    return run_name(f"{short} from epoch {epoch}".replace(":", "\u2236"), changes(old, new))
