import numpy as np
import pytest

from cifarviz.ui.predict.uploads import PICTURE, enlarged, thumbnail


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        ((32, 32), (224, 224)),
        ((60, 60), (180, 180)),
        ((224, 100), (224, 100)),
        ((400, 800), (112, 224)),
        ((3000, 4000), (168, 224)),
        ((1, 5000), (1, 224)),
        ((5000, 1), (224, 1)),
    ],
)
def test_an_upload_is_as_large_as_its_place_allows(
    size: tuple[int, int], shown: tuple[int, int]
) -> None:
    assert thumbnail(np.zeros((*size, 3), np.uint8)).shape == (*shown, 3)


def test_small_uploads_and_what_the_network_saw_are_not_smoothed() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    for large in (thumbnail(pixels), enlarged(pixels)):
        assert large.shape == (PICTURE, PICTURE, 3)
        np.testing.assert_array_equal(large[3::7, 3::7], pixels)
        np.testing.assert_array_equal(large[::7, ::7], large[6::7, 6::7])
