"""Augmentation as a short text, ``flip=on,rotation=15``, for addresses and the command line."""

from collections.abc import Iterable

from cifarviz.errors import ExperimentInvalid
from cifarviz.experiment.choices import Augmentation, change_augmentation
from cifarviz.value_text import format_number


def format_augmentation(augmentation: Augmentation) -> str:
    """Return every change that is on, ``flip=on,rotation=15``; ``none`` if there is none."""
    defaults = Augmentation()
    changed = {name: value for name, value in augmentation if value != getattr(defaults, name)}
    return ",".join(f"{name}={_format(value)}" for name, value in changed.items()) or "none"


def parse_augmentation(items: Iterable[str], base: Augmentation | None = None) -> Augmentation:
    """Return ``base`` (default: no changes) with ``items`` such as ``rotation=15`` changed.

    ``none`` switches everything off, and one flip replaces the other. Raises ``ExperimentInvalid``
    for an unknown name or value.
    """
    fields = dict(base or Augmentation())
    for item in items:
        if item.strip() == "none":
            fields = dict(Augmentation())
            continue
        name, equals, value = (part.strip() for part in item.partition("="))
        if name not in Augmentation.model_fields or not equals:
            raise ExperimentInvalid(
                "There is no augmentation “{item}”. Write a name and a value, such as rotation=15 "
                "or flip=on; there are: {names}.",
                item=item[:40],
                names=", ".join(Augmentation.model_fields),
            )
        fields = change_augmentation(fields, name, value[:40])
    return Augmentation.make(**fields)


def _format(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return format_number(value) if isinstance(value, float) else str(value)
