"""``evaluate``, ``predict`` and ``feature-maps`` use the network of a trained run."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cifarviz.analysis.trained_model import TrainedModel
from cifarviz.data import library
from cifarviz.runs.recorded import restore_recorded_run
from cifarviz.runs.store import RunStore
from cifarviz.runs.stored_predictions import checkpoint_predictions_path
from cifarviz.settings import Settings
from tests.cli.conftest import Call


def test_evaluate_computes_predictions_of_the_test_images_once(
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

    # Predictions are stored: the network is not needed again.
    def refuse(*_args: object, **_more: object) -> None:
        raise AssertionError("computed again")

    monkeypatch.setattr(TrainedModel, "predictions", refuse)
    assert call("evaluate", tiny["run"], "--json").json == found


def test_predict_reports_each_file_and_those_that_cannot_be_read(
    call: Call, tiny: Any, tmp_path: Path, settings: Settings
) -> None:
    test = library.load("cifar10", "sample", settings).test
    Image.fromarray(test.images[0]).save(tmp_path / "good.png")
    (tmp_path / "bad.png").write_text("no picture")
    files = [tmp_path / name for name in ("good.png", "bad.png", "none.png")]
    result = call("predict", tiny["run"], *files, "--json")
    good, bad, none = result.json
    assert result.code == 2
    assert good["file"] == str(files[0])
    assert sum(good["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert good["class"] == max(good["probabilities"], key=good["probabilities"].get)
    assert "is a text file" in bad["error"]
    assert "none.png" in none["error"]
    assert call("predict", tiny["run"], files[0]).code == 0


def test_predict_warns_of_a_picture_of_nothing_it_knows(
    call: Call, tiny: Any, tmp_path: Path, settings: Settings
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    test = library.load("cifar10", "sample", settings).test
    files = [tmp_path / f"{number}.png" for number in range(10)]
    for path, image in zip(files, test.images, strict=False):
        Image.fromarray(image).save(path)
    unknown, *known = call("predict", tiny["run"], tmp_path / "noise.png", *files, "--json").json
    found = unknown["familiarity"]
    assert found["unknown"] is True
    assert found["score"] > found["threshold"]
    assert (found["calibrated_on"], found["false_alarm_rate"]) == ("test", 0.05)
    assert sum(one["familiarity"]["unknown"] for one in known) <= 1
    assert "probably nothing it knows" in call("predict", tiny["run"], tmp_path / "noise.png").out


def test_feature_maps_writes_one_picture_per_layer(call: Call, tiny: Any, tmp_path: Path) -> None:
    result = call("feature-maps", tiny["run"], "--image", 1, "--out", tmp_path / "maps")
    assert result.code == 0
    assert sorted(path.name for path in (tmp_path / "maps").iterdir()) == [
        "01-conv2d_1.png",
        "02-max_pooling2d_1.png",
        "03-conv2d_2.png",
        "04-max_pooling2d_2.png",
        "05-conv2d_3.png",
    ]
    # 64 channels of 4×4, each at least 64 pixels a side.
    assert min(Image.open(tmp_path / "maps" / "05-conv2d_3.png").size) > 8 * 64


def test_feature_maps_accepts_an_image_file(call: Call, tiny: Any, tmp_path: Path) -> None:
    Image.new("RGB", (200, 100), "red").save(tmp_path / "red.jpg")
    out = tmp_path / "maps"
    assert (
        call("feature-maps", tiny["run"], "--image", tmp_path / "red.jpg", "--out", out).code == 0
    )
    assert len(list(out.iterdir())) == 5


@pytest.mark.parametrize(
    ("image", "message"), [("9999", "no test image 9999"), ("x.png", "x.png"), ("-1", "-1")]
)
def test_a_missing_image_is_refused(
    call: Call, tiny: Any, tmp_path: Path, image: str, message: str
) -> None:
    result = call("feature-maps", tiny["run"], "--image", image, "--out", tmp_path / "maps")
    assert result.code == 2
    assert message in result.err


def test_a_folder_that_cannot_be_created_is_refused(call: Call, tiny: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = call("feature-maps", tiny["run"], "--image", 1, "--out", tmp_path / "file" / "maps")
    assert result.code == 2
    assert "folder" in result.err


def test_missing_or_damaged_weights_are_refused(call: Call, tiny: Any, settings: Settings) -> None:
    weights = settings.runs / tiny["run"] / "checkpoint-last.npz"
    weights.write_bytes(weights.read_bytes()[:1000])
    result = call("evaluate", tiny["run"])
    assert result.code == 1
    assert "damaged" in result.err
    weights.unlink()
    result = call("evaluate", tiny["run"])
    assert result.code == 2
    assert "those of its last epoch were removed. Use --checkpoint best." in result.err
    assert call("evaluate", tiny["run"], "--checkpoint", "best").code == 0


def test_the_start_of_an_id_is_enough_if_it_is_unique(call: Call, tiny: Any) -> None:
    assert call("evaluate", tiny["run"][:5], "--json").json["run"] == tiny["run"]
    assert call("evaluate", "").code == 2


@pytest.fixture
def fashion_run(call: Call) -> Any:
    """A short run on grey images that saves only its best weights."""
    arguments = "train fashion-mnist-cnn --data sample --train-images 64 --batch-size 32 --epochs 3"
    return call(*arguments.split(), "--json").json["run"]


def test_grey_images_work_like_colour_images(
    call: Call, fashion_run: str, tmp_path: Path, settings: Settings
) -> None:
    found = call("evaluate", fashion_run, "--json").json
    # The preset saves no other weights.
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
        inverted = call("predict", fashion_run, tmp_path / "photo.png", *choice, "--json")
        assert "photo.png: Light and dark swapped" in inverted.err
        assert inverted.json[0]["notes"][-1]["change"] == "inverted"
        assert inverted.json[0]["probabilities"] == plain.json[0]["probabilities"]


def test_missing_last_weights_are_refused_with_a_hint_at_the_best(
    call: Call, fashion_run: str, tmp_path: Path
) -> None:
    for arguments in (
        ("evaluate", fashion_run),
        ("feature-maps", fashion_run, "--image", 1, "--out", tmp_path / "maps"),
    ):
        result = call(*arguments, "--checkpoint", "last")
        assert result.code == 2
        assert "was set to save only the checkpoint of its best epoch" in result.err
        assert "Use --checkpoint best." in result.err
        assert call(*arguments).code == 0


def test_without_the_full_set_a_run_on_it_is_evaluated_on_the_sample(
    call: Call, settings: Settings
) -> None:
    store = RunStore(settings)
    run = restore_recorded_run(store)
    result = call("evaluate", run.id, "--json")
    assert (result.code, result.json["images"]) == (0, 1000)
    assert 0.6 < result.json["accuracy"] < 0.8
    assert "The full set of cifar10 is not on this machine" in result.err
    # Predictions of the sample are not stored as those of the full set.
    assert not checkpoint_predictions_path(store.folder(run.id), "last").exists()
