"""The base class of every value in an experiment: frozen, validated, with labels for people.

Pydantic's errors are turned into plain sentences.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Self, get_args

import annotated_types
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.fields import FieldInfo

from cifarviz.errors import ExperimentInvalid


class Value(BaseModel):
    """A frozen value that refuses unknown fields, not-a-number and infinity.

    ``Value(...)`` raises pydantic's ``ValidationError``; ``Value.make(...)`` raises
    ``ExperimentInvalid`` with the same problems in plain words.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    title: ClassVar[str] = ""
    """The name of this choice in menus."""
    short_title: ClassVar[str] = ""
    """Its name in names of runs, if the title is too long or needs context."""
    title_keeps_case: ClassVar[bool] = False
    """Whether the title keeps its capital inside a sentence, as a proper name does."""
    explanation: ClassVar[str] = ""
    """A sentence on what it does."""

    @classmethod
    def make(cls, **fields: Any) -> Self:
        """Make the value, or raise ``ExperimentInvalid`` with a sentence for each problem."""
        try:
            return cls(**fields)
        except ValidationError as error:
            raise ExperimentInvalid(" ".join(describe_errors(error, cls))) from error

    @classmethod
    def help_text(cls, field: str) -> str:
        """Return a sentence on what ``field`` does."""
        return cls.model_fields[field].description or ""

    @classmethod
    def label(cls, field: str) -> str:
        """Return the label of ``field``: ``"kernel size"`` for ``kernel_size``."""
        return cls.model_fields[field].title or field.replace("_", " ")

    @classmethod
    def limits(cls, field: str) -> tuple[float | None, float | None]:
        """Return the smallest and largest number of ``field``; ``None`` where there is no limit.

        A limit itself may be excluded, as 0 is for a learning rate.
        """
        limits = bounds(cls.model_fields[field])
        return limits.low, limits.high


_NUMBER_ERRORS = frozenset(
    {
        "greater_than",
        "greater_than_equal",
        "less_than",
        "less_than_equal",
        "int_parsing",
        "int_parsing_size",
        "int_type",
        "int_from_float",
        "float_parsing",
        "float_type",
        "finite_number",
    }
)
_TRUTH_ERRORS = frozenset({"bool_parsing", "bool_type"})


@dataclass(frozen=True)
class Bounds:
    """The numbers a field takes, from ``low`` to ``high``; ``None`` where there is no limit."""

    low: float | None
    high: float | None
    low_excluded: bool
    high_excluded: bool
    is_integer: bool

    def __str__(self) -> str:
        kind = "a whole number" if self.is_integer else "a number"
        if self.low is None and self.high is None:
            return kind
        if self.low is not None and self.high is not None:
            if not self.low_excluded and not self.high_excluded:
                return f"{kind} from {_format_number(self.low)} to {_format_number(self.high)}"
            above = "above" if self.low_excluded else "of at least"
            below = "below" if self.high_excluded else "at most"
            return (
                f"{kind} {above} {_format_number(self.low)} and {below} {_format_number(self.high)}"
            )
        if self.low is not None:
            above = "above" if self.low_excluded else "of at least"
            return f"{kind} {above} {_format_number(self.low)}"
        below = "below" if self.high_excluded else "at most"
        return f"{kind} {below} {_format_number(self.high)}"


def bounds(field: FieldInfo) -> Bounds:
    """Read the limits of a numeric field from its ``ge``, ``gt``, ``le`` and ``lt``."""
    low: Any = None
    high: Any = None
    low_excluded = high_excluded = False
    for rule in field.metadata:
        if isinstance(rule, annotated_types.Ge):
            low = rule.ge
        elif isinstance(rule, annotated_types.Gt):
            low, low_excluded = rule.gt, True
        elif isinstance(rule, annotated_types.Le):
            high = rule.le
        elif isinstance(rule, annotated_types.Lt):
            high, high_excluded = rule.lt, True
    return Bounds(low, high, low_excluded, high_excluded, int in _types_in(field.annotation))


