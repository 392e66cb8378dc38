"""An uploaded image is brought to a network's size, channels and background."""

import numpy as np
import pytest

from cifarviz.data.picture_notes import PictureChange
from cifarviz.data.pictures import (
    Crop,
    FitMode,
    fit_picture,
    fit_to,
    has_light_background,
    prepare_picture,
)
from cifarviz.data.uploads import UploadedImage
from tests.image_files import noise


def test_an_image_of_the_input_size_is_not_changed():
    pixels = np.asarray(noise().crop((0, 0, 32, 32)))
    for mode in ("crop", "stretch", "pad"):
        np.testing.assert_array_equal(fit_to(pixels, (32, 32, 3), mode), pixels)


def test_crop_keeps_the_middle():
    pixels = np.zeros((30, 90, 3), np.uint8)
    pixels[:, 30:60] = (0, 200, 0)
    fitted = fit_to(pixels, (32, 32, 3))
    assert fitted.shape == (32, 32, 3)
    np.testing.assert_allclose(fitted[16, 16], (0, 200, 0), atol=1)
    assert fitted[:, 2:30, 1].min() > 190


def test_stretch_keeps_everything():
    pixels = np.zeros((30, 90, 3), np.uint8)
    pixels[:, :45] = 200
    fitted = fit_to(pixels, (32, 32, 3), "stretch")
    assert fitted[:, :14].min() > 190
    assert fitted[:, 18:].max() < 10


def test_pad_fills_with_the_mean_colour():
    pixels = np.zeros((30, 90, 3), np.uint8)
    pixels[:, :45] = 200
    fitted = fit_to(pixels, (32, 32, 3), "pad")
    assert fitted[0, 0].tolist() == [100, 100, 100]
    assert fitted[16, 3].min() > 190


def test_shrinking_averages_fine_patterns():
    board = (np.indices((640, 640)).sum(axis=0) % 2 * 255).astype(np.uint8)
    fitted = fit_to(np.repeat(board[:, :, None], 3, axis=2), (32, 32, 3))
    assert fitted.min() >= 120
    assert fitted.max() <= 135


def test_one_channel_is_grey():
    fitted = fit_to(np.full((50, 50, 3), (255, 0, 0), np.uint8), (28, 28, 1))
    assert fitted.shape == (28, 28, 1)
    assert set(np.unique(fitted)) == {76}


def decoded(rgb, *notes):
    height, width, _ = rgb.shape
    return UploadedImage(rgb, notes, width, height, "PNG", "RGB")


def changes(prepared):
    return [note.change.name.lower() for note in prepared.notes]


def test_a_dark_garment_on_white_is_inverted():
    photo = np.full((280, 280, 3), 255, np.uint8)
    photo[70:210, 70:210] = (20, 20, 21)
    picture = fit_picture(decoded(photo), (28, 28, 1), dark_background=True)
    prepared = picture.prepare()
    assert prepared.pixels.dtype == np.uint8
    assert prepared.pixels[0, 0, 0] == 0
    assert prepared.pixels[14, 14, 0] == 235
    assert changes(prepared) == ["resized", "grey", "inverted"]
    left = picture.prepare(invert=False)
    np.testing.assert_array_equal(left.pixels, 255 - prepared.pixels)
    assert changes(left) == ["resized", "grey"]


def test_colours_are_inverted_channel_by_channel():
    picture = decoded(np.full((32, 32, 3), (255, 200, 0), np.uint8))
    prepared = prepare_picture(picture, (32, 32, 3), dark_background=False, invert=True)
    assert prepared.pixels[5, 5].tolist() == [0, 55, 255]
    assert changes(prepared) == ["inverted_by_choice"]


def test_only_data_sets_with_a_dark_background_invert_automatically():
    light = decoded(np.full((20, 20, 3), 250, np.uint8))
    assert not prepare_picture(light, (20, 20, 3), dark_background=False).notes
    dark = decoded(np.full((20, 20, 3), 5, np.uint8))
    assert not prepare_picture(dark, (20, 20, 3), dark_background=True).notes


