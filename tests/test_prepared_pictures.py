"""Every entry point prepares a picture file in the same way, with the same notes."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from cifarviz import api
from cifarviz.analysis.trained_model import TrainedModel
from cifarviz.cli.app import main
from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.choices import Data
from cifarviz.experiment.presets import PRESETS
from cifarviz.layers.dense import Dense
from cifarviz.layers.flatten import Flatten
from scripts.app_server import ROOT
from tests import stored_runs
from tests.image_files import encode_image


def rotated_photo() -> bytes:
    """Return a JPEG of a coloured rectangle on white, rotated by its EXIF orientation."""
    pixels = np.full((90, 60, 3), 250, np.uint8)
    pixels[20:70, 10:50] = np.random.default_rng(0).integers(0, 90, (50, 40, 3))
    exif = Image.Exif()
    exif[0x0112] = 6
    return encode_image(Image.fromarray(pixels), "JPEG", exif=exif)


FILES = {
    "camera.jpg": rotated_photo(),
    "dark.png": encode_image(Image.new("RGB", (40, 40), (9, 20, 9))),
    "clear.png": encode_image(Image.new("RGBA", (31, 17), (0, 90, 0, 40))),
    "small.gif": encode_image(Image.new("L", (28, 28), 220), "GIF"),
}


class NetworkInputs:
    """Records the inputs of networks in the order of their calls."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pixels: list[np.ndarray] = []
        for name in ("probabilities", "observe"):
            monkeypatch.setattr(TrainedModel, name, self._recording(getattr(TrainedModel, name)))

    def _recording(self, method: Any) -> Any:
        def call(model: TrainedModel, images: np.ndarray) -> Any:
            self.pixels.append(images if images.ndim == 3 else images[-1])
            return method(model, images)

        return call

    def pop_last(self) -> np.ndarray:
        last = self.pixels[-1]
        self.pixels.clear()
        return last


def page_texts(app: AppTest) -> str:
    assert not app.exception
    assert not app.error
    return "\n".join(
        str(element.value) for element in (*app.markdown, *app.caption, *app.get("html"))
    )


def open_page(page: str, **address: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    for name, value in address.items():
        app.query_params[name] = value
    return app.switch_page(f"pages/{page}.py").run()


@pytest.fixture(params=["cifar10", "fashion-mnist"])
def run(request: pytest.FixtureRequest, home: api.Home) -> api.Run:
    shape = (32, 32, 3) if request.param == "cifar10" else (28, 28, 1)
    layers = (Flatten(), Dense(units=10, activation="softmax"))
    base = PRESETS["cifar10-starter"].experiment
    experiment = base.model_copy(
        update={
            "architecture": Architecture(input_shape=shape, classes=10, layers=layers),
            "data": Data(dataset=request.param),
            "epochs": 3,
        }
    )
    weights = stored_runs.weights(experiment)
    return stored_runs.store_run(home.store, experiment, checkpoints={"last": weights})


@pytest.fixture
def home(settings: Any, monkeypatch: pytest.MonkeyPatch) -> api.Home:
    monkeypatch.setenv("CIFARVIZ_WARM_UP", "0")
    return api.Home(settings)


@pytest.mark.parametrize("name", FILES)
def test_every_entry_point_prepares_a_picture_in_the_same_way(
    name: str,
    run: api.Run,
    home: api.Home,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / name
    path.write_bytes(FILES[name])
    prepared = home.prepare_picture(run, path)
    notes = [str(note) for note in prepared.notes]
    assert prepared.inverted == (run.experiment.data.dataset != "cifar10" and name != "dark.png")
    inputs = NetworkInputs(monkeypatch)

    home.predict(run, str(path))
    np.testing.assert_array_equal(inputs.pop_last(), prepared.pixels)
    home.feature_maps(run, path)
    np.testing.assert_array_equal(inputs.pop_last(), prepared.pixels)

    with pytest.raises(SystemExit):
        main(["predict", run.id, str(path), "--json"])
    printed = capsys.readouterr()
    assert [note["sentence"] for note in json.loads(printed.out)[0]["notes"]] == notes
    np.testing.assert_array_equal(inputs.pop_last(), prepared.pixels)

    upload = (name, FILES[name], "")
    predict = open_page("predict", run=run.id)
    inputs.pixels.clear()
    predict.file_uploader[0].set_value([upload]).run()
    texts = page_texts(predict)
    assert all(note in texts for note in notes)
    np.testing.assert_array_equal(inputs.pop_last(), prepared.pixels)

    inside = open_page("inside", run=run.id, split="upload")
    inside.file_uploader[0].set_value(upload).run()
    texts = page_texts(inside)
    assert all(note in texts for note in notes)
    np.testing.assert_array_equal(inputs.pop_last(), prepared.pixels)

    present = open_page("present", run=run.id, scene="photo", notes="1")
    present.file_uploader(key="present-file").upload(*upload).run()
    texts = page_texts(present)
    assert all(note in texts for note in notes)
    np.testing.assert_array_equal(inputs.pop_last(), prepared.pixels)
