"""Samples: drawn images, the address, an opened image, and statistics."""

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from cifarviz.data import sample
from cifarviz.datasets.cifar10 import CIFAR10
from scripts.app_server import ROOT
from tests.components import chart
from tests.pages.app_page import address_of, walk
from tests.pages.samples_page import control, drawn, opened, page_text, warnings

# The grid's numbers have commas, as the page writes them.
assert CIFAR10.published_images is not None
PUBLISHED = CIFAR10.published_images.indices
NINE = [f"{index:,}" for index in PUBLISHED]


@pytest.fixture
def full_set(tmp_path: Path) -> None:
    """A full set that passes for verified: all black, its labels 0 to 9 in turn."""
    assert CIFAR10.fingerprints is not None
    folder = tmp_path / "cifarviz-home" / "data" / "cifar10"
    folder.mkdir(parents=True)
    for name, shape in CIFAR10.shapes.items():
        # Sparse files: no 180 MB are written.
        array = np.lib.format.open_memmap(folder / f"{name}.npy", "w+", np.uint8, shape)
        if name.endswith("labels"):
            array[:] = np.arange(len(array)) % 10
        array.flush()
    mark = {
        "format": 1,
        "dataset": "cifar10",
        "source": "a test",
        "fingerprints": asdict(CIFAR10.fingerprints),
        "file_bytes": {name: (folder / f"{name}.npy").stat().st_size for name in CIFAR10.shapes},
    }
    (folder / "verified.json").write_text(json.dumps(mark))


def dialogs(app: AppTest) -> list[Any]:
    return [one for one in walk(app._tree) if one.type == "dialog"]


def test_random_images_of_the_sample_have_their_class_names() -> None:
    app = opened()
    assert len(drawn(app)) == 50
    assert all(" training image " in name for name in drawn(app))
    assert {name.split(",")[0] for name in drawn(app)} <= set(CIFAR10.classes)
    assert "50 of 5,000 training images in the embedded sample" in page_text(app)
    assert warnings(app) == []
    assert not app.exception


def test_the_same_link_draws_the_same_images() -> None:
    link = {"seed": "42", "count": "12", "split": "test", "classes": "cat,dog"}
    first, second = opened(**link), opened(**link)
    assert drawn(first) == drawn(second)
    assert len(drawn(first)) == 12
    assert {name.split(",")[0] for name in drawn(first)} == {"cat", "dog"}
    assert "12 of 200 test images of cat and dog in the embedded sample" in page_text(first)
    assert control(first, "Seed").value == "42"
    assert control(first, "Classes").value == ["cat", "dog"]
    assert not first.exception


def test_the_controls_change_images_and_address() -> None:
    app = opened()
    control(app, "Number of images").set_value("9").run()
    control(app, "Seed").set_value("3").run()
    control(app, "Split").set_value("test").run()
    control(app, "Classes").set_value(["ship"]).run()
    assert address_of(app) == {"dataset": "cifar10"} | {
        "count": "9",
        "seed": "3",
        "split": "test",
        "classes": "ship",
    }
    assert len(drawn(app)) == 9
    assert all(name.startswith("ship, test image ") for name in drawn(app))
    assert drawn(opened(**address_of(app))) == drawn(app)
    assert not app.exception


def test_shuffle_draws_other_images_and_shows_the_new_seed() -> None:
    app = opened(count="20")
    before = drawn(app)
    app.button[0].click().run()
    seed = control(app, "Seed").value
    assert address_of(app) == {"dataset": "cifar10"} | {"count": "20", "seed": seed}
    assert drawn(app) != before
    assert drawn(opened(count="20", seed=seed)) == drawn(app)
    assert not app.exception


def test_all_images_are_shown_if_fewer_than_requested() -> None:
    app = opened(classes="frog", split="test", count="400")
    assert len(set(drawn(app))) == 100
    assert "100 of 100 test images of frog" in page_text(app)
    assert not app.exception


