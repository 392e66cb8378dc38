"""A depthwise convolution on every page, from the layer table to a trained run."""

from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from cifarviz.data import library
from cifarviz.executors.worker import Worker
from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.changes import changes
from cifarviz.experiment.choices import Data, SplitValidation
from cifarviz.experiment.draft_layers import add_layer
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.receptive_field import ReceptiveField, receptive_field
from cifarviz.layers.batch_norm import BatchNorm
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.depthwise_conv2d import DepthwiseConv2D
from cifarviz.layers.pooling import GlobalAveragePool2D, MaxPool2D
from cifarviz.layers.registry import LAYER_TYPES, layer_label, layer_summary
from cifarviz.runs.archive import pack, unpack
from cifarviz.runs.records import Run
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from tests.components import component_keys
from tests.pages import inside_page, present_page
from tests.pages.app_page import widget
from tests.pages.train_page import SAMPLE, VGG, current_draft, kinds, linked, page_text, press

NETWORK = Architecture(
    input_shape=(32, 32, 3),
    classes=10,
    layers=(
        DepthwiseConv2D(kernel_size=5, depth_multiplier=2, strides=2),
        Conv2D(filters=8, kernel_size=1, activation="linear", use_bias=False),
        BatchNorm(),
        DepthwiseConv2D(padding="valid", initializer="he_normal", use_bias=False),
        MaxPool2D(),
        GlobalAveragePool2D(),
        Dense(units=10, activation="softmax"),
    ),
)
EXPERIMENT = Experiment(
    data=Data(train_images=96),
    validation=SplitValidation(fraction=0.02),
    architecture=NETWORK,
    batch_size=16,
    epochs=1,
    l2=0.001,
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = str(tmp_path_factory.mktemp("depthwise"))
    return Settings.from_environment(
        {"CIFARVIZ_HOME": folder, "KERAS_HOME": folder, "CIFARVIZ_RECORDED": "0"}
    )


@pytest.fixture(scope="module")
def trained_runs(home: Settings) -> dict[str, Run]:
    """The network trained for an epoch, in each precision."""
    worker = Worker(home, "dashboard")
    return {
        precision: worker.wait(
            worker.submit(EXPERIMENT.model_copy(update={"precision": precision}), precision).id
        )
        for precision in ("float32", "bfloat16")
    }


@pytest.fixture
def run(trained_runs: dict[str, Run], home: Settings, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The run in float32, on whose home this test's pages are."""
    monkeypatch.setenv("CIFARVIZ_HOME", str(home.home))
    monkeypatch.setenv("KERAS_HOME", str(home.home))
    return trained_runs["float32"]


def test_shapes_parameters_and_receptive_fields_are_traced() -> None:
    rows = NETWORK.trace().rows
    assert [row.name for row in rows if row.type == "depthwise_conv2d"] == [
        "depthwise_conv2d_1",
        "depthwise_conv2d_2",
    ]
    first, second = rows[0], rows[3]
    assert (first.output_shape, first.parameters) == ((16, 16, 6), 25 * 6 + 6)
    assert first.operations == 16 * 16 * 25 * 6
    assert (second.output_shape, second.parameters) == ((14, 14, 8), 9 * 8)
    assert receptive_field(NETWORK, second.name, 7, 7) == ReceptiveField(13, 13, 21, 21)
    small = DepthwiseConv2D(kernel_size=7, padding="valid")
    assert "smaller kernel" in str(
        Architecture.model_construct(
            input_shape=(5, 5, 3), classes=10, layers=(small, *NETWORK.layers[-2:])
        ).trace().rows[0].problem
    )  # fmt: skip


def test_it_has_a_title_and_a_help_text() -> None:
    fields = NETWORK.layers[0].model_dump(mode="json")
    assert layer_label(fields) == "Depthwise"
    assert layer_summary(fields) == "2 filters 5×5 per channel, stride 2, same padding, ReLU"
    plain = VGG.with_value("data", SAMPLE)
    found = changes(plain, add_layer(plain, "depthwise_conv2d"))
    assert [change.text for change in found] == ["depthwise convolution added as layer 10"]
    assert [change.short for change in found] == ["with depthwise"]


def test_it_is_added_and_edited_in_the_layer_table(store: RunStore) -> None:
    app = linked(VGG.with_value("data", SAMPLE))
    widget(app, "selectbox", "1-new-layer").select("depthwise_conv2d").run()
    assert LAYER_TYPES["depthwise_conv2d"].explanation in page_text(app)
    press(app, "add-layer")
    assert kinds(app).count("depthwise_conv2d") == 1
    # The form of the new layer is open.
    widget(app, "text_input", "layer-1-13-depth_multiplier").set_value("3").run()
    widget(app, "selectbox", "layer-1-13-padding").select("valid").run()
    widget(app, "selectbox", "layer-1-13-initializer").select("he_uniform").run()
    widget(app, "toggle", "layer-1-13-use_bias").set_value(False).run()
    layer = next(one for one in current_draft(app).layers if one.type == "depthwise_conv2d")
    assert layer.fields == {
        "type": "depthwise_conv2d",
        "kernel_size": 3,
        "depth_multiplier": 3,
        "strides": 1,
        "padding": "valid",
        "activation": "relu",
        "initializer": "he_uniform",
        "use_bias": False,
        "dilation": 1,
        "frozen": False,
    }
    assert "3 filters 3×3 per channel, valid padding, ReLU, He uniform, no bias" in page_text(app)
    assert not app.button(key="train").disabled
    widget(app, "text_input", "layer-1-13-depth_multiplier").set_value("0").run()
    assert "The depth multiplier must be a whole number from 1 to 64, not 0." in page_text(app)
    assert not app.exception


def test_it_learns_in_both_precisions(trained_runs: dict[str, Run], home: Settings) -> None:
    store = RunStore(home)
    for precision, run in trained_runs.items():
        assert (run.state, run.message, run.precision) == (RunState.FINISHED, None, precision)
        (epoch,) = store.epochs(run.id)
        assert np.isfinite([epoch.loss, epoch.val_loss or np.nan]).all()


def test_inside_shows_its_channels_and_kernels(run: Run) -> None:
    app = inside_page.opened(run=run.id)
    assert inside_page.grids(app)[0] == "depthwise_conv2d_1"
    facts = [one.value for one in app.caption]
    assert any(fact.startswith("Depthwise convolution · output 16×16×6") for fact in facts)
    # Each of the six filters sees one colour only.
    assert "depthwise_conv2d_1 · 6 filters of 5 × 5" in facts
    assert any(fact.startswith("Each picture is a filter: light in the image") for fact in facts)
    assert "filters" in component_keys(app)
    assert not app.exception
    _has_kernel(inside_page.opened(run=run.id, layer="depthwise_conv2d_1", channel="5"), 5)
    _has_kernel(inside_page.opened(run=run.id, layer="depthwise_conv2d_2", channel="7"), 3)


def _has_kernel(app: AppTest, size: int) -> None:
    assert not app.error
    assert not app.exception
    assert f"Kernel, {size} × {size} for 1 input channel" in inside_page.page_texts(app)
    assert "channel-kernel" in component_keys(app)


def test_its_channels_are_searched_and_weighted_for_a_class(run: Run, home: Settings) -> None:
    from cifarviz.analysis.trained_model import open_checkpoint

    model = open_checkpoint(RunStore(home), run, "last")
    images = library.load("cifar10", "sample", home).test.images[:30]
    found = model.top_activations(images)
    assert {"depthwise_conv2d_1", "depthwise_conv2d_2"} <= found.keys()
    assert model.attention(images[0], "depthwise_conv2d_2", 3).shape == (14, 14)
    assert model.kernel("depthwise_conv2d_1").shape == (5, 5, 1, 6)


def test_present_names_it(run: Run) -> None:
    for scene in ("network", "maps"):
        app = present_page.opened(scene, run=run.id, notes=1)
        assert not app.error
    words = f"{present_page.title(app)}\n{present_page.page_text(app)}\n{present_page.html(app)}"
    assert "Feature maps after the first depthwise convolution" in words


def test_a_packed_run_is_checked_and_imported(run: Run, home: Settings, tmp_path: Path) -> None:
    pack(RunStore(home), run.id, tmp_path / "run.zip")
    elsewhere = RunStore(Settings.from_environment({"CIFARVIZ_HOME": str(tmp_path / "home")}))
    came = unpack(elsewhere, tmp_path / "run.zip", origin="imported")
    assert came.experiment == run.experiment
