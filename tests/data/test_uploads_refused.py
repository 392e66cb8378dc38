"""Files that are not images, or too large, are refused with a message naming them."""

import struct

import pytest

from cifarviz.data.uploads import decode
from cifarviz.errors import ImageUnreadable
from tests.image_files import encode_image, noise, picture, png


@pytest.mark.parametrize("form", ["PNG", "JPEG", "BMP", "GIF", "WEBP"])
@pytest.mark.parametrize("part", [0.02, 0.5, 0.9])
def test_a_cut_off_file_of_each_format(form, part):
    data = encode_image(noise(), form)
    with pytest.raises(ImageUnreadable, match=r"“holiday\.x” is (truncated|not a readable|a text)"):
        decode(data[: max(4, int(len(data) * part))], "holiday.x")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "is empty"),
        (b"just some text\n", "is a text file"),
        ("Grüße".encode(), "is a text file"),
        (b"\x00\x01\x02\x03" * 100, "is not a readable image"),
        (b"<svg xmlns='x'/>", "is an SVG drawing"),
        (b"<?xml version='1.0'?>\n<!-- made by hand -->\n<svg/>", "is an SVG drawing"),
        (b"%PDF-1.7 ...", "is a PDF document"),
        (b"PK\x03\x04....", "is a zip archive"),
        (b"\x00\x00\x00\x18ftypheic....", "is a HEIC photo"),
        (encode_image(picture(), "TIFF"), "is a TIFF image"),
        (encode_image(picture(), "AVIF"), "is an AVIF image"),
        (b"\x89PNG\r\n\x1a\n" + b"\x00" * 50, "is truncated or damaged"),
    ],
)
def test_the_type_of_other_files_is_named(data, text):
    with pytest.raises(ImageUnreadable, match=f"“cat.png” {text}") as caught:
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
    small = {form: bytearray(encode_image(picture(), form)) for form in ("GIF", "BMP", "JPEG")}
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


def test_file_names_in_messages_are_short_and_printable():
    with pytest.raises(ImageUnreadable) as caught:
        decode(b"", "../../etc/\x1b[31mcat\n.png")
    assert "“[31mcat.png”" in str(caught.value)
    with pytest.raises(ImageUnreadable) as caught:
        decode(b"", "x" * 500 + ".png")
    assert len(str(caught.value)) < 150
