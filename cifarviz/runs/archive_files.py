"""The files of a packed run, checked against its experiment.

======================================  ==========================================================
``checkpoint-last``, ``-best``,         all variables of the network, and of the optimizer if
``-start``, ``snapshots/weights-N``     training can be resumed; float32, finite
``test-probabilities-…``,               an array of ``PREDICTION_ARRAYS``, shape (images, classes),
``snapshots/answers-N``, ``/memory-N``  and ``indices``
``snapshots/maps-N``                    for each layer ``N/bytes`` and ``N/range``, or ``N/values``
``snapshots/histograms-N``              of each kind ``counts`` and ``numbers``, a row a layer
``batches``                             ``steps``, ``loss`` and ``accuracy`` of each step
======================================  ==========================================================
"""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from cifarviz.data import sample
from cifarviz.data.image_set import Split
from cifarviz.data.importing.options import MAX_IMAGES
from cifarviz.datasets.registry import find_dataset
from cifarviz.errors import StoreError
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.variable_shapes import (
    model_variables,
    never_negative,
    optimizer_variables,
    without_place,
)
from cifarviz.layers.base import SEED, Shape
from cifarviz.runs.artifacts import FACTS, UNREADABLE, ArrayFile, ArrayHeader
from cifarviz.runs.layer_histograms import BINS, NUMBERS, HistogramKind
from cifarviz.runs.records import BatchPoints

MAX_STEPS: Final = 16_000_000
"""Training steps of an imported run; each takes 16 bytes of memory while it is read."""

BATCHES = ("steps", "loss", "accuracy")

# Bytes in addition to the values: facts, headers, the directory.
_OVERHEAD = 200_000
_MAX_FACTS_BYTES = 100_000
# Images with feature maps in one file: more than pins.MAX_PINNED, which other versions may raise.
_MAX_MAP_IMAGES = 64
_LARGEST_LOSS = float(np.finfo(np.float32).max)


class RunFileInvalid(StoreError):
    """Why a file cannot belong to this run; a clause without a full stop."""


class _ValueRange(NamedTuple):
    low: float
    high: float
    as_probabilities: Callable[[np.ndarray], np.ndarray]


PREDICTION_ARRAYS: Mapping[str, _ValueRange] = MappingProxyType(
    {
        "probabilities": _ValueRange(0, 1, lambda values: values),
        "log_probabilities": _ValueRange(-math.inf, 0, np.exp),
    }
)
"""The arrays that may hold a network's predictions: the range of their values, and the function
that turns them into probabilities."""


@dataclass(frozen=True)
class RunLimits:
    """The most images, steps and epochs that a run of an experiment can have.

    ``validation_images`` comes from the run's record, or else from the experiment.
    """

    experiment: Experiment
    train_images: int
    test_images: int
    steps_per_epoch: int
    validation_images: int | None

    @property
    def steps(self) -> int:
        return min(self.steps_per_epoch * self.experiment.epochs, MAX_STEPS)

    @property
    def classes(self) -> int:
        return self.experiment.architecture.classes


def run_limits(
    experiment: Experiment, validation_images: int | None, fingerprint: str | None = None
) -> RunLimits:
    """Return the limits of a run of ``experiment``.

    ``fingerprint`` is that of the images it was trained on: an imported data set that has changed
    since may have had any number of them.

    Raises ``ExperimentInvalid`` if it needs more images than its data set has.
    """
    info = find_dataset(experiment.data.dataset)
    train, test = info.train_images, info.test_images
    if experiment.data.variant == "sample":
        train, test = sample.counts(info)
    elif info.own and fingerprint not in (None, info.fingerprint):
        train, test = max(train, MAX_IMAGES), max(test, MAX_IMAGES)
    sizes = experiment.sizes(train, test)
    return RunLimits(
        experiment,
        train,
        test,
        sizes.steps_per_epoch,
        sizes.validation if validation_images is None else validation_images,
    )


