"""The registered executors, by the values of ``CIFARVIZ_EXECUTOR``."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from cifarviz.errors import SettingInvalid
from cifarviz.executors.executor import Executor
from cifarviz.executors.local import LocalExecutor
from cifarviz.runs.store import RunStore

EXECUTORS: Mapping[str, Callable[[RunStore], Executor]] = MappingProxyType({"local": LocalExecutor})


def make_executor(store: RunStore) -> Executor:
    """Make the executor that the settings name; raises ``SettingInvalid``."""
    name = store.settings.executor
    if name not in EXECUTORS:
        raise SettingInvalid(
            "CIFARVIZ_EXECUTOR is “{name}”, but there is no such executor. Set it to one of: "
            "{executors}.",
            name=name,
            executors=", ".join(EXECUTORS),
        )
    return EXECUTORS[name](store)
