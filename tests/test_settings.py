"""Settings are read from the environment."""

import os

import pytest

from cifarviz.errors import SettingInvalid
from cifarviz.settings import Settings


def test_budgets_are_megabytes() -> None:
    settings = Settings.from_environment({"CIFARVIZ_RUN_MB": "7", "CIFARVIZ_SNAPSHOTS_MB": "0"})
    assert (settings.run_budget, settings.snapshots_budget) == (7_000_000, 0)
    with pytest.raises(SettingInvalid, match="CIFARVIZ_RUN_MB must be a number of megabytes"):
        Settings.from_environment({"CIFARVIZ_RUN_MB": "-3"})


def test_runs_at_once_is_a_number_of_runs() -> None:
    assert Settings.from_environment({}).runs_at_once == 1
    assert Settings.from_environment({"CIFARVIZ_RUNS_AT_ONCE": " 3 "}).runs_at_once == 3
    assert Settings.from_environment({"CIFARVIZ_RUNS_AT_ONCE": "auto"}).runs_at_once is None
    for text in ("0", "-2", "many", "1.5"):
        with pytest.raises(SettingInvalid, match="CIFARVIZ_RUNS_AT_ONCE must be a number of runs"):
            Settings.from_environment({"CIFARVIZ_RUNS_AT_ONCE": text})


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"CIFARVIZ_RUNS_AT_ONCE": "auto"},
        {
            "CIFARVIZ_HOME": "/home of runs",
            "CIFARVIZ_DATA_DIR": "/data",
            "CIFARVIZ_PAGE_DIRS": os.pathsep.join(["/pictures", "/more of them"]),
            "CIFARVIZ_TENSORBOARD_DIR": "/events",
            "CIFARVIZ_EXECUTOR": "other",
            "CIFARVIZ_RUNS_AT_ONCE": "4",
            "CIFARVIZ_RUN_MB": "7",
            "CIFARVIZ_SNAPSHOTS_MB": "70",
            "CIFARVIZ_WARM_UP": "0",
            "CIFARVIZ_TUNE_UP": "0",
            "CIFARVIZ_RECORDED": "0",
            "KERAS_HOME": "/keras",
        },
    ],
)
def test_a_new_process_gets_the_same_settings(variables: dict[str, str]) -> None:
    settings = Settings.from_environment(variables)
    assert Settings.from_environment(settings.environment()) == settings


def test_a_cluster_is_named_by_its_address_and_what_a_run_takes_of_it() -> None:
    given = {
        "CIFARVIZ_EXECUTOR": "ray",
        "CIFARVIZ_CLUSTER": "head:6379",
        "CIFARVIZ_CLUSTER_CPUS": "4",
        "CIFARVIZ_CLUSTER_GPUS": "0.5",
    }
    settings = Settings.from_environment(given)
    assert (settings.executor, settings.cluster) == ("ray", "head:6379")
    assert (settings.cluster_cpus, settings.cluster_gpus) == (4, 0.5)
    assert Settings.from_environment(settings.environment()) == settings
    usual = Settings.from_environment({})
    assert (usual.cluster, usual.cluster_cpus, usual.cluster_gpus) == (None, None, 0.0)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("CIFARVIZ_CLUSTER_CPUS", "0"),
        ("CIFARVIZ_CLUSTER_CPUS", "two"),
        ("CIFARVIZ_CLUSTER_GPUS", "-1"),
        ("CIFARVIZ_CLUSTER_GPUS", "1.5"),
        ("CIFARVIZ_CLUSTER_GPUS", "nan"),
    ],
)
def test_an_impossible_part_of_a_node_is_refused(name: str, text: str) -> None:
    with pytest.raises(SettingInvalid, match=rf"{name} must be .* not “{text}”\."):
        Settings.from_environment({name: text})
