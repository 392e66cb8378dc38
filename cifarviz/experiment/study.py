"""A study: an experiment, the values of it that are varied, and how the best is searched."""

from collections.abc import Mapping
from itertools import product
from math import prod
from types import MappingProxyType
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, ValidationError, model_validator

from cifarviz.errors import ExperimentInvalid
from cifarviz.experiment.choices import NoValidation
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.parameters import ParameterSpec, Setting
from cifarviz.experiment.tunables import find_tunable
from cifarviz.value import Value, describe_errors

SamplerName = Literal["tpe", "random", "grid"]
Goal = Literal["accuracy", "loss"]
TrialState = Literal["waiting", "running", "finished", "pruned", "failed", "stopped"]
PrunerName = Literal["median", "halving", "none"]

SAMPLER_TEXTS: Mapping[SamplerName, tuple[str, str]] = MappingProxyType(
    {
        "tpe": (
            "TPE (learns from earlier trials)",
            "The first trials are random; later ones try values that were common among the good "
            "trials and rare among the others (Tree-structured Parzen Estimator).",
        ),
        "random": (
            "Random",
            "Draws every value anew. Hard to beat when only one or two of many parameters matter, "
            "and an honest comparison for anything cleverer.",
        ),
        "grid": (
            "Grid",
            "Tries every combination of a few values. Easy to understand, and expensive: each "
            "further parameter multiplies the number of trials.",
        ),
    }
)
"""The samplers, each with its title and a sentence on what it does."""

PRUNER_TEXTS: Mapping[PrunerName, tuple[str, str]] = MappingProxyType(
    {
        "median": (
            "Median",
            "Stops a trial whose best value so far is worse than the median of the earlier trials "
            "at the same epoch, from its second epoch on.",
        ),
        "halving": (
            "Successive halving",
            "Compares trials after 1, 2, 4, … epochs, and lets only the better half of them go on "
            "each time.",
        ),
        "none": ("None", "Trains every trial to its end."),
    }
)
"""The pruners, each with its title and a sentence on what it does."""


class Study(Value):
    """What is searched, and how; its trials are runs of ``base`` with other values."""

    title: ClassVar[str] = "Study"

    base: Experiment
    parameters: Annotated[tuple[ParameterSpec, ...], Field(min_length=1, max_length=20)]
    goal: Goal = Field(
        default="accuracy",
        title="what to reach",
        description="The highest validation accuracy or the lowest validation loss of any epoch.",
    )
    within_seconds: float | None = Field(
        default=None,
        gt=0,
        le=1_000_000,
        title="within seconds of training",
        description="Counts only epochs that end within this training time, and stops each trial "
        "then: the best network that so much time can buy. Empty means no limit.",
    )
    sampler: SamplerName = Field(
        default="tpe", title="search", description="How the values of the next trial are chosen."
    )
    pruner: PrunerName = Field(
        default="median",
        title="pruning",
        description="Which trials end early, judged by their epochs so far.",
    )
    trials: int = Field(
        default=20,
        ge=1,
        le=1000,
        title="number of trials",
        description="How many runs the study trains. More can be added later.",
    )
    minutes: float | None = Field(
        default=None,
        gt=0,
        le=100_000,
        title="at most minutes",
        description="Ends the study after this time, even if not all trials are done. Empty means "
        "no limit.",
    )
    at_once: int = Field(
        default=1,
        ge=1,
        le=64,
        title="trials at once",
        description="How many trials may be queued or training at the same time. The search knows "
        "less about each trial when it starts more of them at once.",
    )
    seed: int = Field(
        default=0,
        ge=0,
        le=2**31 - 1,
        title="seed of the search",
        description="Decides what the search draws. Each trial keeps the seed of the experiment.",
    )
    try_base: bool = Field(
        default=True,
        title="try the experiment itself first",
        description="The first trial has the experiment's own values, so that the best can be "
        "compared with them.",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        keys = [parameter.key for parameter in self.parameters]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        if twice:
            raise ValueError(f"The parameter {twice[0]} is named twice: name each once.")
        if isinstance(self.base.validation, NoValidation):
            raise ValueError(
                "A study compares results on validation images, and this experiment has none. "
                "Choose a validation split; on the command line with --validation 0.1."
            )
        for parameter in self.parameters:
            find_tunable(self.base, parameter.key).check(parameter)
        if self.sampler == "grid" and self.grid_size > 1000:
            raise ValueError(
                f"This grid has {self.grid_size:,} combinations and a study at most 1,000 trials. "
                "Use fewer values or parameters, or another search."
            )
        return self

    @property
    def higher_is_better(self) -> bool:
        return self.goal == "accuracy"

    @property
    def grid_size(self) -> int:
        """How many combinations a grid has."""
        return prod(len(parameter.grid()) for parameter in self.parameters)

    @property
    def trial_count(self) -> int:
        """How many trials the study has at most: those asked for, or those of its grid."""
        if self.sampler != "grid":
            return self.trials
        # The experiment itself comes before a grid that it is not part of.
        extra = self.try_base and self.base_settings() not in self.grid_settings()
        return min(self.trials, self.grid_size + extra)

    def base_settings(self) -> dict[str, Setting]:
        """Return the experiment's own values of the parameters."""
        return {
            parameter.key: find_tunable(self.base, parameter.key).current
            for parameter in self.parameters
        }

    def grid_settings(self) -> list[dict[str, Setting]]:
        """Return the combinations of a grid, in their order."""
        keys = [parameter.key for parameter in self.parameters]
        grids = [parameter.grid() for parameter in self.parameters]
        return [dict(zip(keys, values, strict=True)) for values in product(*grids)]

    def to_json(self) -> str:
        """Return every field as JSON."""
        return self.model_dump_json()

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read the JSON of ``to_json``; raises ``ExperimentInvalid``."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise ExperimentInvalid(" ".join(describe_errors(error, cls))) from error