def max_bytes(name: str, limits: RunLimits) -> int | None:
    """Return how large a file of this name can be; ``None`` if no run has such a file."""
    file_type = _file_type(name)
    return None if file_type is None else file_type.max_bytes(limits) + _OVERHEAD


def check_file(path: Path, name: str, limits: RunLimits) -> dict[str, Any]:
    """Check that a file matches its name, and return its facts; raises ``RunFileInvalid``."""
    file_type = _file_type(name)
    assert file_type is not None
    with _unreadable_as_invalid(), ArrayFile(path) as file:
        facts = _load_facts(file)
        if type(facts.get("format")) is not int:
            raise RunFileInvalid("its format is missing")
        file_type.check(file, facts, limits, name)
        numbers = re.findall(r"-(\d{4,6})\.npz", name)
        # A copy of a last checkpoint has "epochs_done" instead.
        epoch = facts.get("epoch", facts.get("epochs_done"))
        if numbers and epoch != int(numbers[0]):
            raise RunFileInvalid("its epoch differs from its name")
        if numbers and int(numbers[0]) > limits.experiment.epochs:
            raise RunFileInvalid(
                "its epoch is more than the {epochs} of the experiment",
                epochs=limits.experiment.epochs,
            )
    return facts


def read_batches(path: Path, limits: RunLimits, done: int | None) -> BatchPoints:
    """Read the ``done`` training steps of a run; raises ``RunFileInvalid``."""
    with _unreadable_as_invalid(), ArrayFile(path) as file:
        _load_facts(file)
        if file.headers.keys() - {FACTS} != set(BATCHES):
            raise RunFileInvalid(
                "it holds {names}, but should hold {expected}",
                names=_list_names(sorted(file.headers.keys() - {FACTS})),
                expected=_list_names(BATCHES),
            )
        steps = file.headers["steps"]
        count = steps.shape[0] if len(steps.shape) == 1 else -1
        if count > limits.steps:
            raise RunFileInvalid(
                "it has {count:,} training steps, but the experiment has {planned:,}",
                count=count,
                planned=limits.steps,
            )
        if steps.dtype != np.int64:
            raise RunFileInvalid("its steps are not whole numbers")
        for name in ("loss", "accuracy"):
            header = file.headers[name]
            if header.shape != steps.shape or header.dtype != np.float32:
                raise RunFileInvalid(
                    "“{array}” does not have one float32 value for each step", array=name
                )
        values = {name: file.read(name) for name in BATCHES}
    most = limits.steps if done is None else min(limits.steps, done)
    if count and (values["steps"][0] < 1 or values["steps"][-1] > most):
        raise RunFileInvalid(
            "its steps are not from 1 to {most:,}, the steps of the run", most=most
        )
    if (np.diff(values["steps"]) != 1).any():
        raise RunFileInvalid("its steps are not consecutive")
    _check_range(values["loss"], "loss", -1e-3, _LARGEST_LOSS)
    _check_range(values["accuracy"], "accuracy", 0, 1)
    return BatchPoints(**values)


# Weights


def _weights_bytes(limits: RunLimits) -> int:
    network = limits.experiment.architecture
    shapes = [
        *model_variables(network).values(),
        *optimizer_variables(network, limits.experiment.optimizer).values(),
    ]
    return sum(8 * math.prod(shape) + 600 for shape in shapes)


