"""Every data set by its name. A new data set is a file of its own and one import line here."""

from collections.abc import Mapping
from types import MappingProxyType

from cifarviz.datasets.info import DatasetInfo
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
    if name not in DATASETS:
        raise DatasetNotFound(
            "There is no data set called “{name}”. Choose one of: {datasets}.",
            name=name if len(name) <= 40 else f"{name[:40]}…",
            datasets=", ".join(DATASETS),
        )
    return DATASETS[name]


def is_registered(name: object) -> bool:
    """Whether a data set of this name is registered."""
    return isinstance(name, str) and name in DATASETS


def all_datasets() -> tuple[DatasetInfo, ...]:
    """Return every data set, in the order a menu shows them."""
    return tuple(DATASETS.values())


def default_dataset() -> DatasetInfo:
    """Return the first data set, which is used where none is named."""
    return all_datasets()[0]


def dataset_title(name: str) -> str:
    """Return the title of a data set, or its name if it is not registered (any more)."""
    return DATASETS[name].title if name in DATASETS else name
