"""Which packages each package may import: the map that ``boundaries.py`` holds the tree to."""

from collections.abc import Mapping

# Each package of cifarviz and the packages it may import, besides itself. Add new packages here.
_CORE: Mapping[str, frozenset[str]] = {
    "cifarviz": frozenset(),
    "errors": frozenset(),
    "settings": frozenset({"errors"}),
    "storage": frozenset({"errors"}),
    "people": frozenset({"storage", "errors"}),
    "processor": frozenset({"cifarviz"}),
    "free_memory": frozenset(),
    "loading": frozenset({"errors", "processor"}),
    "escaping": frozenset(),
    "installation": frozenset(),
    "static_files": frozenset(),
    "bytecode": frozenset(),
    "value_text": frozenset(),
    "value": frozenset({"errors"}),
    "layers": frozenset({"value", "value_text", "errors"}),
    "image_structure": frozenset(),
    "datasets": frozenset({"image_structure", "errors", "people"}),
    "data": frozenset(
        {
            "people",
            "image_structure",
            "datasets",
            "loading",
            "storage",
            "errors",
            "settings",
            "installation",
        }
    ),
    "experiment": frozenset(
        {"escaping", "layers", "value", "value_text", "datasets", "data", "errors", "settings"}
    ),
    "network": frozenset({"experiment", "layers", "data", "processor", "errors", "settings"}),
    "runs": frozenset(
        {
            "people",
            "escaping",
            "processor",
            "storage",
            "experiment",
            "layers",
            "datasets",
            "data",
            "errors",
            "settings",
            "installation",
        }
    ),
    "analysis": frozenset(
        {
            "people",
            "loading",
            "storage",
            "runs",
            "network",
            "experiment",
            "layers",
            "value_text",
            "datasets",
            "data",
            "errors",
            "settings",
        }
    ),
    "figures": frozenset(
        {"escaping", "analysis", "experiment", "layers", "datasets", "data", "errors"}
    ),
    # Exports do not need TensorFlow: Keras files are made in network.
    "export": frozenset(
        {
            "people",
            "cifarviz",
            "escaping",
            "storage",
            "runs",
            "analysis",
            "figures",
            "experiment",
            "layers",
            "value",
            "value_text",
            "datasets",
            "data",
            "errors",
            "settings",
            "installation",
        }
    ),
    "lessons": frozenset({"analysis", "runs", "experiment", "layers"}),
    "training": frozenset(
        {
            "people",
            "free_memory",
            "processor",
            "storage",
            "runs",
            "network",
            "experiment",
            "datasets",
            "data",
            "errors",
            "settings",
        }
    ),
    "cluster": frozenset({"cifarviz", "storage", "processor", "errors", "settings"}),
    "executors": frozenset(
        {
            "people",
            "loading",
            "free_memory",
            "cluster",
            "processor",
            "storage",
            "training",
            "runs",
            "experiment",
            "datasets",
            "data",
            "errors",
            "settings",
        }
    ),
}
_BELOW = frozenset(_CORE)
PACKAGES: Mapping[str, frozenset[str]] = {
    **_CORE,
    "api": _BELOW | {"api_plots"},
    "api_plots": frozenset({"analysis", "experiment", "figures"}),
    "live": _BELOW,
    "ui": _BELOW | {"live"},
    "cli": _BELOW,
    "__main__": frozenset({"cli", "cifarviz"}),
    "pages": _BELOW | {"ui"},
    "app": frozenset({"live", "ui", "installation", "static_files"}),
}