def _check_weights(file: ArrayFile, facts: dict[str, Any], limits: RunLimits, name: str) -> None:
    network, optimizer = limits.experiment.architecture, limits.experiment.optimizer
    expected = model_variables(network)
    found = {variable for variable in file.headers if variable != FACTS}
    if any(variable.startswith("optimizer/") for variable in found):
        expected |= optimizer_variables(network, optimizer)
    if name == "checkpoint-start.npz":
        # A fork may have other dropout layers than its parent, which shifts later layers.
        expected = {without_place(variable): shape for variable, shape in expected.items()}
        shapes = {variable: expected.get(without_place(variable)) for variable in found}
        shapes |= {variable: (2,) for variable in found if variable.endswith(SEED)}
        missing = {variable for variable in expected if not variable.endswith(SEED)} - {
            without_place(variable) for variable in found
        }
    else:
        shapes = {variable: expected.get(variable) for variable in found}
        missing = set(expected) - found
    if missing:
        raise RunFileInvalid("“{array}” is missing", array=min(missing))
    is_float16 = facts.get("half") is True
    nonnegative = never_negative(network, optimizer)
    for name, shape in shapes.items():
        if shape is None:
            raise RunFileInvalid("its network has no “{array}”", array=name[:60])
        low = 0.0 if without_place(name) in nonnegative else -math.inf
        _check_variable(file, name, shape, low, is_float16=is_float16 and name.startswith("model/"))
    _check_position(facts, limits)


def _check_variable(
    file: ArrayFile, name: str, shape: Shape, low: float, *, is_float16: bool
) -> None:
    header = file.headers[name]
    is_integer = name.endswith((SEED, "/iteration"))
    if is_integer:
        fits = header.dtype in (np.int64, np.int32, np.uint32)
    else:
        fits = header.dtype == (np.float16 if is_float16 else np.float32)
    if not fits or header.shape != shape:
        expected = "an integer" if is_integer else "float16" if is_float16 else "float32"
        raise _wrong_array(name, header, expected, shape)
    for block in file.blocks(name):
        if not np.isfinite(block).all():
            raise RunFileInvalid("“{array}” has values that are not finite", array=name)
        if (block < low).any():
            raise RunFileInvalid("“{array}” has values below 0", array=name)


def _check_position(facts: dict[str, Any], limits: RunLimits) -> None:
    upper_limits = {
        "step": limits.steps,
        "epochs_done": limits.experiment.epochs,
        "epoch": limits.experiment.epochs,
        "images": limits.train_images,
        "hits": limits.train_images,
        "loss_sum": _LARGEST_LOSS,
    }
    for name, high in upper_limits.items():
        value = facts.get(name, 0)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= high:
            raise RunFileInvalid(
                "its “{field}” is not from 0 to {most:,.7g}", field=name, most=high
            )
        if name not in ("hits", "loss_sum") and not isinstance(value, int):
            raise RunFileInvalid("its “{field}” is not a whole number", field=name)


# Predictions


def _predictions_bytes(limits: RunLimits) -> int:
    info = find_dataset(limits.experiment.data.dataset)
    images = max(info.train_images, info.test_images)
    return images * (8 + 8 * limits.classes * len(PREDICTION_ARRAYS))


def _check_predictions(
    file: ArrayFile, facts: dict[str, Any], limits: RunLimits, name: str
) -> None:
    found = [array for array in file.headers if array not in (FACTS, "indices")]
    unknown = [array for array in found if array not in PREDICTION_ARRAYS]
    if unknown or not found or "indices" not in file.headers:
        raise RunFileInvalid(
            "it holds {names}, but should hold predictions and indices",
            names=_list_names(sorted(file.headers.keys() - {FACTS})),
        )
    split: Split = "test" if name.startswith("test-") else facts.get("split", "train")
    if split not in get_args(Split):
        raise RunFileInvalid("its split is missing or unknown")
    rows = _check_indices(file, split, limits)
    info = find_dataset(limits.experiment.data.dataset)
    if name.startswith("test-"):
        # A run of the full set may be evaluated where only the sample is.
        allowed = {limits.test_images, info.test_images, sample.counts(info)[1]}
    elif "answers" in name:
        allowed = {limits.validation_images or 0}
    else:
        allowed = set(range(1, limits.train_images + 1))
    if rows not in allowed:
        raise RunFileInvalid(
            "it has {count:,} images, which is not the number of images of the run", count=rows
        )
    for array in found:
        header, value_range = file.headers[array], PREDICTION_ARRAYS[array]
        if header.shape != (rows, limits.classes) or header.dtype not in (np.float16, np.float32):
            raise _wrong_array(array, header, "float32", (rows, limits.classes))
        values = file.read(array).astype(np.float32)
        _check_range(values, array, value_range.low, value_range.high)
        if not np.isfinite(values).all():
            raise RunFileInvalid("“{array}” has values that are not finite", array=array)
        if (np.abs(value_range.as_probabilities(values).sum(axis=1) - 1) > 0.05).any():
            raise RunFileInvalid("“{array}” has rows that do not add up to 1", array=array)


