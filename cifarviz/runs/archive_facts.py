"""What ``run.json`` of a packed run says, checked when it comes from somewhere else."""

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cifarviz.errors import ArchiveDamaged
from cifarviz.experiment.preprocessing import Scaling
from cifarviz.runs.records import Epoch, Run, scaling_to_json

Text = Annotated[str, Field(max_length=10_000)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, le=10**9)]
_OVER = Literal["finished", "stopped", "failed", "interrupted"]


class _Checked(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Scaling(_Checked):
    scale: list[Number] = Field(min_length=1, max_length=4)
    offset: list[Number] = Field(min_length=1, max_length=4)


class _RunFacts(_Checked):
    id: str = Field(pattern=r"^[0-9a-f]{8}$")
    name: str = Field(min_length=1, max_length=100)
    state: _OVER
    machine: Text
    created: Number
    started: Number | None
    ended: Number | None
    seconds: Number = Field(ge=0)
    train_images: Count | None
    validation_images: Count | None
    images_per_second: Number | None
    precision: Literal["float32", "bfloat16"] | None
    precision_reason: Text | None
    scaling: _Scaling | None
    message: Text | None
    note: Text | None
    stopped_early: Count | None
    step: Count | None
    steps_per_epoch: Count | None
    # Of later versions than the recorded run's.
    remark: Text | None = None
    preferred: Literal["best", "last"] | None = None
    parent: str | None = Field(default=None, pattern=r"^[0-9a-f]{8}$")
    parent_epoch: Count | None = None
    # Of format 2; a run of format 1 has none.
    exact_loss_from: int | None = Field(default=None, ge=1, le=10**9)


class _EpochFacts(_Checked):
    epoch: int = Field(ge=1, le=10**6)
    loss: Number
    accuracy: Number = Field(ge=0, le=1)
    val_loss: Number | None
    val_accuracy: Number | None = Field(ge=0, le=1)
    learning_rate: Number
    seconds: Number = Field(ge=0)


class _Packed(_Checked):
    cifarviz: Literal["run"]
    format: int
    run: _RunFacts
    experiment: dict[str, Any]
    epochs: list[_EpochFacts] = Field(max_length=100_000)


def facts_of(run: Run, epochs: list[Epoch]) -> dict[str, Any]:
    """What of a run goes into ``run.json``: ``run``, ``experiment`` and ``epochs``."""
    kept: dict[str, Any] = {name: getattr(run, name, None) for name in _RunFacts.model_fields}
    kept["state"] = str(run.state)
    if run.progress is not None:
        kept |= {"step": run.progress.step, "steps_per_epoch": run.progress.steps_per_epoch}
    scaling = run.scaling
    kept["scaling"] = scaling and {"scale": list(scaling.scale), "offset": list(scaling.offset)}
    return {
        "run": kept,
        "experiment": json.loads(run.experiment_json),
        "epochs": [epoch._asdict() for epoch in epochs],
    }


def facts_from(facts: dict[str, Any], origin: str) -> tuple[dict[str, Any], list[Epoch]]:
    """The columns of ``facts`` as a row of runs has them, but its monitor; and its epochs.

    Raises ``ArchiveDamaged`` for what no run is.
    """
    try:
        packed = _Packed.model_validate(facts)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise damaged(f"“{place}” is not what it should be ({first['msg']})") from error
    epochs = [Epoch(**one.model_dump()) for one in packed.epochs]
    numbers = [one.epoch for one in epochs]
    if numbers and numbers != list(range(numbers[0], numbers[0] + len(numbers))):
        raise damaged("its epochs do not follow each other")
    columns = packed.run.model_dump(exclude={"scaling"})
    if packed.format == 1:
        columns["exact_loss_from"] = None
    scaling = packed.run.scaling
    columns["scaling"] = scaling and scaling_to_json(
        Scaling(scale=tuple(scaling.scale), offset=tuple(scaling.offset))
    )
    columns |= {
        "experiment": json.dumps(packed.experiment),
        "origin": origin,
        "queued": packed.run.created,
        "epoch": len(epochs),
        # Its last sign of life; without one there is no progress.
        "heartbeat": None if packed.run.step is None else packed.run.ended,
    }
    return columns, epochs


def damaged(reason: str) -> ArchiveDamaged:
    """The error for a file that no cifarviz packed."""
    return ArchiveDamaged(f"This is not a run packed by cifarviz: {reason}. Pack it again.")
