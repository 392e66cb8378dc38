"""The base of every value in an experiment: frozen, checked when made, with words for people."""

from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from cifarviz.errors import ExperimentInvalid
from cifarviz.experiment.problems import bounds, describe


class Value(BaseModel):
    """A frozen value that refuses unknown fields, not-a-number and infinity.

    ``Value(...)`` raises pydantic's ``ValidationError``; ``Value.make(...)`` raises
    ``ExperimentInvalid`` with the same problems in plain words.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    title: ClassVar[str] = ""
    """What a person calls this choice, for menus."""
    explanation: ClassVar[str] = ""
    """One sentence on what it does, in plain words."""

    @classmethod
    def make(cls, **fields: Any) -> Self:
        """Make the value, or raise ``ExperimentInvalid`` with one sentence a problem."""
        try:
            return cls(**fields)
        except ValidationError as error:
            raise ExperimentInvalid(" ".join(describe(error, cls))) from error

    @classmethod
    def help_text(cls, field: str) -> str:
        """One sentence on what ``field`` does, in plain words."""
        return cls.model_fields[field].description or ""

    @classmethod
    def words(cls, field: str) -> str:
        """What a person calls ``field``: ``"kernel size"`` for ``kernel_size``."""
        return cls.model_fields[field].title or field.replace("_", " ")

    @classmethod
    def limits(cls, field: str) -> tuple[float | None, float | None]:
        """Smallest and largest number ``field`` takes; ``None`` where there is no limit.

        A limit may itself be excluded, as 0 is for a learning rate.
        """
        found = bounds(cls.model_fields[field])
        return found.low, found.high
