"""The changes of a draft from its preset, packed into a short text for a page's address.

The text is URL-safe base64 of deflated JSON. It is untrusted: its unpacked size, its depth and
all names and choices are checked.
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
from cifarviz.experiment.architecture import MAX_DEPTH, MAX_LAYERS
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
_MAX_BYTES = 100_000
_MAX_TEXT = 300


def preset_draft(preset: str, generation: int = 0) -> Draft:
    """Return the unchanged draft of a preset."""
    return make_draft(PRESETS[preset].experiment, preset, generation)


def pack_changes(draft: Draft) -> str | None:
    """Return the changes of ``draft`` from its preset as a short text; ``None`` if none."""
    base, plain = preset_draft(draft.preset).plain(), draft.plain()
    changed = {name: value for name, value in plain.items() if _differs(value, base[name])}
    if not changed:
        return None
    text = json.dumps(changed, separators=(",", ":")).encode()
    packed = zlib.compress(text, 9, wbits=-zlib.MAX_WBITS)
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def unpack_changes(preset: str, packed: str, generation: int = 0) -> Draft:
    """Return the draft that ``pack_changes`` made ``packed`` from.

    Every name and choice in it is known; numbers and texts may be invalid, as a person may have
    typed them. Raises ``ExperimentInvalid`` if ``packed`` cannot be read.
    """
    changed = _unpack(packed)
    base = preset_draft(preset)
    settings = dict(base.settings)
    layers = [layer.plain() for layer in base.layers]
    for name, value in changed.items():
        if name in SECTIONS:
            settings[name] = _section(name, value)
        elif name in OPTIONAL_SECTIONS:
            settings[name] = None if value is None else _fields(OPTIONAL_SECTIONS[name], value)
        elif name in SINGLE_FIELDS:
            settings[name] = _check_value(Experiment.model_fields[name], value)
        elif name == "layers":
            layers = _layers(value)
        else:
            _refuse()
    if not is_registered(settings["data"]["dataset"]):
        _refuse()
    return draft_from_fields(preset, settings, layers, generation)


def _unpack(packed: str) -> Mapping[str, Any]:
    try:
        compressed = base64.b64decode(packed + "=" * (-len(packed) % 4), b"-_", validate=True)
        inflater = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
        text = inflater.decompress(compressed, _MAX_BYTES)
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
    return _fields(SECTIONS[name].get(kind) if isinstance(kind, str) else None, value)


def _layers(value: object, depth: int = 0) -> list[dict[str, Any]]:
    if not isinstance(value, list) or len(value) > MAX_LAYERS or depth > MAX_DEPTH:
        _refuse()
    return [_layer(fields, depth) for fields in value]


def _layer(value: object, depth: int) -> dict[str, Any]:
    if not isinstance(value, dict):
        _refuse()
    kind = value.get("type")
    layer_type = LAYER_TYPES.get(kind) if isinstance(kind, str) else None
    if layer_type is None or not layer_type.is_block:
        return _fields(layer_type, value)
    if not value.keys() <= layer_type.model_fields.keys():
        _refuse()
    try:
        own, branches = layer_type.split_fields({**layer_type().model_dump(mode="json"), **value})
    except TypeError as error:
        raise _refusal() from error
    checked = [_layers(list(branch), depth + 1) for branch in branches]
    return dict(layer_type.join_fields(_fields(layer_type, own), checked))


def _fields(value_class: type[Value] | None, value: object) -> dict[str, Any]:
    """Return the fields of a section or layer, missing ones with their defaults."""
    if value_class is None or not isinstance(value, dict):
        _refuse()
    known = value_class.model_fields
    if not value.keys() <= known.keys():
        _refuse()
    checked = {name: _check_value(known[name], item) for name, item in value.items()}
    return {**value_class().model_dump(mode="json"), **checked}


def _check_value(field: FieldInfo, value: object) -> object:
    """Return ``value``; refuses unknown choices, but not a number outside its limits."""
    annotation: Any = field.annotation
    text = isinstance(value, str) and len(value) <= _MAX_TEXT
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
