"""A draft in the address of a page: its preset, and what was changed, packed into a short text.

The text is URL-safe base64 of deflated JSON. It may come from anybody, so nothing in it is
believed: not its size when unpacked, not its depth, no name and no choice that isn't known.
"""

import base64
import binascii
import json
import zlib
from collections.abc import Mapping
from typing import Any, Literal, NoReturn, get_args, get_origin

from pydantic.fields import FieldInfo

from cifarviz.datasets.registry import is_registered
from cifarviz.errors import ExperimentInvalid
from cifarviz.experiment.architecture import MAX_LAYERS
from cifarviz.experiment.draft import (
    OPTIONAL_SECTIONS,
    SECTIONS,
    SINGLE_FIELDS,
    Draft,
    draft_from_fields,
    make_draft,
)
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.presets import PRESETS
from cifarviz.experiment.saved_epochs import MAX_SAVED_EPOCHS
from cifarviz.layers.registry import LAYER_TYPES
from cifarviz.value import Value

# Far more than 200 layers need.
_MOST_BYTES = 100_000
_LONGEST_TEXT = 300


def preset_draft(preset: str, generation: int = 0) -> Draft:
    """The draft of a preset as it was published."""
    return make_draft(PRESETS[preset].experiment, preset, generation)


def pack_changes(draft: Draft) -> str | None:
    """What ``draft`` has differently from its preset, as one short text; ``None`` if nothing."""
    base, plain = preset_draft(draft.preset).plain(), draft.plain()
    changed = {name: value for name, value in plain.items() if _differs(value, base[name])}
    if not changed:
        return None
    text = json.dumps(changed, separators=(",", ":")).encode()
    packed = zlib.compress(text, 9, wbits=-zlib.MAX_WBITS)
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def unpack_changes(preset: str, packed: str, generation: int = 0) -> Draft:
    """The draft that ``pack_changes`` made ``packed`` from.

    Raises ``ExperimentInvalid`` for anything else. The draft may hold wrong values, as a person
    may have typed them; but every name in it is known, and every choice is one there is.
    """
    changed = _unpacked(packed)
    base = preset_draft(preset)
    settings = dict(base.settings)
    layers = [dict(layer.fields) for layer in base.layers]
    for name, value in changed.items():
        if name in SECTIONS:
            settings[name] = _section(name, value)
        elif name in OPTIONAL_SECTIONS:
            settings[name] = None if value is None else _fields(OPTIONAL_SECTIONS[name], value)
        elif name in SINGLE_FIELDS:
            settings[name] = _checked(Experiment.model_fields[name], value)
        elif name == "layers":
            layers = _layers(value)
        else:
            _refuse()
    if not is_registered(settings["data"]["dataset"]):
        _refuse()
    return draft_from_fields(preset, settings, layers, generation)


def _unpacked(packed: str) -> Mapping[str, Any]:
    try:
        compressed = base64.b64decode(packed + "=" * (-len(packed) % 4), b"-_", validate=True)
        inflater = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
        text = inflater.decompress(compressed, _MOST_BYTES)
        if not inflater.eof:
            _refuse()
        changed = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, binascii.Error, zlib.error, RecursionError) as error:
        raise _refusal() from error
    if not isinstance(changed, dict):
        _refuse()
    return changed


def _section(name: str, value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        _refuse()
    kind = value.get("kind", "")
    made = SECTIONS[name].get(kind) if isinstance(kind, str) else None
    return _fields(made, value)


def _layers(value: object) -> list[dict[str, Any]]:
    if not isinstance(value, list) or len(value) > MAX_LAYERS:
        _refuse()
    layers = []
    for fields in value:
        kind = fields.get("type") if isinstance(fields, dict) else None
        layers.append(_fields(LAYER_TYPES.get(kind) if isinstance(kind, str) else None, fields))
    return layers


def _fields(made: type[Value] | None, value: object) -> dict[str, Any]:
    """Known fields only; those that are not there get their defaults."""
    if made is None or not isinstance(value, dict) or not value.keys() <= made.model_fields.keys():
        _refuse()
    given = {name: _checked(made.model_fields[name], item) for name, item in value.items()}
    return {**made().model_dump(mode="json"), **given}


def _checked(field: FieldInfo, value: object) -> object:
    """Choices and yes or no must be such; a number may be anything that can be typed."""
    annotation: Any = field.annotation
    text = isinstance(value, str) and len(value) <= _LONGEST_TEXT
    if get_origin(annotation) is Literal:
        fits = isinstance(value, str) and value in get_args(annotation)
    elif annotation is bool:
        fits = isinstance(value, bool)
    elif annotation is str:
        fits = text
    elif get_origin(annotation) is tuple:
        fits = text or _is_short_list(value)
    else:
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        fits = value is None or text or number
    if not fits:
        _refuse()
    return value


def _is_short_list(value: object) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= MAX_SAVED_EPOCHS
        and all(type(item) is int for item in value)
    )


def _differs(value: object, other: object) -> bool:
    return json.dumps(value, sort_keys=True) != json.dumps(other, sort_keys=True)


def _refuse_constant(name: str) -> NoReturn:
    raise _refusal()


def _refuse() -> NoReturn:
    raise _refusal()


def _refusal() -> ExperimentInvalid:
    return ExperimentInvalid(
        "The changes in this address cannot be read, so you see the preset as it was published. "
        "If you copied the address, check that it is complete."
    )
