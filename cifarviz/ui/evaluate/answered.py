"""What a network answered, with what the parts of the page need to show it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cifarviz.analysis.evaluation import Evaluation
from cifarviz.analysis.galleries import Learning
from cifarviz.analysis.members import Member
from cifarviz.ui.evaluate.asked import AskedImages


@dataclass(frozen=True, eq=False)
class Answered:
    """The answers of ``member`` to the images it was ``asked``, its classes as they are shown.

    ``epoch`` is the one on the slider, if that is how it was chosen. ``name`` is what files are
    called; another ``view`` starts with a fresh matrix; ``address`` leads to the same network on
    another page. ``ordering`` gives the evaluation by which classes are put beside those they are
    confused with: for all epochs of a run it is the same. ``learned`` is how the images fared over
    the epochs, where it is known.
    """

    evaluation: Evaluation
    asked: AskedImages
    member: Member
    name: str
    view: str
    address: Mapping[str, str]
    ordering: Callable[[], Evaluation]
    epoch: int | None = None
    learned: Learning | None = None
