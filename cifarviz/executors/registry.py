"""The registered executors, by the values of ``CIFARVIZ_EXECUTOR``."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from cifarviz.errors import SettingInvalid
from cifarviz.executors.executor import Executor
from cifarviz.executors.local import LocalExecutor
from cifarviz.executors.processes import ProcessExecutor
from cifarviz.executors.ray_executor import RayExecutor
from cifarviz.runs.store import RunStore
from cifarviz.settings import LOCAL
from cifarviz.training.local_places import place_count


def _on_this_computer(store: RunStore) -> Executor:
    """A thread of this process for one run at a time, processes for more."""
    return ProcessExecutor(store) if place_count(store.settings) > 1 else LocalExecutor(store)


EXECUTORS: Mapping[str, Callable[[RunStore], Executor]] = MappingProxyType(
    {LOCAL: _on_this_computer, "ray": RayExecutor}
)


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
