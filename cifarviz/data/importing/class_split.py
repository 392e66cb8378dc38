"""Two data sets made of one: some of its classes to learn first, and the others after that."""

from dataclasses import dataclass

from cifarviz.data.importing.derivation import Derivation, prepare_derived
from cifarviz.datasets.info import DatasetInfo, Variant
from cifarviz.datasets.registry import is_registered
from cifarviz.errors import ExperimentInvalid
from cifarviz.settings import Settings


@dataclass(frozen=True)
class ClassSplit:
    """The first half of a data set's classes, and the second.

    ``first`` and ``second`` are the names of the two data sets, which ``store`` makes. Raises
    ``ExperimentInvalid`` for fewer than four classes, since each needs two.
    """

    info: DatasetInfo
    variant: Variant

    def __post_init__(self) -> None:
        if len(self.info.classes) < 4:
            raise ExperimentInvalid(
                "{dataset} has {count} classes, and two data sets need four: two each. Choose "
                "another data set.",
                dataset=self.info.title,
                count=len(self.info.classes),
            )

    @property
    def halves(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The classes of each of the two data sets."""
        middle = (len(self.info.classes) + 1) // 2
        return self.info.classes[:middle], self.info.classes[middle:]

    @property
    def first(self) -> str:
        return self._name(1, len(self.halves[0]))

    @property
    def second(self) -> str:
        return self._name(len(self.halves[0]) + 1, len(self.info.classes))

    @property
    def is_stored(self) -> bool:
        """Whether both data sets are on this machine."""
        return is_registered(self.first) and is_registered(self.second)

    def store(self, settings: Settings) -> None:
        """Make those of the two that are missing; raises what ``prepare_derived`` does."""
        for name, classes in zip((self.first, self.second), self.halves, strict=True):
            if is_registered(name):
                continue
            derivation = Derivation({label: [label] for label in classes})
            title = f"{self.info.title}: {', '.join(classes)}"
            with prepare_derived(
                self.info, self.variant, derivation, name, settings, title=title[:_LONGEST]
            ) as prepared:
                prepared.store(settings)

    def _name(self, first: int, last: int) -> str:
        return f"{self.info.name[:30]}-{self.variant}-{first}-{last}"


_LONGEST = 80