def _check_indices(file: ArrayFile, split: Split, limits: RunLimits) -> int:
    header = file.headers["indices"]
    info = find_dataset(limits.experiment.data.dataset)
    images = (
        max(info.test_images, limits.test_images)
        if split == "test"
        else max(info.train_images, limits.train_images)
    )
    if header.dtype != np.int64 or len(header.shape) != 1 or not 1 <= header.shape[0] <= images:
        raise RunFileInvalid("“indices” is not a list of image numbers")
    indices: NDArray[np.int64] = file.read("indices")
    if (indices < 0).any() or (indices >= images).any() or len(np.unique(indices)) < len(indices):
        raise RunFileInvalid(
            "“indices” has duplicates, or numbers outside 0 to {last:,}", last=images - 1
        )
    return len(indices)


# Feature maps


def _layers(limits: RunLimits) -> dict[tuple[str, str], Shape]:
    rows = limits.experiment.architecture.trace().all_rows
    return {(row.name, row.type): row.output_shape for row in rows if row.output_shape is not None}


def _maps_bytes(limits: RunLimits) -> int:
    # One byte per value and two numbers per channel, or four bytes per value.
    layers = _layers(limits).values()
    return _MAX_MAP_IMAGES * (8 + sum(4 * math.prod(shape) + 8 * shape[-1] for shape in layers))


def _check_maps(file: ArrayFile, facts: dict[str, Any], limits: RunLimits, name: str) -> None:
    if "indices" not in file.headers:
        raise RunFileInvalid("“indices” is missing")
    images = _check_indices(file, "test", limits)
    if images > _MAX_MAP_IMAGES:
        raise RunFileInvalid(
            "it has maps of {images:,} images, but may have at most {most}",
            images=images,
            most=_MAX_MAP_IMAGES,
        )
    known, listed = _layers(limits), facts.get("layers")
    layers = [tuple(layer) for layer in listed] if isinstance(listed, list) else []
    if not layers or len(set(layers)) < len(layers) or not known.keys() >= set(layers):
        raise RunFileInvalid("its layers are not those of the network")
    expected: dict[str, tuple[Shape, type]] = {"indices": ((images,), np.int64)}
    for number, layer in enumerate(layers):
        shape = known[layer]
        if len(shape) == 1:
            expected[f"{number}/values"] = ((images, *shape), np.float32)
        else:
            expected[f"{number}/bytes"] = ((images, *shape), np.uint8)
            expected[f"{number}/range"] = ((2, images, shape[-1]), np.float32)
    if file.headers.keys() - {FACTS} != expected.keys():
        raise RunFileInvalid("it does not have maps for each of its layers")
    for array, (shape, dtype) in expected.items():
        header = file.headers[array]
        if header.shape != shape or header.dtype != dtype:
            raise _wrong_array(array, header, np.dtype(dtype), shape)
        if dtype is np.float32 and not all(np.isfinite(part).all() for part in file.blocks(array)):
            raise RunFileInvalid("“{array}” has values that are not finite", array=array)


# Histograms


def _histograms_bytes(limits: RunLimits) -> int:
    layers = len(_layers(limits))
    return len(get_args(HistogramKind)) * layers * (2 * BINS + 4 * len(NUMBERS) + 100)


