"""Colours for maps, against published values and what they are chosen for."""

import numpy as np
import pytest

from cifarviz.figures.color_maps import ColorMap, apply_color_map, color_table, css_gradient


@pytest.mark.parametrize(
    ("colors", "place", "published"),
    [
        # Of matplotlib's tables of 256 colours.
        ("viridis", 0, (68, 1, 84)),
        ("viridis", 64, (59, 82, 139)),
        ("viridis", 128, (33, 145, 140)),
        ("viridis", 192, (94, 201, 98)),
        ("viridis", 255, (253, 231, 37)),
        ("magma", 0, (0, 0, 4)),
        ("magma", 64, (81, 18, 124)),
        ("magma", 128, (183, 55, 121)),
        ("magma", 192, (252, 137, 97)),
        ("magma", 255, (252, 253, 191)),
        ("grey", 77, (77, 77, 77)),
        ("purple-green", 0, (118, 42, 131)),
        ("purple-green", 255, (27, 120, 55)),
    ],
)
def test_colors_are_the_published_ones(
    colors: ColorMap, place: int, published: tuple[int, int, int]
) -> None:
    found = color_table(colors)[place].astype(int)
    # Mixed in steps, they are off by what nobody sees.
    np.testing.assert_allclose(found, published, atol=6)


def lightness(table: np.ndarray) -> np.ndarray:
    """CIE L* of sRGB colours, 0 to 100."""
    share = table / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    luminance = linear @ np.array([0.2126, 0.7152, 0.0722])
    cube = np.cbrt(luminance)
    return np.where(luminance > 0.008856, 116 * cube - 16, 903.3 * luminance)


@pytest.mark.parametrize("colors", ["grey", "viridis", "magma"])
def test_a_higher_value_is_lighter_in_even_steps(colors: ColorMap) -> None:
    steps = np.diff(lightness(color_table(colors).astype(float))[::15])
    assert (steps > 0).all()
    assert steps.max() < 2 * steps.mean()


def test_a_diverging_map_gets_darker_on_both_sides() -> None:
    light = lightness(color_table("purple-green").astype(float))[::15]
    assert (np.diff(light[:9]) > 0).all()
    assert (np.diff(light[9:]) < 0).all()
    assert light[8:10].min() > 90


def test_only_dead_channels_are_grey() -> None:
    images = np.array([0, 90, 255, 128], np.uint8).reshape(4, 1, 1, 1)
    for colors in ("viridis", "magma", "purple-green"):
        places, palette = apply_color_map(images, (3,), colors)
        assert palette is not None
        seen = palette[places[:, 0, 0, 0]].tolist()
        assert seen[3] == [128, 128, 128]
        assert seen[1] == color_table(colors)[90].tolist()
        np.testing.assert_allclose(seen[0], color_table(colors)[0], atol=4)
        assert [128, 128, 128] not in color_table(colors).tolist()
    assert apply_color_map(images, (3,), "grey") == (images, None)


def test_the_css_gradient_has_both_ends() -> None:
    assert css_gradient("grey").startswith("linear-gradient(to right, #000000, ")
    assert css_gradient("viridis").endswith(", #FDE725)")