@pytest.mark.parametrize("shape", [(64, 64, 3), (20, 40, 1), (1, 7, 3)])
@pytest.mark.parametrize("mode", ["crop", "stretch", "pad"])
def test_any_size_is_prepared_with_a_note_for_each_step(shape, mode):
    photo = np.full((30, 90, 3), (10, 20, 30), np.uint8)
    picture = decoded(photo, PictureChange.TURNED)
    prepared = prepare_picture(picture, shape, dark_background=True, mode=mode)
    assert prepared.pixels.shape == shape
    turned, fitted, resized, *grey = prepared.notes
    assert str(turned) == "Rotated upright as given in its EXIF data."
    height, width, channels = shape
    assert ("square" in str(fitted)) == (height == width)
    assert (f"{width} to {height}" in str(fitted)) == (height != width)
    # What is cut off first does not count as scaled.
    scale = min(90 / width, 30 / height)
    cut = (round(width * scale), round(height * scale)) if mode == "crop" else (90, 30)
    assert str(resized) == f"Scaled from {cut[0]} × {cut[1]} to {width} × {height} pixels."
    assert resized.to_dict() == {
        "change": "resized",
        "from_width": cut[0],
        "from_height": cut[1],
        "width": width,
        "height": height,
        "sentence": str(resized),
    }
    assert len(grey) == (channels == 1)


@pytest.mark.parametrize(("value", "light"), [(0, False), (127, False), (128, True), (255, True)])
def test_the_background_is_measured_at_the_edges(value, light):
    pixels = np.full((20, 30, 3), value, np.uint8)
    pixels[5:15, 5:25] = 255 - value
    # A thing may touch an edge.
    pixels[15:, 10:20] = 255 - value
    assert has_light_background(pixels) is light


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1)])
def test_the_background_of_the_smallest_images(size):
    assert has_light_background(np.full((*size, 3), 250, np.uint8))


@pytest.mark.parametrize("size", [(1, 1), (1, 5_000), (5_000, 1), (7, 3)])
@pytest.mark.parametrize("mode", ["crop", "stretch", "pad"])
def test_odd_sizes_fit_as_well(size, mode):
    pixels = np.full((*size, 3), 90, np.uint8)
    fitted = fit_to(pixels, (32, 32, 3), mode)
    assert fitted.shape == (32, 32, 3)
    assert (fitted == 90).all()


def test_an_invalid_image_shape_is_refused():
    with pytest.raises(ValueError, match=r"has 1 \(grey\) or 3"):
        fit_to(np.zeros((4, 4, 3), np.uint8), (32, 32, 4))


def test_the_largest_part_in_the_middle_is_what_crop_keeps_by_default() -> None:
    random = np.random.default_rng(0)
    for shape, target in (((30, 90, 3), (32, 32, 3)), ((97, 41, 3), (28, 20, 1))):
        pixels = random.integers(0, 256, shape, np.uint8)
        by_default, chosen = fit_to(pixels, target), fit_to(pixels, target, crop=Crop())
        np.testing.assert_allclose(chosen.astype(int), by_default, atol=1)


def test_a_chosen_part_is_cut_out_pixel_for_pixel() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (64, 128, 3), np.uint8)
    # Its side is half of 64, its centre at (96, 16).
    fitted = fit_to(pixels, (32, 32, 3), crop=Crop(0.75, 0.25, 0.5))
    np.testing.assert_array_equal(fitted, pixels[:32, 80:112])


@pytest.mark.parametrize(
    ("crop", "box"),
    [
        (Crop(0, 0, 0.5), (0, 0, 30, 30)),
        (Crop(1, 1, 0.5), (90, 30, 120, 60)),
        (Crop(0.5, 0.5, 1), (30, 0, 90, 60)),
        (Crop(0, 0.9, 1), (0, 0, 60, 60)),
    ],
)
def test_a_part_stays_inside_the_picture(crop: Crop, box: tuple[int, ...]) -> None:
    assert crop.box((120, 60), (32, 32)) == pytest.approx(box)


def test_a_chosen_part_is_noted_and_only_where_pictures_are_cropped() -> None:
    pixels = np.zeros((30, 90, 3), np.uint8)
    upload = UploadedImage(pixels, (), 90, 30, "PNG", "RGB")
    modes: dict[FitMode, bool] = {"crop": True, "pad": False}
    for mode, noted in modes.items():
        fitted = fit_picture(
            upload, (32, 32, 3), dark_background=False, mode=mode, crop=Crop(0.2, 0.5, 0.6)
        )
        changes = [note.change for note in fitted.notes]
        assert (PictureChange.CROPPED_BY_CHOICE in changes) is noted
