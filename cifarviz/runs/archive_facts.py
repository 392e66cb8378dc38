"""What ``run.json`` says, in a packed run and in a run's folder; checked when it is read."""

import json
import time
import unicodedata
from collections.abc import Callable
from typing import Annotated, Any, Literal, NamedTuple, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from cifarviz.errors import ArchiveDamaged, ExperimentInvalid, UnknownFormat
from cifarviz.experiment.choices import NoValidation
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.preprocessing import Scaling
from cifarviz.runs.archive_files import RunLimits, limits_of
from cifarviz.runs.curation import checked_name, checked_remark
from cifarviz.runs.damage import LATEST
from cifarviz.runs.records import Epoch, Run, scaling_to_json
from cifarviz.runs.states import RunState

FORMAT = 2
"""Format 1 does not say how losses were computed, and its files hold probabilities."""
_FORMATS = (1, FORMAT)
MOST_JSON = 2_000_000
"""Bytes of a ``run.json``."""

# Seconds that clocks may differ, or be set back while a run is trained.
_CLOCK = 60.0
_CLOCK_AT_WORK = 600.0
_A_DAY = 86_400.0
# The beginnings of 2000, and of 2027: a clock before that was wrong when this version was made.
_EARLIEST, _THIS_VERSION = 946_684_800.0, 1_798_761_600.0


def _no_control_characters(text: str) -> str:
    if any(unicodedata.category(one) in ("Cc", "Cs") and one not in "\n\r\t" for one in text):
        raise ValueError("it has control characters")
    return text


def _checked_by(check: Callable[[str], str]) -> AfterValidator:
    def checked(text: str) -> str:
        try:
            return check(text)
        except ExperimentInvalid as error:
            raise ValueError(str(error)) from error

    return AfterValidator(checked)


