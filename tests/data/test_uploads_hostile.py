"""Files made to cost time or memory are refused or decoded correctly."""

import struct

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from cifarviz.data.uploads import decode
from cifarviz.errors import ImageUnreadable
from tests import hostile_images as hostile
from tests.image_files import encode_image, noise, picture
from tests.mutated_files import mutated_files

MEGABYTE = 1_000_000

REFUSED = [
    (lambda: hostile.svg_comments(25), "is a text file"),
    (lambda: hostile.svg_comments(580), "is a text file"),
    (lambda: b"<?xml" * 4_000, "is a text file"),
    (lambda: hostile.jpeg_scans(2_500, 400), "more than 160 scans of 2,500 × 2,500 pixels"),
    (lambda: hostile.jpeg_padded_scan(19 * MEGABYTE), "more than 65,536 bytes of padding"),
    (lambda: hostile.jpeg_segments(19 * MEGABYTE // 4), "more than 1,000 segments"),
    (lambda: hostile.png_empty_chunks(1_600_000), "more than 50,000 chunks"),
    (lambda: hostile.png_empty_chunks(60_000, b"teSt"), "more than 50,000 chunks"),
    (lambda: hostile.png_text(8 * MEGABYTE, b"iTXt"), "unpacks to more than any PNG image"),
    (lambda: hostile.png_text(8 * MEGABYTE, b"zTXt"), "unpacks to more than any PNG image"),
    (lambda: hostile.png_text(8 * MEGABYTE, b"iCCP"), "unpacks to more than any PNG image"),
    (lambda: hostile.bmp_deltas(4_000, 16 * MEGABYTE), "more than 4 MB in run-length codes"),
    (lambda: hostile.gif_blocks(9 * MEGABYTE), "more than 500,000 blocks"),
    (lambda: hostile.webp_frames(60_000), "more than 50,000 chunks"),
    (lambda: hostile.webp_plain(16_383, 16_383), "16,383 × 16,383 pixels"),
    (lambda: declared_jpeg(65_535, 65_535), "65,535 × 65,535 pixels"),
]

DECODED = [
    (lambda: hostile.jpeg_padding(19 * MEGABYTE), (200, 100, 50)),
    (lambda: hostile.jpeg_scans(300, 400), (200, 100, 50)),
    (lambda: hostile.jpeg_exif(5_000, 64_000), (200, 100, 50)),
    (lambda: hostile.png_empty_chunks(40_000), (0, 0, 0)),
    (lambda: hostile.gif_frames(20_000), (200, 0, 0)),
    (lambda: hostile.webp_frames(10_000), (100, 200, 50)),
]


def declared_jpeg(width: int, height: int) -> bytes:
    data = bytearray(encode_image(picture(), "JPEG"))
    place = data.index(b"\xff\xc0")
    data[place + 5 : place + 9] = struct.pack(">HH", height, width)
    return bytes(data)


@pytest.mark.parametrize(("make", "expected"), REFUSED)
def test_too_much_of_anything_is_refused(make, expected):
    with pytest.raises(ImageUnreadable, match=expected) as caught:
        decode(make(), "x.png")
    assert str(caught.value).startswith("“x.png” ")
    assert str(caught.value).count(". ") <= 1


@pytest.mark.parametrize(("make", "colour"), DECODED)
def test_large_parts_without_pixels_are_skipped(make, colour):
    pixel = decode(make(), "x").rgb[4, 4].astype(int)
    assert np.abs(pixel - colour).max() <= 2


def test_mutated_files_raise_nothing_else():
    sentences = []
    for _, data in mutated_files(500, seed=1):
        try:
            assert decode(data, "x").rgb.dtype == np.uint8
        except ImageUnreadable as error:
            sentences.append(str(error))
    assert 200 < len(sentences) < 450
    assert [text for text in sentences if not text.startswith("“x” ")] == []


@pytest.mark.parametrize("begin", [b"\xef\xbb\xbf", b"<!-- > --> <!---->\n", b"<!DOCTYPE svg>"])
def test_an_svg_is_recognised_after_any_prologue(begin):
    with pytest.raises(ImageUnreadable, match="is an SVG drawing"):
        decode(begin + b"<svg/>", "x.svg")


def test_only_the_first_picture_of_a_photo_is_read():
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue")]
    data = encode_image(frames[0], "MPO", save_all=True, append_images=frames[1:])
    # A phone's film after the photo, in which any bytes may stand.
    film = np.random.default_rng(0).integers(0, 256, MEGABYTE, np.uint8).tobytes()
    upload = decode(data + film, "moving.jpg")
    assert upload.format == "JPEG"
    assert upload.rgb[8, 8, 0] > 240
    assert not upload.notes


def test_a_photo_with_a_few_wrong_bits_is_decoded():
    data = bytearray(encode_image(noise().resize((600, 600)), "JPEG", quality=95))
    place = len(data) // 2
    data[place : place + 2] = b"\xff\xd3"
    assert data.count(b"\xff\x00") > 300
    assert decode(bytes(data), "photo.jpg").rgb.shape == (600, 600, 3)


def test_a_photo_with_extensive_camera_metadata_is_decoded():
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "Camera"
    options = {"exif": exif, "icc_profile": bytes(200_000), "comment": b"x" * 60_000}
    upload = decode(encode_image(picture(), "JPEG", **options), "photo.jpg")
    assert upload.rgb.shape == (40, 30, 3)
    assert upload.notes == ("Rotated upright as given in its EXIF data.",)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_xmp_orientation_is_used_without_exif(form):
    xmp = b'<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    if form == "PNG":
        text = PngInfo()
        text.add_itxt("XML:com.adobe.xmp", xmp.decode(), zip=True)
        data = encode_image(picture(), form, pnginfo=text)
    else:
        data = encode_image(picture(), form, xmp=xmp)
    assert decode(data, "photo").rgb.shape == (40, 30, 3)


def test_cmyk_photos_without_adobes_mark_have_the_same_colours():
    data = encode_image(picture("CMYK"), "JPEG", quality=95)
    place = data.index(b"\xff\xee\x00\x0eAdobe")
    plain = data[:place] + data[place + 16 :]
    for photo in (data, plain):
        np.testing.assert_allclose(decode(photo, "x.jpg").rgb[15, 3], (220, 20, 20), atol=15)
