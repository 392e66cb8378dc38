"""A layer as it is called in front of people who have not read its name."""

from cifarviz.experiment.architecture import Architecture

_ORDINALS = (
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
)


def maps_title(architecture: Architecture, name: str) -> str:
    """What the layer ``name`` does, such as ``What the first convolution sees``."""
    at = architecture.layer_names.index(name)
    layer = architecture.layers[at]
    alike = [number for number, one in enumerate(architecture.layers) if one.type == layer.type]
    place = alike.index(at)
    title = layer.title if layer.title.isupper() else layer.title.lower()
    if len(alike) == 1:
        words = f"the {title}"
    elif place < len(_ORDINALS):
        words = f"the {_ORDINALS[place]} {title}"
    else:
        words = f"{title} {place + 1}"
    # What has filters looks for something; the others do something with what was found.
    return f"What {words} {'sees' if layer.has_filters else 'makes of it'}"
