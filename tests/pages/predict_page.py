"""The Predict page, opened, given files and read by its tests."""

import numpy as np
from PIL import Image
from streamlit.testing.v1 import AppTest

from tests.components import croppers
from tests.pages.app_page import elements, opened_from_start

File = tuple[str, bytes, str]


def opened(**address: object) -> AppTest:
    return opened_from_start("predict", **address)


def uploaded(*files: File, **address: object) -> AppTest:
    app = opened(**address)
    app.file_uploader[0].set_value(list(files))
    return app.run()


def text(app: AppTest) -> str:
    """All text outside of errors, as it is read."""
    return "\n".join(plain(one.value) for one in (*app.markdown, *app.caption))


def errors(app: AppTest) -> list[str]:
    return [plain(error.value) for error in app.error]


def plain(markdown: str) -> str:
    return markdown.replace("\\", "")


def pictures(app: AppTest) -> list[str]:
    """What screen readers say of the pictures, those with a part to choose first."""
    images = [image.alt for one in elements(app, "image") for image in one.proto.imgs]
    return [*(one["name"] for one in croppers(app)), *images]


def photo(size: tuple[int, int] = (90, 60), mode: str = "RGB") -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (6, 9, 3), np.uint8)
    return Image.fromarray(pixels).resize(size, Image.Resampling.NEAREST).convert(mode)