def test_the_nine_published_images_are_offered_and_shown_from_the_sample() -> None:
    app = opened(split="test", classes="cat")
    control(app, "Show").set_value("published").run()
    assert [name.split("training image ")[1] for name in drawn(app)] == NINE
    assert "np.random.RandomState(777).randint(50000, size=9)" in page_text(app)
    assert control(app, "Seed").disabled
    control(app, "Show").set_value("random").run()
    assert address_of(app) == {"dataset": "cifar10"} | {"split": "test", "classes": "cat"}
    assert not app.exception


def test_seed_777_on_the_full_set_draws_the_published_nine(full_set: None) -> None:
    app = opened(variant="full", seed="777", count="9")
    assert [name.split("training image ")[1] for name in drawn(app)] == NINE
    assert "All 50,000 training images of the full set" in page_text(app)
    assert not app.exception


def test_an_opened_image_is_marked_and_has_links() -> None:
    app = opened(split="test", image="1", count="9")
    assert [one.proto.dialog.title for one in dialogs(app)] == ["ship · test image 1"]
    assert "Image number **1** of 10,000 test images" in page_text(app)
    pixels = sample.read(CIFAR10).test.images[1]
    for channel, name in enumerate(("Red", "Green", "Blue")):
        values = pixels[..., channel]
        assert f"| {name} | {values.min()} | {values.max()} | {values.mean():.1f} |" in page_text(
            app
        )
    links = {one.proto.label: one.proto for one in walk(app._tree) if one.type == "page_link"}
    for label, page in (("See its feature maps", "inside"), ("Predict its class", "predict")):
        assert links[label].page == page
        assert links[label].query_string == "dataset=cifar10&split=test&image=1"
    assert not app.exception


def test_stepping_follows_the_grid_and_updates_the_address() -> None:
    app = opened(view="published", image=str(PUBLISHED[0]))
    before, after = app.button[-2:]
    assert before.disabled
    after.click().run()
    assert address_of(app) == {"dataset": "cifar10"} | {
        "view": "published",
        "image": str(PUBLISHED[1]),
    }
    assert f"**{NINE[1]}**" in page_text(app)
    assert not app.exception


def test_the_overview_of_the_data_set_is_shown() -> None:
    app = opened(split="test")
    assert "The data at a glance" in page_text(app)
    image = "32 × 32 pixels | 3 (red, green, blue) | 10 |"
    assert f"| **Training** | 5,000 | 50,000 | {image}" in page_text(app)
    assert f"| **Test** | 1,000 | 10,000 | {image}" in page_text(app)
    assert not app.exception


def test_the_statistics_of_the_whole_split_are_below() -> None:
    app = opened()
    assert "All 5,000 training images of the embedded sample" in page_text(app)
    assert drawn(app, "samples-means")[0] == "airplane: mean of 500 images"
    for key in ("samples-counts", "samples-histogram", "samples-ranges"):
        assert chart(app, key)["data"]
    assert "| Red | 124.633 | 62.237 | 0 | 255 |" in page_text(app)
    assert not app.exception


def test_each_preprocessing_choice_shows_its_range() -> None:
    app = opened()
    assert "| ÷ 255 | 0.000 | 1.000 |" in page_text(app)
    assert "| Standardised | −2.003 | 2.163 |" in page_text(app)
    control(app, "Custom divisor").set_value("225").run()
    assert "| ÷ 225 | 0.000 | 1.133 |" in page_text(app)
    assert address_of(app) == {"dataset": "cifar10"} | {"divisor": "225"}
    assert not app.exception


def test_start_and_samples_load_no_tensorflow() -> None:
    script = (
        "import sys\n"
        "from streamlit.testing.v1 import AppTest\n"
        "app = AppTest.from_file('app.py', default_timeout=60).run()\n"
        "app.switch_page('pages/samples.py').run()\n"
        "app.query_params['image'] = '8'\n"
        "app.run()\n"
        "assert app.title[0].value == 'Samples' and not app.exception\n"
        "print([name for name in ('tensorflow', 'keras', 'sklearn') if name in sys.modules])\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=100
    )
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.splitlines()[-1] == "[]"
