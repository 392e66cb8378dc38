import base64
import json
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cifarviz.errors import ExperimentInvalid
from cifarviz.experiment.address import pack_changes, preset_draft, unpack_changes
from cifarviz.experiment.assessment import assess
from cifarviz.experiment.draft_layers import add_layer
from cifarviz.layers.registry import LAYER_TYPES

TYPED = st.one_of(
    st.integers(-(10**30), 10**30),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=40),
    st.none(),
)


def _packed(value: Any) -> str:
    return _coded(json.dumps(value).encode())


def _coded(text: bytes) -> str:
    return base64.urlsafe_b64encode(zlib.compress(text, wbits=-15)).decode().rstrip("=")


def test_a_preset_as_it_is_needs_nothing() -> None:
    assert pack_changes(preset_draft("cifar10-vgg")) is None


def test_a_change_is_short_and_safe_in_an_address() -> None:
    packed = pack_changes(preset_draft("cifar10-vgg").with_value("epochs", 5))
    assert packed is not None
    assert len(packed) < 30
    assert packed.replace("-", "").replace("_", "").isalnum()


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_typed_values_survive_packing(data: st.DataObject) -> None:
    draft = preset_draft("cifar10-vgg", 1)
    for layer_type in data.draw(st.lists(st.sampled_from(list(LAYER_TYPES)), max_size=4)):
        draft = add_layer(draft, layer_type)
    draft = draft.with_layer_field("1-1", "filters", data.draw(TYPED))
    draft = draft.with_value("batch_size", data.draw(TYPED)).with_value("l2", data.draw(TYPED))
    draft = draft.with_kind("schedule", data.draw(st.sampled_from(["step", "cosine"])))
    if data.draw(st.booleans()):
        draft = draft.with_switch("early_stopping", True)
        stopping = {**draft.section("early_stopping"), "patience": data.draw(TYPED)}
        draft = draft.with_value("early_stopping", stopping)
    epochs = st.one_of(st.text(max_size=40), st.lists(st.integers(-9, 10**9), max_size=9))
    draft = draft.with_value("test_epochs", data.draw(epochs))
    draft = draft.with_value("best_only", data.draw(st.booleans()))
    packed = pack_changes(draft)
    assert packed is not None
    again = unpack_changes("cifar10-vgg", packed, 5)
    assert again.plain() == draft.plain()
    assert again.generation == 5
    assess(again, train_images=5000, test_images=1000)  # wrong as it may be, this never raises


@settings(max_examples=100, deadline=None)
@given(st.one_of(st.text(max_size=60), st.from_regex(r"[A-Za-z0-9_-]{1,80}", fullmatch=True)))
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(ExperimentInvalid, match="cannot be read"):
        unpack_changes("cifar10-vgg", text)


@pytest.mark.parametrize(
    "value",
    [
        [],
        5,
        None,
        {"unknown": 1},
        {"preset": "cifar10-vgg"},
        {"batch_size": [1]},
        {"batch_size": True},
        {"batch_size": "9" * 301},
        {"precision": "float64"},
        {"optimizer": 5},
        {"optimizer": {"kind": "magic"}},
        {"optimizer": {"kind": ["adam"]}},
        {"optimizer": {"learning_rate": 1}},
        {"optimizer": {"kind": "adam", "momentum": 1}},
        {"optimizer": {"kind": "sgd", "nesterov": 1}},
        {"data": {"dataset": "imagenet"}},
        {"data": {"variant": "half"}},
        {"early_stopping": 3},
        {"early_stopping": {"patience": [3]}},
        {"early_stopping": {"kind": "early"}},
        {"monitor": "val_loss"},
        {"best_only": 1},
        {"test_epochs": 5},
        {"test_epochs": [True]},
        {"test_epochs": [[1]]},
        {"test_epochs": list(range(1, 102))},
        {"test_epochs": "9" * 301},
        {"layers": {}},
        {"layers": [5]},
        {"layers": [{}]},
        {"layers": [{"type": "lstm"}]},
        {"layers": [{"type": {"a": 1}}]},
        {"layers": [{"type": "conv2d", "padding": "none"}]},
        {"layers": [{"type": "dense", "units": {"deep": 1}}]},
        {"layers": [{"type": "flatten"}] * 201},
    ],
)
def test_an_invalid_draft_is_refused(value: object) -> None:
    with pytest.raises(ExperimentInvalid, match="cannot be read"):
        unpack_changes("cifar10-vgg", _packed(value))


@pytest.mark.parametrize(
    "text",
    [
        b'{"batch_size": NaN}',
        b'{"l2": Infinity}',
        b"[" * 50_000,
        b'{"batch_size": ' + b"9" * 5000 + b"}",
        b'{"layers": []' + b" " * 1_000_000 + b"}",  # small on the wire, large when unpacked
        b"\xff\xfe",
    ],
)
def test_traps_in_the_packed_text_are_refused(text: bytes) -> None:
    with pytest.raises(ExperimentInvalid, match="cannot be read"):
        unpack_changes("cifar10-vgg", _coded(text))


def test_a_switch_can_be_packed_off() -> None:
    off = preset_draft("fashion-mnist-cnn").with_switch("early_stopping", False)
    packed = pack_changes(off)
    assert packed is not None
    assert unpack_changes("fashion-mnist-cnn", packed).plain() == off.plain()


def test_fields_that_are_left_out_have_their_defaults() -> None:
    draft = unpack_changes("cifar10-vgg", _packed({"optimizer": {"kind": "sgd"}, "layers": []}))
    assert draft.section("optimizer")["learning_rate"] == 0.01
    assert draft.layers == ()
