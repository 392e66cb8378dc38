"""The versions of an image whose predictions are averaged."""

import pytest

from cifarviz.errors import ExperimentInvalid
from cifarviz.experiment.choices import Data
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.prediction_views import ONLY_THE_IMAGE, PredictionViews
from cifarviz.experiment.presets import PRESETS
from cifarviz.training.estimate import epoch_work


@pytest.mark.parametrize(
    ("views", "count", "others"),
    [
        (ONLY_THE_IMAGE, 1, None),
        (PredictionViews(mirrored=True), 2, "the mirrored image"),
        (PredictionViews(shift=2), 3, "shifted images"),
        (PredictionViews(mirrored=True, shift=1), 6, "mirrored and shifted images"),
    ],
)
def test_views_are_counted_and_described(
    views: PredictionViews, count: int, others: str | None
) -> None:
    assert views.count == count
    assert views.describe_others() == others
    base = PRESETS["cifar10-vgg"].experiment
    changes = {"mirrored_answers": views.mirrored, "prediction_shift": views.shift}
    experiment = Experiment.make(**{**dict(base), **changes})
    assert experiment.prediction_views == views
    # Predicting each view takes its time.
    assert epoch_work(experiment, 1000, 300).validation_images == 300 * count


def test_images_are_not_shifted_out_of_themselves() -> None:
    base = PRESETS["cifar10-starter"].experiment
    with pytest.raises(ExperimentInvalid, match="from 0 to 4, not 5"):
        Experiment.make(**{**dict(base), "prediction_shift": 5})
    assert Experiment.make(**{**dict(base), "prediction_shift": 4, "data": Data()})
