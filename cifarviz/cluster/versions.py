"""The versions that every node of a cluster shares with its head."""

import platform
from collections.abc import Mapping
from importlib.metadata import version

from cifarviz import __version__

_LABEL = "cifarviz-version-"


def versions() -> dict[str, str]:
    """Return this computer's versions of what training depends on."""
    return {
        "cifarviz": __version__,
        "Python": platform.python_version(),
        "TensorFlow": version("tensorflow"),
        "Keras": version("keras"),
    }


def version_refusal(head: Mapping[str, str], node: Mapping[str, str]) -> str | None:
    """Return a sentence on the versions of a node that differ from the head's, if any do."""
    differ = [name for name in head if name in node and node[name] != head[name]]
    if not differ:
        return None
    parts = [f"{name} {node[name]} instead of {head[name]}" for name in differ]
    return f"It has {' and '.join(parts)}: install the head’s version there, and join again."


def version_labels() -> dict[str, str]:
    """Return this computer's versions as labels of a node of Ray."""
    # A label may not contain the plus of a local version.
    return {f"{_LABEL}{name}": text.replace("+", "-") for name, text in versions().items()}


def label_refusal(node: Mapping[str, str], head: Mapping[str, str] | None = None) -> str | None:
    """Return ``version_refusal`` by the labels of a node and of the head (default: this computer).

    A node without such labels is not refused.
    """
    return version_refusal(
        _from_labels(version_labels() if head is None else head), _from_labels(node)
    )


def _from_labels(labels: Mapping[str, str]) -> dict[str, str]:
    return {
        name.removeprefix(_LABEL): text for name, text in labels.items() if name.startswith(_LABEL)
    }
