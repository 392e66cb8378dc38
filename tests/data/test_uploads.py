import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from cifarviz.data.uploads import decode, fit_to, has_light_background
from cifarviz.errors import ImageUnreadable


def encode(image, form="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def picture(mode="RGB", size=(40, 30)):
    """Red on the left, blue on the right; dark and light in grey modes."""
    pixels = np.zeros((size[1], size[0], 3), np.uint8)
    pixels[:, : size[0] // 2] = (220, 20, 20)
    pixels[:, size[0] // 2 :] = (20, 20, 220)
    return Image.fromarray(pixels).convert(mode)


def png(width, height, depth, colour, rows=b"", chunks=()):
    """Write a PNG by hand, for what Pillow does not write."""

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    inner = b"".join(chunk(kind, data) for kind, data in chunks)
    pixels = chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + inner + pixels + chunk(b"IEND", b"")


@pytest.mark.parametrize("form", ["PNG", "BMP", "GIF", "WebP", "JPEG"])
def test_every_format_comes_as_rgb(form):
    options = {"lossless": True} if form == "WebP" else {}
    upload = decode(encode(picture(), form, **options), f"x.{form.lower()}")
    assert upload.format == form
    assert (upload.width, upload.height) == (40, 30)
    assert upload.rgb.shape == (30, 40, 3)
    assert upload.rgb.dtype == np.uint8
    np.testing.assert_allclose(upload.rgb[15, 3], (220, 20, 20), atol=12)
    np.testing.assert_allclose(upload.rgb[15, 36], (20, 20, 220), atol=12)


def test_a_plain_image_has_no_notes_and_is_read_only():
    upload = decode(encode(picture()), "plain.png")
    assert upload.notes == ()
    assert upload.mode == "RGB"
    with pytest.raises(ValueError, match="read-only"):
        upload.rgb[0] = 0


def test_the_name_says_nothing_about_the_content():
    assert decode(encode(picture(), "JPEG"), "really.png").format == "JPEG"


def test_16_bit_grey_is_scaled_and_not_clipped():
    values = np.array([[0, 257, 32_768, 65_535]], np.uint16)
    upload = decode(encode(Image.fromarray(values)), "deep.png")
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
    upload = decode(encode(image), "clear.png")
    assert upload.rgb[5, 2].tolist() == [255, 255, 255]
    np.testing.assert_allclose(upload.rgb[5, 15], (237, 137, 137), atol=2)
    assert upload.rgb[5, 36].tolist() == [20, 20, 220]
    assert any("transparent" in note for note in upload.notes)


def test_an_alpha_channel_that_hides_nothing_is_not_mentioned():
    assert decode(encode(picture("RGBA")), "x.png").notes == ()


@pytest.mark.parametrize("form", ["PNG", "GIF"])
def test_a_transparent_palette_colour(form):
    image = Image.new("P", (4, 4), 1)
    image.putpalette([0, 255, 0, 200, 0, 0])
    image.putpixel((0, 0), 0)
    upload = decode(encode(image, form, transparency=0), "palette")
    assert upload.rgb[0, 0].tolist() == [255, 255, 255]
    assert upload.rgb[2, 2].tolist() == [200, 0, 0]
    assert any("transparent" in note for note in upload.notes)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P"])
def test_grey_and_palette_modes(mode):
    image = picture("L").convert(mode) if mode != "P" else picture("P")
    upload = decode(encode(image), "x.png")
    assert upload.mode == mode
    assert upload.rgb.shape == (30, 40, 3)


def test_cmyk_becomes_rgb():
    upload = decode(encode(picture("CMYK"), "JPEG", quality=95), "print.jpg")
    assert upload.mode == "CMYK"
    np.testing.assert_allclose(upload.rgb[15, 3], (220, 20, 20), atol=15)
    assert any("CMYK" in note for note in upload.notes)


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG"])
def test_an_animation_gives_its_first_frame(form):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "lime", "blue")]
    options = {"lossless": True} if form == "WEBP" else {}
    data = encode(frames[0], form, save_all=True, append_images=frames[1:], **options)
    upload = decode(data, "moving")
    assert upload.rgb[4, 4].tolist() == [255, 0, 0]
    assert any("first frame" in note for note in upload.notes)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_photos_are_turned_as_their_exif_data_says(orientation):
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
    upload = decode(encode(Image.fromarray(np.ascontiguousarray(back)), exif=exif), "photo.png")
    np.testing.assert_array_equal(upload.rgb, upright)
    assert any("upright" in note for note in upload.notes) == (orientation > 1)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_damaged_exif_data_does_not_hide_the_picture():
    data = encode(picture(), "JPEG", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff" + b"\x01" * 40)
    assert decode(data, "photo.jpg").rgb.shape == (30, 40, 3)


def whole():
    noise = np.random.default_rng(0).integers(0, 256, (60, 60, 3), np.uint8)
    return Image.fromarray(noise)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "BMP", "GIF", "WEBP"])
