"""A layer's settings in one short line, right or wrong as they are typed."""

from cifarviz.experiment.draft import Fields
from cifarviz.experiment.layers import LAYER_TYPES
from cifarviz.experiment.words import choice_words, value_words


def layer_summary(fields: Fields) -> str:
    """Such as ``32 filters 3×3, same padding, ReLU``; nothing for a layer without settings."""
    shown = {name: value_words(value) for name, value in fields.items()}
    if shown.get("activation") == value_words("linear"):
        shown["activation"] = "no activation"
    match fields["type"]:
        case "conv2d":
            size = shown["kernel_size"]
            parts = [
                f"{shown['filters']} filters {size}×{size}",
                _stride(fields, 1),
                f"{choice_words(fields['padding']).lower()} padding",
                shown["activation"],
                _initializer(fields),
                _no_bias(fields),
            ]
        case "whitening":
            size = shown["kernel_size"]
            parts = [
                f"{shown['filters']} filters {size}×{size}",
                _stride(fields, 1),
                "not trained",
                shown["activation"],
            ]
        case "max_pool2d" | "average_pool2d":
            size = shown["pool_size"]
            parts = [
                f"{size}×{size} window",
                _stride(fields, None),
                f"{choice_words(fields['padding']).lower()} padding",
            ]
        case "dense":
            parts = [
                f"{shown['units']} units",
                shown["activation"],
                _initializer(fields),
                _no_bias(fields),
            ]
        case "dropout":
            parts = [f"rate {shown['rate']}"]
        case "batch_norm":
            parts = [f"momentum {shown['momentum']}", f"epsilon {shown['epsilon']}"]
        case "activation":
            parts = [shown["activation"]]
        case _:
            parts = []
    return ", ".join(part for part in parts if part)


def layer_title(layer_type: str) -> str:
    """What a person calls a type of layer."""
    return LAYER_TYPES[layer_type].title


def _stride(fields: Fields, usual: int | None) -> str:
    return "" if fields["strides"] == usual else f"stride {value_words(fields['strides'])}"


def _no_bias(fields: Fields) -> str:
    return "" if fields["use_bias"] else "no bias"


def _initializer(fields: Fields) -> str:
    usual = fields["initializer"] == "glorot_uniform"
    return "" if usual else choice_words(fields["initializer"])