def describe_errors(error: ValidationError, model: type[BaseModel] | None = None) -> list[str]:
    """Describe each problem of ``error`` in a sentence with the label of the field.

    ``model`` is the class that could not be made; without it, the class is found by the name in
    pydantic's error.
    """
    root = model or _find_class(error.title)
    return [text for problem in error.errors() for text in _problem_sentences(problem, root)]


def _problem_sentences(problem: Any, root: type[BaseModel] | None) -> list[str]:
    raised = problem.get("ctx", {}).get("error")
    where, field, name = _locate(problem["loc"], root)
    if isinstance(raised, ValueError):  # sentences from a validator of ours
        return [f"{where}{argument}" for argument in raised.args]
    came = _format_input(problem["input"])
    subject = f"{where}the {name}" if where else f"The {name}"
    match problem["type"]:
        case "missing":
            return [f"{subject} is missing."]
        case "extra_forbidden":
            unknown = f"there is no setting called “{problem['loc'][-1]}”."
            return [f"{where}{unknown}" if where else unknown.capitalize()]
        case "literal_error":
            return [f"{subject} must be {problem['ctx']['expected']}, not {came}."]
        case "union_tag_invalid":
            expected, tag = problem["ctx"]["expected_tags"], problem["ctx"]["tag"]
            return [f"{subject} must be one of {expected}, not “{tag}”."]
        case "union_tag_not_found":
            return [f"{subject} has no type: {came} came."]
        case kind if kind in _NUMBER_ERRORS and field is not None:
            return [f"{subject} must be {bounds(field)}, not {came}."]
        case kind if kind in _TRUTH_ERRORS:
            return [f"{subject} must be true or false, not {came}."]
        case _:
            reason = problem["msg"].removeprefix("Input ").rstrip(".")
            return [f"{subject} {reason}, not {came}."]


def _locate(
    loc: tuple[int | str, ...], root: type[BaseModel] | None
) -> tuple[str, FieldInfo | None, str]:
    """Follow ``loc`` from ``root``: the text of where it is, the field, and its label."""
    classes = [] if root is None else [root]
    where, field, name = "", None, "value"
    for key in loc:
        if isinstance(key, int):
            if name == "layers":
                where, name = f"In layer {key + 1}, ", "layer"
            continue
        owner = next((model for model in classes if key in model.model_fields), None)
        if owner is None:  # the tag of a union, or a field that isn't there
            classes = [model for model in classes if _tag(model) == key] or classes
            continue
        field = owner.model_fields[key]
        name = field.title or key.replace("_", " ")
        classes = [c for c in _types_in(field.annotation) if _is_model(c)]
    return where, field, name


def _tag(model: type[BaseModel]) -> object:
    field = model.model_fields.get("type") or model.model_fields.get("kind")
    return None if field is None else field.default


def _types_in(annotation: Any) -> list[Any]:
    """Every type that an annotation mentions, however deep in unions and tuples."""
    parts = get_args(annotation)
    if not parts:
        return [annotation]
    return [type_ for part in parts for type_ in _types_in(part)]


def _is_model(candidate: Any) -> bool:
    return isinstance(candidate, type) and issubclass(candidate, BaseModel)


def _find_class(name: str) -> type[BaseModel] | None:
    return next((model for model in _descendants(BaseModel) if model.__name__ == name), None)


def _descendants(parent: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for child in parent.__subclasses__():
        if child.__module__.startswith("cifarviz."):
            yield child
        yield from _descendants(child)


def _format_number(value: float | None) -> str:
    return f"{int(value):,}" if value is not None and value == int(value) else f"{value:g}"


def _format_input(value: object) -> str:
    """Format an input briefly enough for a sentence."""
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return f"“{value[:40]}…”" if len(value) > 40 else f"“{value}”"
    if isinstance(value, BaseModel):
        return f"a {type(value).__name__}"
    if isinstance(value, int) and abs(value) >= 10**20:
        return "a number of more than 20 digits"
    if isinstance(value, (bool, int, float)):
        return str(value)
    if isinstance(value, (list, tuple, dict)):
        return f"a {type(value).__name__} of {len(value)}"
    return f"something of type {type(value).__name__}"