@pytest.mark.parametrize("part", [0.02, 0.5, 0.9])
def test_a_cut_off_file_of_each_format(form, part):
    data = encode(whole(), form)
    with pytest.raises(ImageUnreadable, match=r"“holiday\.x” is (cut off|not an image|a text)"):
        decode(data[: max(4, int(len(data) * part))], "holiday.x")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"just some text\n", "is a text file"),
        ("Grüße".encode(), "is a text file"),
        (b"\x00\x01\x02\x03" * 100, "is not an image"),
        (b"<svg xmlns='x'/>", "is an SVG drawing"),
        (b"<?xml version='1.0'?>\n<!-- made by hand -->\n<svg/>", "is an SVG drawing"),
        (b"%PDF-1.7 ...", "is a PDF document"),
        (b"PK\x03\x04....", "is a zip archive"),
        (b"\x00\x00\x00\x18ftypheic....", "is a HEIC photo"),
        (encode(picture(), "TIFF"), "is a TIFF image"),
        (encode(picture(), "AVIF"), "is an AVIF image"),
        (b"\x89PNG\r\n\x1a\n" + b"\x00" * 50, "is cut off or damaged"),
    ],
)
def test_what_is_no_image_we_take_is_named(data, words):
    with pytest.raises(ImageUnreadable, match=f"“cat.png” {words}") as caught:
        decode(data, "cat.png")
    assert str(caught.value).count(". ") <= 1


def test_a_huge_png_is_refused_by_its_size_before_it_is_decoded():
    with pytest.raises(ImageUnreadable, match=r"“big\.png” has 30,000 × 30,000 pixels"):
        decode(png(30_000, 30_000, 8, 2), "big.png")


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(("width", "height"), [(8_000, 8_000), (12_000, 10_000)])
def test_below_pillows_own_limit_too(width, height):
    with pytest.raises(ImageUnreadable, match=f"{width:,} × {height:,} pixels.*50 million"):
        decode(png(width, height, 1, 0), "big.png")


def test_a_huge_size_is_named_in_the_other_formats():
    small = {form: bytearray(encode(picture(), form)) for form in ("GIF", "BMP", "JPEG")}
    small["GIF"][6:10] = struct.pack("<HH", 30_000, 30_000)
    small["BMP"][18:26] = struct.pack("<ii", 30_000, 30_000)
    place = small["JPEG"].index(b"\xff\xc0")
    small["JPEG"][place + 5 : place + 9] = struct.pack(">HH", 30_000, 30_000)
    for data in small.values():
        with pytest.raises(ImageUnreadable, match="30,000 × 30,000 pixels"):
            decode(bytes(data), "big")


def test_too_many_bytes():
    with pytest.raises(ImageUnreadable, match="51 MB"):
        decode(bytes(51_000_000), "big.bmp")


def test_a_file_name_is_shown_short_and_harmless():
    with pytest.raises(ImageUnreadable) as caught:
        decode(b"", "../../etc/\x1b[31mcat\n.png")
    assert "“[31mcat.png”" in str(caught.value)
    with pytest.raises(ImageUnreadable) as caught:
        decode(b"", "x" * 500 + ".png")
    assert len(str(caught.value)) < 150


def test_an_image_that_fits_comes_back_as_it_is():
    pixels = np.asarray(whole().crop((0, 0, 32, 32)))
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


def test_a_dark_garment_on_white_becomes_a_light_one_on_black():
    photo = np.full((280, 280, 3), 255, np.uint8)
    photo[70:210, 70:210] = 20
    assert has_light_background(photo)
    fitted = fit_to(photo, (28, 28, 1), invert=True)
    assert fitted.dtype == np.uint8
    assert fitted[0, 0, 0] == 0
    assert fitted[14, 14, 0] == 235
    np.testing.assert_array_equal(fit_to(photo, (28, 28, 1)), 255 - fitted)


def test_colours_are_inverted_channel_by_channel():
    pixels = np.full((32, 32, 3), (255, 200, 0), np.uint8)
    assert fit_to(pixels, (32, 32, 3), invert=True)[5, 5].tolist() == [0, 55, 255]


@pytest.mark.parametrize(("value", "light"), [(0, False), (127, False), (128, True), (255, True)])
def test_the_background_is_what_is_at_the_edges(value, light):
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


def test_a_shape_no_image_has():
    with pytest.raises(ValueError, match="1 or 3 channels"):
        fit_to(np.zeros((4, 4, 3), np.uint8), (32, 32, 4))
