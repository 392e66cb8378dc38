"""What a person calls the settings of an experiment, and how their values are written."""

from collections.abc import Mapping
from types import MappingProxyType

from cifarviz.datasets.registry import dataset_title, is_registered
from cifarviz.value_text import number_text, value_words

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
        "test_epochs": "predictions at {}",
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


def format_dataset(value: object) -> str:
    """A data set by its title; what is none, as any other value."""
    return dataset_title(str(value)) if is_registered(value) else value_words(value)


def format_share(value: object) -> str:
    """A share as per cent, ``20%``, and none as ``none``; what is no number as any other value."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return value_words(value)
    return f"{number_text(round(100 * value, 10))}%" if value else "none"


def format_brief(name: str, words: str, value: object) -> str:
    """The value of field ``name``, called ``words``, as briefly as it is still understood.

    Such as ``batch 64``, ``5 epochs``, ``flip``, ``no flip``, ``sample``; for names of runs.
    """
    if isinstance(value, bool):
        return words if value else f"no {words}"
    if name == "dataset":
        return format_dataset(value)
    if name == "variant":
        return {"sample": "sample", "full": "full set"}.get(str(value), str(value))
    if name == "train_images" and value is None:
        return "all images"
    if name == "wrong_labels":
        return f"{format_share(value) if value else 'no'} wrong labels"
    if name == "epochs" and value == 1:
        return "1 epoch"
    if name == "test_epochs" and not value:
        return "no saved predictions"
    said = value_words(value)
    if name in ("labels", "monitor", "padding"):
        said = said.lower()
    return _BRIEF_FIELDS.get(name, f"{words} {{}}").format(said)


def format_brief_kind(section: str, kind: str) -> str:
    """Another kind of a section, briefly: ``no validation``, ``SGD``, ``one cycle``."""
    return _BRIEF_KINDS.get(f"{section} {kind}", kind)