def _check_histograms(file: ArrayFile, facts: dict[str, Any], limits: RunLimits, name: str) -> None:
    known, listed = {layer for layer, _ in _layers(limits)}, facts.get("layers")
    if not isinstance(listed, dict) or not set(listed) <= set(get_args(HistogramKind)):
        raise RunFileInvalid("its kinds of histograms are missing or unknown")
    expected: dict[str, tuple[Shape, type]] = {}
    for kind, layers in listed.items():
        if not isinstance(layers, list) or not known.issuperset(map(str, layers)):
            raise RunFileInvalid("its layers are not those of the network")
        expected[f"{kind}/counts"] = ((len(layers), BINS), np.uint16)
        expected[f"{kind}/numbers"] = ((len(layers), len(NUMBERS)), np.float32)
    if file.headers.keys() - {FACTS} != expected.keys():
        raise RunFileInvalid("it does not have histograms of each of its kinds")
    for array, (shape, dtype) in expected.items():
        header = file.headers[array]
        if header.shape != shape or header.dtype != dtype:
            raise _wrong_array(array, header, np.dtype(dtype), shape)


class _FileType(NamedTuple):
    pattern: str
    max_bytes: Callable[[RunLimits], int]
    check: Callable[[ArrayFile, dict[str, Any], RunLimits, str], None]


_FILE_TYPES = (
    _FileType(r"checkpoint-(last|best|start)\.npz", _weights_bytes, _check_weights),
    _FileType(r"snapshots/weights-\d{4,6}\.npz", _weights_bytes, _check_weights),
    _FileType(
        r"test-probabilities-(last|best|epoch-\d{4,6})\.npz", _predictions_bytes, _check_predictions
    ),
    _FileType(r"snapshots/(answers|memory)-\d{4,6}\.npz", _predictions_bytes, _check_predictions),
    _FileType(r"snapshots/maps-\d{4,6}\.npz", _maps_bytes, _check_maps),
    _FileType(r"snapshots/histograms-\d{4,6}\.npz", _histograms_bytes, _check_histograms),
)


def is_run_file(name: str) -> bool:
    """Whether a run can have a file of this name, relative to its folder."""
    return _file_type(name) is not None


def is_weights_file(name: str) -> bool:
    """Whether a file of this name holds a network's weights."""
    file_type = _file_type(name)
    return file_type is not None and file_type.check is _check_weights


def is_maps_file(name: str) -> bool:
    """Whether a file of this name holds feature maps of images."""
    file_type = _file_type(name)
    return file_type is not None and file_type.check is _check_maps


def _file_type(name: str) -> _FileType | None:
    return next((item for item in _FILE_TYPES if re.fullmatch(item.pattern, name)), None)


def _load_facts(file: ArrayFile) -> dict[str, Any]:
    header = file.headers.get(FACTS)
    if header is None or math.prod(header.shape) * header.dtype.itemsize > _MAX_FACTS_BYTES:
        raise RunFileInvalid("its facts are missing or too large")
    return file.read_facts()


@contextmanager
def _unreadable_as_invalid() -> Iterator[None]:
    """Turn errors that corrupt bytes cause into ``RunFileInvalid``."""
    try:
        yield
    except RunFileInvalid:
        raise
    except (*UNREADABLE, MemoryError) as error:
        raise RunFileInvalid("it cannot be read") from error


def _wrong_array(name: str, header: ArrayHeader, expected: object, shape: Shape) -> RunFileInvalid:
    return RunFileInvalid(
        "“{array}” is {found} of shape {found_shape}, but should be {expected} of shape {shape}",
        array=name,
        found=header.dtype,
        found_shape=header.shape,
        expected=expected,
        shape=shape,
    )


def _check_range(values: np.ndarray, name: str, low: float, high: float) -> None:
    # NaN is in no range.
    if not ((values >= low) & (values <= high)).all():
        raise RunFileInvalid(
            "“{array}” has values that are not from {low:g} to {high:g}",
            array=name,
            low=low,
            high=high,
        )


def _list_names(names: Iterable[str]) -> str:
    return ", ".join(f"“{name[:40]}”" for name in list(names)[:3]) or "nothing"
