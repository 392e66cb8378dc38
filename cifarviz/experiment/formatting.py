"""Short texts for the settings of an experiment and their values."""

from collections.abc import Mapping
from types import MappingProxyType

from cifarviz.datasets.registry import dataset_title, is_registered
from cifarviz.value_text import format_number, format_value

# Short texts of fields; {} is the value.
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


def format_dataset(value: object) -> str:
    """Return the title of a data set; any other value as ``format_value`` does."""
    return dataset_title(str(value)) if is_registered(value) else format_value(value)


def format_share(value: object) -> str:
    """Return a share, 0 to 1, as ``20%`` or ``none``; any other value as ``format_value`` does."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return format_value(value)
    return f"{format_number(round(100 * value, 10))}%" if value else "none"


def format_rate(rate: float) -> str:
    """Return a learning rate to two significant digits, as it is typed: ``0.0021``, ``2.1e-05``."""
    return format_number(float(f"{rate:.1e}"))


def format_brief(name: str, label: str, value: object) -> str:
    """Return a short text for the value of field ``name``, for names of runs.

    Such as ``batch 64``, ``5 epochs``, ``flip``, ``no flip``, ``sample``.
    """
    if name == "frozen":
        return "frozen" if value else "unfrozen"
    if isinstance(value, bool):
        return label if value else f"no {label}"
    if name == "dataset":
        return format_dataset(value)
    if name == "variant":
        return {"sample": "sample", "full": "full set"}.get(str(value), str(value))
    if name == "train_images" and value is None:
        return "all images"
    if name == "wrong_labels":
        return f"{format_share(value)} wrong labels" if value else "no wrong labels"
    if name == "epochs" and value == 1:
        return "1 epoch"
    if name == "class_balance":
        return "no class balance" if value == "none" else format_value(value).lower()
    if name == "test_epochs" and not value:
        return "no saved predictions"
    text = format_value(value)
    if name in ("labels", "monitor", "padding"):
        text = text.lower()
    return _BRIEF_FIELDS.get(name, f"{label} {{}}").format(text)