Text = Annotated[str, Field(max_length=10_000), AfterValidator(_no_control_characters)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, le=10**9)]
Time = Annotated[float, Field(ge=_EARLIEST, le=LATEST, allow_inf_nan=False)]
Rate = Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)]
Seconds = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
# The largest float32 is a little less; rounding may leave a loss of 0 a little below.
Loss = Annotated[float, Field(ge=-1e-3, le=3.5e38, allow_inf_nan=False)]
Accuracy = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class _Checked(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Scaling(_Checked):
    scale: list[Annotated[Number, Field(gt=0)]] = Field(min_length=1, max_length=64)
    offset: list[Number] = Field(min_length=1, max_length=64)


class _RunFacts(_Checked):
    id: str = Field(pattern=r"^[0-9a-f]{8}$")
    name: Annotated[str, Field(min_length=1, max_length=1000), _checked_by(checked_name)]
    state: Literal[
        "queued", "running", "paused", "stopping", "stopped", "finished", "failed", "interrupted"
    ]
    machine: Text
    created: Time
    started: Time | None
    ended: Time | None
    seconds: Seconds
    train_images: Count | None
    validation_images: Count | None
    images_per_second: Rate | None
    precision: Literal["float32", "bfloat16"] | None
    precision_reason: Text | None
    scaling: _Scaling | None
    message: Text | None
    note: Text | None
    stopped_early: Count | None
    step: Count | None
    steps_per_epoch: Count | None
    # Of later versions than the recorded run's.
    remark: Annotated[str, Field(max_length=1000), _checked_by(checked_remark)] | None = None
    preferred: Literal["best", "last"] | None = None
    parent: str | None = Field(default=None, pattern=r"^[0-9a-f]{8}$")
    parent_epoch: Count | None = None
    # Of format 2; a run of format 1 has none.
    exact_loss_from: int | None = Field(default=None, ge=1, le=10**9)


class _EpochFacts(_Checked):
    epoch: int = Field(ge=1, le=10**6)
    loss: Loss
    accuracy: Accuracy
    val_loss: Loss | None
    val_accuracy: Accuracy | None
    learning_rate: float = Field(ge=0, le=100, allow_inf_nan=False)
    seconds: Seconds


class _Packed(_Checked):
    cifarviz: Literal["run"]
    format: int
    run: _RunFacts
    experiment: dict[str, Any]
    epochs: list[_EpochFacts] = Field(max_length=1000)


class _InFolder(_Packed):
    """What is known of a run in its home alone is not packed."""

    origin: Text
    starred: bool


_Facts = TypeVar("_Facts", bound=_Packed)


def facts_of(run: Run, epochs: list[Epoch]) -> dict[str, Any]:
    """What of a run goes into ``run.json``, beside its marks: ``run``, ``experiment``, ``epochs``.

    Raises ``RunDamaged``, and as ``Run.experiment`` does.
    """
    kept: dict[str, Any] = {name: getattr(run, name, None) for name in _RunFacts.model_fields}
    kept["state"] = str(run.state)
    if run.progress is not None:
        kept |= {"step": run.progress.step, "steps_per_epoch": run.progress.steps_per_epoch}
    scaling = run.scaling
    kept["scaling"] = scaling and {"scale": list(scaling.scale), "offset": list(scaling.offset)}
    return {
        "cifarviz": "run",
        "format": FORMAT,
        "run": kept,
        "experiment": json.loads(run.experiment.to_json()),
        "epochs": [epoch._asdict() for epoch in epochs],
    }


def parse_facts(content: bytes) -> dict[str, Any]:
    """Parse a ``run.json`` of a format that this version reads; nothing in it is checked yet.

    Raises ``ArchiveDamaged`` and ``UnknownFormat``.
    """
    if len(content) > MOST_JSON:
        raise damaged("“run.json” is too large")
    try:
        facts = json.loads(content, object_pairs_hook=_without_duplicates)
        # Halves of surrogate pairs are no text.
        json.dumps(facts, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise damaged("“run.json” is not JSON") from error
    if not isinstance(facts, dict) or facts.get("cifarviz") != "run":
        raise damaged("“run.json” does not describe a run")
    if facts.get("format") not in _FORMATS:
        given = repr(facts.get("format"))[:20]
        raise UnknownFormat(
            "This run was packed by another version of cifarviz (format {given}; "
            "this one reads 1 and {newest}). Unpack it with that version.",
            given=given,
            newest=FORMAT,
        )
    return facts


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(found := dict(pairs)) < len(pairs):
        raise ValueError("a name is there twice")
    return found


class ImportedFacts(NamedTuple):
    """What ``run.json`` says, as the store has it: the columns of its row, and its epochs."""

    columns: dict[str, Any]
    epochs: list[Epoch]
    limits: RunLimits


def facts_from(facts: dict[str, Any], origin: str) -> ImportedFacts:
    """Read ``facts`` of a packed run, which may come from anybody.

    Raises ``ArchiveDamaged`` for what no run is, and as ``Experiment.from_json`` does.
    """
    packed = _validated(_Packed, facts)
    if RunState(packed.run.state).active:
        raise damaged(f"“run.state” is not what it should be ({packed.run.state})")
    return _checked_facts(packed, origin)


def facts_from_folder(facts: dict[str, Any]) -> ImportedFacts:
    """Read ``facts`` of ``run.json`` in a run's folder: any state, with origin and star.

    Raises as ``facts_from`` does.
    """
    packed = _validated(_InFolder, facts)
    found = _checked_facts(packed, packed.origin)
    return found._replace(columns=found.columns | {"starred": int(packed.starred)})


def _validated(kind: type[_Facts], facts: dict[str, Any]) -> _Facts:
    try:
        return kind.model_validate(facts)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise damaged(f"“{place}” is not what it should be ({first['msg']})") from error


def _checked_facts(packed: _Packed, origin: str) -> ImportedFacts:
    run, epochs = packed.run, [Epoch(**one.model_dump()) for one in packed.epochs]
    experiment = Experiment.from_json(json.dumps(packed.experiment))
    try:
        _no_control_characters(experiment.preset or "")
    except ValueError as error:
        raise damaged(f"“experiment.preset” is not what it should be ({error})") from error
    limits = limits_of(experiment, run.validation_images)
    _check_times(run, epochs)
    _check_history(run, epochs, experiment)
    _check_counts(run, epochs, limits)
    columns = run.model_dump(exclude={"scaling"})
    if packed.format == 1:
        columns["exact_loss_from"] = None
    columns["scaling"] = run.scaling and scaling_to_json(
        Scaling(scale=tuple(run.scaling.scale), offset=tuple(run.scaling.offset))
    )
    columns |= {
        "experiment": experiment.to_json(),
        "monitor": experiment.monitor,
        "origin": origin,
        "queued": run.created,
        "epoch": len(epochs),
        # Its last sign of life; without one there is no progress.
        "heartbeat": None if run.step is None else run.ended,
    }
    return ImportedFacts(columns, epochs, limits)


def _check_times(run: _RunFacts, epochs: list[Epoch]) -> None:
    latest = max(time.time(), _THIS_VERSION) + _A_DAY
    for name in ("created", "started", "ended"):
        if (getattr(run, name) or 0) > latest:
            raise damaged(f"“run.{name}” is in the future")
    if run.started is not None and run.started < run.created - _CLOCK:
        raise damaged("“run.started” is before “run.created”")
    if run.ended is not None and run.ended < (run.started or run.created) - _CLOCK:
        raise damaged("“run.ended” is before “run.started”")
    if run.state == "finished" and (run.started is None or run.ended is None):
        raise damaged("it is finished, but “run.started” or “run.ended” is missing")
    if run.started is None and epochs:
        raise damaged("it has epochs, but “run.started” is missing")
    began = run.created if run.started is None else run.started
    available = 1.1 * ((latest if run.ended is None else run.ended) - began) + _CLOCK_AT_WORK
    if run.seconds > available:
        raise damaged("“run.seconds” is more time than there was from its start to its end")
    if sum(one.seconds for one in epochs) > available:
        raise damaged("its epochs took more time than there was from its start to its end")


def _check_history(run: _RunFacts, epochs: list[Epoch], experiment: Experiment) -> None:
    if (run.parent is None) != (run.parent_epoch is None):
        raise damaged("“run.parent” and “run.parent_epoch” belong together")
    if run.parent == run.id:
        raise damaged("“run.parent” is the run itself")
    before = run.parent_epoch or 0
    if run.parent is not None and not 1 <= before < experiment.epochs:
        raise damaged(f"“run.parent_epoch” is not from 1 to {experiment.epochs - 1}")
    numbers = [one.epoch for one in epochs]
    if numbers != list(range(before + 1, before + 1 + len(numbers))):
        raise damaged(f"its epochs do not follow each other from {before + 1}")
    last = before + len(epochs)
    if last > experiment.epochs:
        raise damaged(f"it has {last} epochs, and {experiment.epochs} were planned")
    if run.stopped_early not in (None, last) or (run.stopped_early == last and not epochs):
        raise damaged("“run.stopped_early” is not the last of its epochs")
    if run.state == "finished" and last < experiment.epochs and run.stopped_early is None:
        raise damaged(f"it is finished, but has {last} of {experiment.epochs} epochs")
    validated = not isinstance(experiment.validation, NoValidation)
    for number, one in enumerate(epochs):
        for name in ("val_loss", "val_accuracy"):
            if (getattr(one, name) is not None) != validated:
                found = "is missing" if validated else "is there, without validation images"
                raise damaged(f"“epochs.{number}.{name}” {found}")


def _check_counts(run: _RunFacts, epochs: list[Epoch], limits: RunLimits) -> None:
    most = {
        "train_images": limits.train_images,
        "validation_images": max(limits.train_images, limits.test_images),
        "steps_per_epoch": limits.steps_per_epoch,
        "step": limits.steps,
    }
    for name, high in most.items():
        if (getattr(run, name) or 0) > high:
            raise damaged(f"“run.{name}” is more than the {high:,} of the experiment")
    if epochs and run.train_images == 0:
        raise damaged("it has epochs, but “run.train_images” is 0")
    if run.steps_per_epoch is not None:
        planned = run.steps_per_epoch * limits.experiment.epochs
        if (run.step or 0) > planned:
            raise damaged(f"“run.step” is more than the {planned:,} of its epochs")
    if run.validation_images and isinstance(limits.experiment.validation, NoValidation):
        raise damaged("“run.validation_images” is there, without validation images")
    channels = limits.experiment.architecture.input_shape[2]
    scaling = run.scaling
    if scaling and not len(scaling.scale) == len(scaling.offset) == channels:
        raise damaged(f"“run.scaling” is not that of images with {channels} channels")
    if scaling and max(map(abs, [*scaling.scale, *scaling.offset])) > 1e6:
        raise damaged("“run.scaling” has numbers beyond a million")


def damaged(reason: str) -> ArchiveDamaged:
    """The error for a file that no cifarviz packed."""
    return ArchiveDamaged(
        "This is not a run packed by cifarviz: {reason}. Pack it again.", reason=reason
    )
