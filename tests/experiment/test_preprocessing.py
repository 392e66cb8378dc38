"""The value range after preprocessing."""

import pytest

from cifarviz.errors import ExperimentInvalid
from cifarviz.experiment.preprocessing import Divide, Scaling, Standardize, scaling

MEAN = (125.307, 122.950, 113.865)
STD = (62.993, 62.089, 66.705)


def test_standardize_gives_the_published_range():
    ranges = scaling(Standardize(), MEAN, STD, 3).ranges()
    assert round(min(low for low, _ in ranges), 3) == -1.989
    assert round(max(high for _, high in ranges), 3) == 2.127
    assert [round(low, 3) for low, _ in ranges] == [-1.989, -1.980, -1.707]


def test_standardize_is_mean_0_and_deviation_1():
    made = scaling(Standardize(), MEAN, STD, 3)
    for channel in range(3):
        (at_mean, above) = Scaling((made.scale[channel],), (made.offset[channel],)).ranges(
            MEAN[channel], MEAN[channel] + STD[channel]
        )[0]
        assert at_mean == pytest.approx(0, abs=1e-12)
        assert above == pytest.approx(1)


def test_divide_by_255_gives_0_to_1_in_any_number_of_channels():
    assert scaling(Divide(), MEAN, STD, 3).ranges() == ((0.0, 1.0),) * 3
    assert scaling(Divide(), (), (), 1).ranges() == ((0.0, 1.0),)


def test_divide_by_225_goes_beyond_1():
    assert scaling(Divide(divisor=225.0), MEAN, STD, 3).ranges()[0][1] == pytest.approx(255 / 225)


def test_a_channel_without_variation_is_only_centred():
    assert scaling(Standardize(), (7.0,), (0.0,), 1) == Scaling((1.0,), (-7.0,))


@pytest.mark.parametrize(
    ("mean", "std"), [(MEAN, STD[:2]), ((float("nan"), 0, 0), STD), (MEAN, (1, 1, -1))]
)
def test_unusable_statistics_are_refused(mean, std):
    with pytest.raises(ExperimentInvalid, match="Standardising needs"):
        scaling(Standardize(), mean, std, 3)
