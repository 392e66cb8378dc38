"""Settings are read from the environment."""

import pytest

from cifarviz.errors import SettingInvalid
from cifarviz.settings import Settings


def test_budgets_are_megabytes() -> None:
    settings = Settings.from_environment({"CIFARVIZ_RUN_MB": "7", "CIFARVIZ_SNAPSHOTS_MB": "0"})
    assert (settings.run_budget, settings.snapshots_budget) == (7_000_000, 0)
    with pytest.raises(SettingInvalid, match="CIFARVIZ_RUN_MB must be a number of megabytes"):
        Settings.from_environment({"CIFARVIZ_RUN_MB": "-3"})
