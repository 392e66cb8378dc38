"""Runs that belong together, before they are trained."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from cifarviz.experiment.experiment import Experiment

Kind = Literal["duel", "memorisation", "sizes", "cures"]

KINDS: Mapping[Kind, str] = MappingProxyType(
    {
        "duel": "Duel",
        "memorisation": "Memorisation",
        "sizes": "Too little data",
        "cures": "Cures",
    }
)
"""The lab's experiments by the word of their view, in the order the page shows them."""


@dataclass(frozen=True)
class Entrant:
    """One run: ``label`` is what it has and the others don't, such as ``dropout 0.5``."""

    label: str
    experiment: Experiment


@dataclass(frozen=True)
class Entry:
    """All runs of an experiment, in the order they train; ``title`` says what differs."""

    kind: Kind
    title: str
    entrants: tuple[Entrant, ...]

    def run_name(self, entrant: Entrant) -> str:
        """What the run of this entrant is called on the other pages."""
        return f"{KINDS[self.kind]}: {entrant.label}"
