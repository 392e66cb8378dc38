"""The content of ``run.json``, in a packed run and in a run's folder, checked when it is read."""

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
from cifarviz.runs.archive_files import RunLimits, run_limits
from cifarviz.runs.curation import validate_name, validate_remark
from cifarviz.runs.damage import MAX_TIME
from cifarviz.runs.records import Epoch, Run, scaling_to_json
from cifarviz.runs.states import RunState

FORMAT = 2
"""Format 1 has no ``exact_loss_from``, and its files hold probabilities, not logarithms."""
_FORMATS = (1, FORMAT)
MAX_JSON_BYTES = 2_000_000
"""Bytes of a ``run.json``."""

# Seconds that clocks may differ, or be set back while a run is trained.
_CLOCK_SECONDS = 60.0
_TRAINING_CLOCK_SECONDS = 600.0
_DAY = 86_400.0
# The start of 2000 and of 2027; this version was made before 2027.
_EARLIEST, _THIS_VERSION = 946_684_800.0, 1_798_761_600.0


def _no_control_characters(text: str) -> str:
    if any(
        unicodedata.category(character) in ("Cc", "Cs") and character not in "\n\r\t"
        for character in text
    ):
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
Time = Annotated[float, Field(ge=_EARLIEST, le=MAX_TIME, allow_inf_nan=False)]
Rate = Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)]
Seconds = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
# The largest float32 is a little less; rounding may leave a loss of 0 a little below.
Loss = Annotated[float, Field(ge=-1e-3, le=3.5e38, allow_inf_nan=False)]
Accuracy = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class _StrictModel(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Scaling(_StrictModel):
    scale: list[Annotated[Number, Field(gt=0)]] = Field(min_length=1, max_length=64)
    offset: list[Number] = Field(min_length=1, max_length=64)


class _RunFacts(_StrictModel):
    id: str = Field(pattern=r"^[0-9a-f]{8}$")
    name: Annotated[str, Field(min_length=1, max_length=1000), _checked_by(validate_name)]
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
    # Facts of later versions than the recorded run's.
    remark: Annotated[str, Field(max_length=1000), _checked_by(validate_remark)] | None = None
    preferred: Literal["best", "last"] | None = None
    parent: str | None = Field(default=None, pattern=r"^[0-9a-f]{8}$")
    parent_epoch: Count | None = None
    # In format 2 only.
    exact_loss_from: int | None = Field(default=None, ge=1, le=10**9)
    data_fingerprint: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")


class _EpochFacts(_StrictModel):
    epoch: int = Field(ge=1, le=10**6)
    loss: Loss
    accuracy: Accuracy
    val_loss: Loss | None
    val_accuracy: Accuracy | None
    learning_rate: float = Field(ge=0, le=100, allow_inf_nan=False)
    seconds: Seconds


class _PackedRun(_StrictModel):
    cifarviz: Literal["run"]
    format: int
    run: _RunFacts
    experiment: dict[str, Any]
    epochs: list[_EpochFacts] = Field(max_length=1000)


class _RunInFolder(_PackedRun):
    """``run.json`` in a run's folder: with facts of its home, which are not packed."""

    origin: Text
    starred: bool
    # A rebuilt index must still refuse reports of earlier attempts.
    attempt: Count = 0
    owner: Annotated[str, Field(max_length=64)] | None = None
    shown: bool = False
    gives_way: bool = False


_Facts = TypeVar("_Facts", bound=_PackedRun)


def run_facts(run: Run, epochs: list[Epoch]) -> dict[str, Any]:
    """Return the content of ``run.json`` without the facts of its home.

    Raises ``RunDamaged``, and as ``Run.experiment`` does.
    """
    columns: dict[str, Any] = {name: getattr(run, name, None) for name in _RunFacts.model_fields}
    columns["state"] = str(run.state)
    if run.progress is not None:
        columns |= {"step": run.progress.step, "steps_per_epoch": run.progress.steps_per_epoch}
    scaling = run.scaling
    columns["scaling"] = scaling and {"scale": list(scaling.scale), "offset": list(scaling.offset)}
    return {
        "cifarviz": "run",
        "format": FORMAT,
        "run": columns,
        "experiment": json.loads(run.experiment.to_json()),
        "epochs": [epoch._asdict() for epoch in epochs],
    }


def parse_facts(content: bytes) -> dict[str, Any]:
    """Parse a ``run.json`` of a format that this version reads, without checking its facts.

    Raises ``ArchiveDamaged`` and ``UnknownFormat``.
    """
    if len(content) > MAX_JSON_BYTES:
        raise archive_damaged("“run.json” is too large")
    facts = parse_json(content, "run.json")
    if not isinstance(facts, dict) or facts.get("cifarviz") != "run":
        raise archive_damaged("“run.json” does not describe a run")
    if facts.get("format") not in _FORMATS:
        raise UnknownFormat(
            "This run was packed by another version of cifarviz (format {format}; "
            "this version reads 1 and {newest}). Unpack it with that version.",
            format=repr(facts.get("format"))[:20],
            newest=FORMAT,
        )
    return facts


def parse_json(content: bytes, name: str) -> Any:
    """Parse the file ``name`` of an archive; raises ``ArchiveDamaged``."""
    try:
        values = json.loads(content, object_pairs_hook=_without_duplicates)
        # Halves of surrogate pairs cannot be encoded.
        json.dumps(values, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise archive_damaged("“{member}” is not JSON", member=name) from error
    return values


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(members := dict(pairs)) < len(pairs):
        raise ValueError("a name occurs twice")
    return members


class ImportedFacts(NamedTuple):
    """A ``run.json`` as the store has it: the columns of its row, and its epochs."""

    columns: dict[str, Any]
    epochs: list[Epoch]
    limits: RunLimits


def check_packed_facts(facts: dict[str, Any], origin: str) -> ImportedFacts:
    """Check ``facts`` of a packed run from an unknown source.

    Raises ``ArchiveDamaged``, and as ``Experiment.from_json`` does.
    """
    packed = _validate(_PackedRun, facts)
    if RunState(packed.run.state).active:
        raise archive_damaged(
            "“run.state” is {state}, but a packed run has ended", state=packed.run.state
        )
    return _check_facts(packed, origin)


def check_folder_facts(facts: dict[str, Any]) -> ImportedFacts:
    """Check ``facts`` of ``run.json`` in a run's folder: any state, with origin and star.

    Raises as ``check_packed_facts`` does.
    """
    packed = _validate(_RunInFolder, facts)
    # The clock of this home may have been set back.
    checked = _check_facts(packed, packed.origin, times=False)
    own: dict[str, object] = {"starred": int(packed.starred), "attempt": packed.attempt}
    own |= {"owner": packed.owner, "shown": int(packed.shown), "gives_way": int(packed.gives_way)}
    return checked._replace(columns=checked.columns | own)


def _validate(model: type[_Facts], facts: dict[str, Any]) -> _Facts:
    try:
        return model.model_validate(facts)
    except ValidationError as error:
        first = error.errors()[0]
        raise archive_damaged(
            "“{field}” is invalid: {problem}",
            field=".".join(map(str, first["loc"])),
            problem=first["msg"],
        ) from error


def _check_facts(packed: _PackedRun, origin: str, *, times: bool = True) -> ImportedFacts:
    run, epochs = packed.run, [Epoch(**epoch.model_dump()) for epoch in packed.epochs]
    experiment = Experiment.from_json(json.dumps(packed.experiment))
    try:
        _no_control_characters(experiment.preset or "")
    except ValueError as error:
        raise archive_damaged("“experiment.preset” is invalid: {problem}", problem=error) from error
    limits = run_limits(experiment, run.validation_images, run.data_fingerprint)
    if times:
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
        # Without a heartbeat there is no progress.
        "heartbeat": None if run.step is None else run.ended,
    }
    return ImportedFacts(columns, epochs, limits)


def _check_times(run: _RunFacts, epochs: list[Epoch]) -> None:
    latest = max(time.time(), _THIS_VERSION) + _DAY
    for name in ("created", "started", "ended"):
        if (getattr(run, name) or 0) > latest:
            raise archive_damaged("“run.{field}” is in the future", field=name)
    if run.started is not None and run.started < run.created - _CLOCK_SECONDS:
        raise archive_damaged("“run.started” is before “run.created”")
    if run.ended is not None and run.ended < (run.started or run.created) - _CLOCK_SECONDS:
        raise archive_damaged("“run.ended” is before “run.started”")
    if run.state == "finished" and (run.started is None or run.ended is None):
        raise archive_damaged("it is finished, but “run.started” or “run.ended” is missing")
    if run.started is None and epochs:
        raise archive_damaged("it has epochs, but “run.started” is missing")
    began = run.created if run.started is None else run.started
    available = (
        1.1 * ((latest if run.ended is None else run.ended) - began) + _TRAINING_CLOCK_SECONDS
    )
    if run.seconds > available:
        raise archive_damaged("“run.seconds” is longer than the time from its start to its end")
    if sum(epoch.seconds for epoch in epochs) > available:
        raise archive_damaged("its epochs took longer than the time from its start to its end")


def _check_history(run: _RunFacts, epochs: list[Epoch], experiment: Experiment) -> None:
    if (run.parent is None) != (run.parent_epoch is None):
        raise archive_damaged("only one of “run.parent” and “run.parent_epoch” is set")
    if run.parent == run.id:
        raise archive_damaged("“run.parent” is the run itself")
    before = run.parent_epoch or 0
    if run.parent is not None and not 1 <= before < experiment.epochs:
        raise archive_damaged(
            "“run.parent_epoch” is not from 1 to {last}", last=experiment.epochs - 1
        )
    numbers = [epoch.epoch for epoch in epochs]
    if numbers != list(range(before + 1, before + 1 + len(numbers))):
        raise archive_damaged("its epochs are not consecutive from {first}", first=before + 1)
    last = before + len(epochs)
    if last > experiment.epochs:
        raise archive_damaged(
            "it has {epochs} epochs, but {planned} were planned",
            epochs=last,
            planned=experiment.epochs,
        )
    if run.stopped_early not in (None, last) or (run.stopped_early == last and not epochs):
        raise archive_damaged("“run.stopped_early” is not its last epoch")
    if run.state == "finished" and last < experiment.epochs and run.stopped_early is None:
        raise archive_damaged(
            "it is finished, but has {epochs} of {planned} epochs",
            epochs=last,
            planned=experiment.epochs,
        )
    validated = not isinstance(experiment.validation, NoValidation)
    for number, epoch in enumerate(epochs):
        for name in ("val_loss", "val_accuracy"):
            if (getattr(epoch, name) is not None) != validated:
                raise archive_damaged(
                    "“epochs.{number}.{field}” is missing"
                    if validated
                    else "“epochs.{number}.{field}” is set, but there are no validation images",
                    number=number,
                    field=name,
                )


def _check_counts(run: _RunFacts, epochs: list[Epoch], limits: RunLimits) -> None:
    upper_limits = {
        "train_images": limits.train_images,
        "validation_images": max(limits.train_images, limits.test_images),
        "steps_per_epoch": limits.steps_per_epoch,
        "step": limits.steps,
    }
    for name, high in upper_limits.items():
        if (getattr(run, name) or 0) > high:
            raise archive_damaged(
                "“run.{field}” must be at most {most:,} for this experiment", field=name, most=high
            )
    if epochs and run.train_images == 0:
        raise archive_damaged("it has epochs, but “run.train_images” is 0")
    if run.steps_per_epoch is not None:
        planned = run.steps_per_epoch * limits.experiment.epochs
        if (run.step or 0) > planned:
            raise archive_damaged(
                "“run.step” is more than the {planned:,} steps of its epochs", planned=planned
            )
    if run.validation_images and isinstance(limits.experiment.validation, NoValidation):
        raise archive_damaged(
            "“run.validation_images” is set, but the experiment has no validation"
        )
    channels = limits.experiment.architecture.input_shape[2]
    scaling = run.scaling
    if scaling and not len(scaling.scale) == len(scaling.offset) == channels:
        raise archive_damaged(
            "“run.scaling” must have {channels} channels, as the images do", channels=channels
        )
    if scaling and max(map(abs, [*scaling.scale, *scaling.offset])) > 1e6:
        raise archive_damaged("“run.scaling” has numbers above a million")


def archive_damaged(reason: str, **values: object) -> ArchiveDamaged:
    """Return the error for a file that is not a packed run.

    ``reason`` is a clause without a full stop, a template with ``values``.
    """
    return ArchiveDamaged(
        "This is not a run packed by cifarviz: {reason}. Pack it again.",
        reason=reason.format(**values),
        **values,
    )
