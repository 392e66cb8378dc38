"""What is drawn of a training: its loss, or its accuracy."""

from typing import Final, Literal

Metric = Literal["loss", "accuracy"]

METRIC_TITLES: Final[dict[Metric, str]] = {"loss": "Loss", "accuracy": "Accuracy"}
METRIC_FORMATS: Final[dict[Metric, str]] = {"loss": ".4f", "accuracy": ".2%"}
