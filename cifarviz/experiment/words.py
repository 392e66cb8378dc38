"""What a person calls the choices, numbers and layers of an experiment."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from cifarviz.datasets.registry import is_known, title_of
from cifarviz.experiment.epoch_list import epochs_text

_CHOICES: Mapping[str, str] = MappingProxyType(
    {
        "linear": "None (linear)",
        "relu": "ReLU",
        "leaky_relu": "Leaky ReLU",
        "elu": "ELU",
        "gelu": "GELU",
        "silu": "SiLU",
        "tanh": "Tanh",
        "sigmoid": "Sigmoid",
        "softmax": "Softmax",
        "glorot_uniform": "Glorot uniform",
        "glorot_normal": "Glorot normal",
        "he_uniform": "He uniform",
        "he_normal": "He normal",
        "identity": "Identity",
        "same": "Same",
        "valid": "Valid",
        "sample": "Embedded sample",
        "full": "Full set",
        "integer": "Integer",
        "one_hot": "One-hot",
        "loss": "Loss",
        "accuracy": "Accuracy",
        "auto": "Auto (the faster one here)",
        "float32": "float32",
        "bfloat16": "bfloat16",
    }
)

_LAYER_LABELS: Mapping[str, tuple[str, str | None]] = MappingProxyType(
    {
        "conv2d": ("Conv", "filters"),
        "whitening": ("Whitening", "filters"),
        "max_pool2d": ("Max pool", None),
        "average_pool2d": ("Avg pool", None),
        "batch_norm": ("Batch norm", None),
        "dropout": ("Dropout", "rate"),
        "flatten": ("Flatten", None),
        "global_average_pool2d": ("Global avg", None),
        "global_max_pool2d": ("Global max", None),
        "dense": ("Dense", "units"),
    }
)
# Fields that are known by their value, and how: {} stands for it.
_BRIEF_FIELDS: Mapping[str, str] = MappingProxyType(
    {
        "activation": "{}",
        "batch_size": "batch {}",
        "epochs": "{} epochs",
        "filters": "{} filters",
        "fraction": "split {}",
        "initializer": "{}",
        "kernel_size": "kernel {}",
        "l2": "L2 {}",
        "monitor": "best by {}",
        "label_smoothing": "smoothing {}",
        "labels": "{} labels",
        "padding": "{} padding",
        "pool_size": "pool {}",
        "precision": "{}",
        "rate": "rate {}",
        "strides": "stride {}",
        "test_epochs": "answers of {}",
        "train_images": "{} images",
        "units": "{} units",
    }
)
_BRIEF_KINDS: Mapping[str, str] = MappingProxyType(
    {
        "validation split": "validation split",
        "validation test": "validated on test",
        "validation none": "no validation",
        "preprocessing divide": "divided",
        "preprocessing standardize": "standardised",
        "optimizer sgd": "SGD",
        "optimizer adam": "Adam",
        "optimizer adamw": "AdamW",
        "optimizer rmsprop": "RMSprop",
        "schedule constant": "constant rate",
        "schedule step": "stepped rate",
        "schedule cosine": "cosine rate",
        "schedule one_cycle": "one cycle",
    }
)


def choice_words(choice: str) -> str:
    """A choice as a menu shows it: ``"ReLU"`` for ``relu``; what has no words stands for itself."""
    return _CHOICES.get(choice, choice)


def value_words(value: object) -> str:
    """Any value of a field, short: ``on``, ``50,000``, ``ReLU``, ``15, 30``, ``nothing``."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, int):
        return f"{value:,}" if abs(value) < 10**20 else "a very long number"
    if isinstance(value, float):
        return number_text(value)
    if isinstance(value, (list, tuple)):
        return epochs_text(value) or "none"
    if isinstance(value, str):
        return _CHOICES[value].partition(" (")[0] if value in _CHOICES else f"“{value}”"
    return str(value)


def dataset_words(value: object) -> str:
    """A data set by its title; what is none, as any other value."""
    return title_of(str(value)) if is_known(value) else value_words(value)


def share_words(value: object) -> str:
    """A share as per cent, ``20%``, and none as ``none``; what is no number as any other value."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return value_words(value)
    return f"{number_text(round(100 * value, 10))}%" if value else "none"


def number_text(value: float) -> str:
    """A number as a person types it: ``255`` for 255.0, ``0.0001``, ``1e-05``."""
    return repr(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(value)


def layer_label(fields: Mapping[str, Any]) -> str:
    """A layer in a word or two, for a drawing: ``Conv 32``, ``Max pool``, ``ReLU``."""
    if fields["type"] == "activation":
        return value_words(fields["activation"])
    name, counted = _LAYER_LABELS[fields["type"]]
    return name if counted is None else f"{name} {value_words(fields[counted])}"


def brief(name: str, words: str, value: object) -> str:
    """The value of field ``name``, called ``words``, as briefly as it is still understood.

    Such as ``batch 64``, ``5 epochs``, ``flip``, ``no flip``, ``sample``; for names of runs.
    """
    if isinstance(value, bool):
        return words if value else f"no {words}"
    if name == "dataset":
        return dataset_words(value)
    if name == "variant":
        return {"sample": "sample", "full": "full set"}.get(str(value), str(value))
    if name == "train_images" and value is None:
        return "all images"
    if name == "wrong_labels":
        return f"{share_words(value) if value else 'no'} wrong labels"
    if name == "epochs" and value == 1:
        return "1 epoch"
    if name == "test_epochs" and not value:
        return "no answers kept"
    said = value_words(value)
    if name in ("labels", "monitor", "padding"):
        said = said.lower()
    return _BRIEF_FIELDS.get(name, f"{words} {{}}").format(said)


def brief_kind(section: str, kind: str) -> str:
    """Another kind of a section, briefly: ``no validation``, ``SGD``, ``one cycle``."""
    return _BRIEF_KINDS.get(f"{section} {kind}", kind)
