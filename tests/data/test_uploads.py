"""Every image format is decoded to RGB, with notes on what was changed."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from cifarviz.data.image_pixels import reduced_size
from cifarviz.data.pictures import fit_to
from cifarviz.data.uploads import decode
from tests.image_files import encode_image, noise, picture, png


@pytest.mark.parametrize("form", ["PNG", "BMP", "GIF", "WebP", "JPEG"])
def test_every_format_is_decoded_to_rgb(form):
    options = {"lossless": True} if form == "WebP" else {}
    upload = decode(encode_image(picture(), form, **options), f"x.{form.lower()}")
    assert upload.format == form
    assert (upload.width, upload.height) == (40, 30)
    assert upload.rgb.shape == (30, 40, 3)
    assert upload.rgb.dtype == np.uint8
    np.testing.assert_allclose(upload.rgb[15, 3], (220, 20, 20), atol=12)
    np.testing.assert_allclose(upload.rgb[15, 36], (20, 20, 220), atol=12)


def test_a_plain_image_has_no_notes_and_is_read_only():
    upload = decode(encode_image(picture()), "plain.png")
    assert upload.notes == ()
    assert upload.mode == "RGB"
    with pytest.raises(ValueError, match="read-only"):
        upload.rgb[0] = 0


def test_the_file_name_does_not_decide_the_format():
    assert decode(encode_image(picture(), "JPEG"), "really.png").format == "JPEG"


def test_16_bit_grey_is_scaled_and_not_clipped():
    values = np.array([[0, 257, 32_768, 65_535]], np.uint16)
    upload = decode(encode_image(Image.fromarray(values)), "deep.png")
    assert upload.rgb[0, :, 0].tolist() == [0, 1, 128, 255]
    assert any("16-bit" in note for note in upload.notes)


def test_16_bit_grey_keeps_its_transparent_value():
    rows = b"\0" + struct.pack(">4H", 0, 1_000, 40_000, 65_535)
    clear = (b"tRNS", struct.pack(">H", 1_000))
    upload = decode(png(4, 1, 16, 0, rows, [clear]), "deep.png")
    assert upload.rgb[0, :, 0].tolist() == [0, 255, 156, 255]


@pytest.mark.parametrize(("colour", "channels"), [(2, 3), (4, 2), (6, 4)])
def test_16_bit_colour_and_alpha(colour, channels):
    values = [40_000, 20_000, 10_000, 65_535] if channels > 2 else [40_000, 65_535]
    rows = b"\0" + struct.pack(f">{channels}H", *values[: channels - 1], values[channels - 1])
    upload = decode(png(1, 1, 16, colour, rows), "deep.png")
    assert abs(int(upload.rgb[0, 0, 0]) - 156) <= 1
    assert any("16-bit" in note for note in upload.notes)


def test_transparent_parts_are_put_on_white():
    image = picture("RGBA")
    image.putalpha(
        Image.fromarray(np.repeat([[0, 128, 255, 255]], 30, 0).astype(np.uint8).repeat(10, 1))
    )
    upload = decode(encode_image(image), "clear.png")
    assert upload.rgb[5, 2].tolist() == [255, 255, 255]
    np.testing.assert_allclose(upload.rgb[5, 15], (237, 137, 137), atol=2)
    assert upload.rgb[5, 36].tolist() == [20, 20, 220]
    assert any("Transparent" in note for note in upload.notes)


def test_an_opaque_alpha_channel_adds_no_note():
    assert decode(encode_image(picture("RGBA")), "x.png").notes == ()


@pytest.mark.parametrize("form", ["PNG", "GIF"])
def test_a_transparent_palette_colour(form):
    image = Image.new("P", (4, 4), 1)
    image.putpalette([0, 255, 0, 200, 0, 0])
    image.putpixel((0, 0), 0)
    upload = decode(encode_image(image, form, transparency=0), "palette")
    assert upload.rgb[0, 0].tolist() == [255, 255, 255]
    assert upload.rgb[2, 2].tolist() == [200, 0, 0]
    assert any("Transparent" in note for note in upload.notes)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P"])
def test_grey_and_palette_modes(mode):
    image = picture("L").convert(mode) if mode != "P" else picture("P")
    upload = decode(encode_image(image), "x.png")
    assert upload.mode == mode
    assert upload.rgb.shape == (30, 40, 3)


def test_cmyk_becomes_rgb():
    upload = decode(encode_image(picture("CMYK"), "JPEG", quality=95), "print.jpg")
    assert upload.mode == "CMYK"
    np.testing.assert_allclose(upload.rgb[15, 3], (220, 20, 20), atol=15)
    assert any("CMYK" in note for note in upload.notes)


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG"])
def test_an_animation_gives_its_first_frame(form):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "lime", "blue")]
    options = {"lossless": True} if form == "WEBP" else {}
    data = encode_image(frames[0], form, save_all=True, append_images=frames[1:], **options)
    upload = decode(data, "moving")
    assert upload.rgb[4, 4].tolist() == [255, 0, 0]
    assert any("First frame" in note for note in upload.notes)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_photos_are_rotated_by_their_exif_orientation(orientation):
    upright = np.zeros((20, 30, 3), np.uint8)
    upright[:10, :15] = (255, 0, 0)
    upright[10:, :15] = (0, 255, 0)
    back = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: np.rot90(upright, 2).transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    upload = decode(
        encode_image(Image.fromarray(np.ascontiguousarray(back)), exif=exif), "photo.png"
    )
    np.testing.assert_array_equal(upload.rgb, upright)
    assert any("upright" in note for note in upload.notes) == (orientation > 1)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_damaged_exif_data_does_not_hide_the_picture():
    data = encode_image(picture(), "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff" + b"\x01" * 40)
    assert decode(data, "photo.jpg").rgb.shape == (30, 40, 3)


@pytest.mark.parametrize(
    ("size", "reduced"),
    [
        ((4_000, 4_000), (4_000, 4_000)),
        ((4_001, 4_000), (2_001, 2_000)),
        ((1, 16_000_001), (1, 8_000_001)),
    ],
)
def test_more_than_16_million_pixels_are_reduced_by_a_whole_factor(size, reduced):
    assert reduced_size(*size) == reduced


def _large_picture(mode: str, grain: int) -> Image.Image:
    """More than 16 million pixels, of details with this size, that are quickly packed."""
    tile = np.asarray(noise().resize((60 * grain, 60 * grain)).convert(mode))
    times = (-(-2_700 // len(tile)), -(-6_001 // len(tile)), 1)
    return Image.fromarray(np.tile(tile, times[: tile.ndim])[:2_700, :6_001])


@pytest.mark.parametrize(
    ("form", "mode"), [("PNG", "L"), ("PNG", "RGB"), ("PNG", "RGBA"), ("GIF", "L"), ("BMP", "L")]
)
def test_a_reduced_picture_has_the_averages_of_its_pixels(form, mode):
    image = _large_picture(mode, grain=1)
    upload = decode(encode_image(image, form), "large")
    assert (upload.width, upload.height) == (6_001, 2_700)
    assert not upload.rgb.flags.writeable
    np.testing.assert_array_equal(upload.rgb, np.asarray(image.reduce(2).convert("RGB")))


@pytest.mark.parametrize("mode", ["RGB", "CMYK"])
def test_a_large_photo_is_to_a_network_as_if_averaged(mode):
    image = _large_picture("RGB", grain=8).convert(mode)
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encode_image(image, "JPEG", exif=exif, quality=90)
    upload = decode(data, "photo.jpg")
    assert (upload.width, upload.height) == (2_700, 6_001)
    assert upload.rgb.shape == (3_001, 1_350, 3)
    original, averaged = (
        np.rot90(np.asarray(one.convert("RGB").reduce(2)), -1)
        for one in (image, Image.open(io.BytesIO(data)))
    )
    for side, most in ((32, 1), (224, 4)):
        shape = side, side, 3
        seen, expected, best = (
            fit_to(one, shape).astype(int) for one in (upload.rgb, averaged, original)
        )
        np.testing.assert_allclose(seen, expected, atol=most)
        assert np.abs(seen - best).mean() < np.abs(expected - best).mean() + 0.1
