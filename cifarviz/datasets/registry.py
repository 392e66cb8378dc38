"""Every data set by its name. A new one is a file of its own and a line here."""

from collections.abc import Mapping
from types import MappingProxyType

from cifarviz.datasets.cifar10 import CIFAR10
from cifarviz.datasets.fashion_mnist import FASHION_MNIST
from cifarviz.datasets.info import DatasetInfo
from cifarviz.datasets.mnist import MNIST
from cifarviz.errors import DatasetNotFound

DATASETS: Mapping[str, DatasetInfo] = MappingProxyType(
    {
        info.name: info
        for info in (
            CIFAR10,
            FASHION_MNIST,
            MNIST,
        )
    }
)
"""In the order a menu shows them; the first is what is shown where none is named.

Only the functions below read it, so that there is one place where a data set can be looked up.
"""


def find(name: str | DatasetInfo) -> DatasetInfo:
    """Give the data set of this name; a ``DatasetInfo`` stands for itself.

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


def is_known(name: object) -> bool:
    """Whether a data set of this name is registered."""
    return isinstance(name, str) and name in DATASETS


def all_datasets() -> tuple[DatasetInfo, ...]:
    """Give every data set, in the order a menu shows them."""
    return tuple(DATASETS.values())


def default_dataset() -> DatasetInfo:
    """Give the data set that is shown where none is named."""
    return all_datasets()[0]


def title_of(name: str) -> str:
    """Give the title of a data set; its name, where it is not registered (any more)."""
    return DATASETS[name].title if name in DATASETS else name
