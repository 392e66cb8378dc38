"""Every data set by its name: the built-in ones, and those imported on this machine.

A new built-in data set is a file of its own and one import line here.
"""

from collections.abc import Mapping
from types import MappingProxyType

from cifarviz.datasets.info import DatasetInfo
from cifarviz.datasets.own import find_own, own_datasets
from cifarviz.errors import DatasetNotFound

# isort: off
# The data sets, in the order a menu shows them; the first is the default.
from cifarviz.datasets.cifar10 import CIFAR10 as CIFAR10
from cifarviz.datasets.fashion_mnist import FASHION_MNIST as FASHION_MNIST
from cifarviz.datasets.mnist import MNIST as MNIST
# isort: on

DATASETS: Mapping[str, DatasetInfo] = MappingProxyType(
    {info.name: info for info in list(globals().values()) if isinstance(info, DatasetInfo)}
)
"""Every data set imported above by its name, in the same order.

Only the functions below read it, so that there is a single place where data sets are looked up.
"""


def find_dataset(name: str | DatasetInfo) -> DatasetInfo:
    """Return the data set of this name; a ``DatasetInfo`` is returned unchanged.

    Raises ``DatasetNotFound`` for a name that is not registered.
    """
    if isinstance(name, DatasetInfo):
        return name
    info = _find(name)
    if info is None:
        raise DatasetNotFound(
            "There is no data set called “{name}”. Choose one of: {datasets}.",
            name=name if len(name) <= 40 else f"{name[:40]}…",
            datasets=", ".join(info.name for info in all_datasets()),
        )
    return info


def is_registered(name: object) -> bool:
    """Whether a data set of this name is registered."""
    return isinstance(name, str) and _find(name) is not None


def all_datasets(*, deleted: bool = False) -> tuple[DatasetInfo, ...]:
    """Return every data set, in the order a menu shows them: the imported ones last.

    With ``deleted`` also those of which only the description is on this machine.
    """
    return (*built_in_datasets(), *own_datasets(deleted=deleted))


def built_in_datasets() -> tuple[DatasetInfo, ...]:
    """Return the data sets of this version, whose files anybody can fetch."""
    return tuple(DATASETS.values())


def default_dataset() -> DatasetInfo:
    """Return the first data set, which is used where none is named."""
    return built_in_datasets()[0]


def dataset_title(name: str) -> str:
    """Return the title of a data set, or its name if it is not registered (any more)."""
    info = _find(name)
    return name if info is None else info.title


def _find(name: str) -> DatasetInfo | None:
    return DATASETS.get(name) or find_own(name)
