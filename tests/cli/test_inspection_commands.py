"""``evaluate``, ``predict`` and ``feature-maps`` answer from a trained run."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cifarviz.analysis.trained_model import TrainedModel
from cifarviz.data import library
from cifarviz.runs.recorded import bring_back
from cifarviz.runs.store import RunStore
from cifarviz.runs.stored_probabilities import probabilities_path
from cifarviz.settings import Settings

Call = Callable[..., Any]


def test_evaluating_measures_the_test_images_once(
    call: Call, tiny: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = call("evaluate", tiny["run"], "--json").json
    assert (found["run"], found["split"], found["images"]) == (tiny["run"], "test", 1000)
    # The preset validates by the same test images.
    assert found["accuracy"] == pytest.approx(tiny["history"]["val_accuracy"][-1], abs=1e-9)
    assert found["loss"] == pytest.approx(tiny["history"]["val_loss"][-1], rel=1e-4)
    confusion = np.array(found["confusion"])
    assert confusion.shape == (10, 10)
    assert confusion.sum(axis=1).tolist() == [100] * 10
    assert np.trace(confusion) / 1000 == found["accuracy"]
    assert found["per_class"]["cat"]["support"] == 100
    low, high = found["accuracy_interval"]
    assert 0 <= low < found["accuracy"] < high <= 1
    assert found["accuracy"] <= found["top_2_accuracy"] <= found["top_3_accuracy"] <= 1
    assert 0 <= found["calibration_error"] < 1
    assert "airplane" in call("evaluate", tiny["run"]).out

    # The answers are kept: by now nobody needs the network for them.
    def refuse(*_args: object, **_more: object) -> None:
        raise AssertionError("asked again")

    monkeypatch.setattr(TrainedModel, "predictions", refuse)
    assert call("evaluate", tiny["run"], "--json").json == found


def test_predicting_answers_for_each_file_and_says_which_cannot_be_read(
    call: Call, tiny: Any, tmp_path: Path, settings: Settings
) -> None:
    test = library.load("cifar10", "sample", settings).test
    Image.fromarray(test.images[0]).save(tmp_path / "good.png")
    (tmp_path / "bad.png").write_text("no picture")
    files = [tmp_path / name for name in ("good.png", "bad.png", "none.png")]
    answer = call("predict", tiny["run"], *files, "--json")
    good, bad, none = answer.json
    assert answer.code == 2
    assert good["file"] == str(files[0])
    assert sum(good["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert good["class"] == max(good["probabilities"], key=good["probabilities"].get)
    assert "is a text file" in bad["error"]
    assert "none.png" in none["error"]
    assert call("predict", tiny["run"], files[0]).code == 0


def test_feature_maps_are_one_picture_a_layer(call: Call, tiny: Any, tmp_path: Path) -> None:
    answer = call("feature-maps", tiny["run"], "--image", 1, "--out", tmp_path / "maps")
    assert answer.code == 0
    assert sorted(path.name for path in (tmp_path / "maps").iterdir()) == [
        "01-conv2d_1.png",
        "02-max_pooling2d_1.png",
        "03-conv2d_2.png",
        "04-max_pooling2d_2.png",
        "05-conv2d_3.png",
    ]
    # 64 channels of 4×4, each at least 64 pixels a side.
    assert min(Image.open(tmp_path / "maps" / "05-conv2d_3.png").size) > 8 * 64


def test_feature_maps_of_ones_own_picture(call: Call, tiny: Any, tmp_path: Path) -> None:
    Image.new("RGB", (200, 100), "red").save(tmp_path / "red.jpg")
    out = tmp_path / "maps"
    assert (
        call("feature-maps", tiny["run"], "--image", tmp_path / "red.jpg", "--out", out).code == 0
    )
    assert len(list(out.iterdir())) == 5


@pytest.mark.parametrize(
    ("image", "said"), [("9999", "Test image 9999"), ("x.png", "x.png"), ("-1", "-1")]
)
def test_an_image_that_is_not_there(
    call: Call, tiny: Any, tmp_path: Path, image: str, said: str
) -> None:
    answer = call("feature-maps", tiny["run"], "--image", image, "--out", tmp_path / "maps")
    assert answer.code == 2
    assert said in answer.err


def test_a_folder_that_cannot_be_made(call: Call, tiny: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    answer = call("feature-maps", tiny["run"], "--image", 1, "--out", tmp_path / "file" / "maps")
    assert answer.code == 2
    assert "folder" in answer.err


def test_weights_that_are_gone_or_damaged(call: Call, tiny: Any, settings: Settings) -> None:
    weights = settings.runs / tiny["run"] / "checkpoint-last.npz"
    weights.write_bytes(weights.read_bytes()[:1000])
    answer = call("evaluate", tiny["run"])
    assert answer.code == 1
    assert "damaged" in answer.err
    weights.unlink()
    answer = call("evaluate", tiny["run"])
    assert answer.code == 2
    assert "only those of its best epoch. Ask for them with --checkpoint best." in answer.err
    assert call("evaluate", tiny["run"], "--checkpoint", "best").code == 0


def test_the_beginning_of_an_id_is_enough_when_it_names_one_run(call: Call, tiny: Any) -> None:
    assert call("evaluate", tiny["run"][:5], "--json").json["run"] == tiny["run"]
    assert call("evaluate", "").code == 2


@pytest.fixture
def fashion_run(call: Call) -> Any:
    """A quick run on grey images that keeps its best weights only."""
    words = "train fashion-mnist-cnn --data sample --train-images 64 --batch-size 32 --epochs 3"
    return call(*words.split(), "--json").json["run"]


def test_grey_images_are_looked_into_as_coloured_ones_are(
    call: Call, fashion_run: str, tmp_path: Path, settings: Settings
) -> None:
    found = call("evaluate", fashion_run, "--json").json
    # The preset keeps no other.
    assert (found["checkpoint"], found["images"]) == ("best", 1000)
    assert "Ankle boot" in found["per_class"]
    assert call("evaluate", fashion_run, "--checkpoint", "last").code == 2

    out = tmp_path / "maps"
    assert call("feature-maps", fashion_run, "--image", 1, "--out", out).code == 0
    names = ["01-conv2d_1.png", "02-max_pooling2d_1.png"]
    names += ["03-conv2d_2.png", "04-max_pooling2d_2.png"]
    assert sorted(path.name for path in out.iterdir()) == names

    boot = library.load("fashion-mnist", "sample", settings).test.images[0, ..., 0]
    Image.fromarray(boot).save(tmp_path / "boot.png")
    Image.fromarray(255 - boot).save(tmp_path / "photo.png")
    plain = call("predict", fashion_run, tmp_path / "boot.png", "--json")
    assert "Light and dark" not in plain.err
    photo = call("predict", fashion_run, tmp_path / "photo.png", "--no-invert", "--json")
    assert "Light and dark" not in photo.err
    assert photo.json[0]["probabilities"] != plain.json[0]["probabilities"]
    for choice in ([], ["--invert"]):
        turned = call("predict", fashion_run, tmp_path / "photo.png", *choice, "--json")
        assert "photo.png: Light and dark were swapped" in turned.err
        assert turned.json[0]["notes"][-1]["change"] == "inverted"
        assert turned.json[0]["probabilities"] == plain.json[0]["probabilities"]


def test_a_run_that_kept_its_best_epoch_only_says_so_and_how_to_ask(
    call: Call, fashion_run: str, tmp_path: Path
) -> None:
    for words in (
        ("evaluate", fashion_run),
        ("feature-maps", fashion_run, "--image", 1, "--out", tmp_path / "maps"),
    ):
        answer = call(*words, "--checkpoint", "last")
        assert answer.code == 2
        assert "has kept the checkpoint of its best epoch only" in answer.err
        assert "Ask for them with --checkpoint best." in answer.err
        assert call(*words).code == 0


def test_without_the_full_set_a_run_on_it_is_judged_by_the_sample(
    call: Call, settings: Settings
) -> None:
    store = RunStore(settings)
    run = bring_back(store)
    answer = call("evaluate", run.id, "--json")
    assert (answer.code, answer.json["images"]) == (0, 1000)
    assert 0.6 < answer.json["accuracy"] < 0.8
    assert "The full set of cifar10 is not on this machine" in answer.err
    # What it says of the sample is not kept as what it says of its own images.
    assert not probabilities_path(store.folder(run.id), "last").exists()
