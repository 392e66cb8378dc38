from cifarviz.experiment.presets import PRESETS
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.registry import layer_summary
from cifarviz.layers.whitening import Whitening


def test_a_layer_is_summarised_valid_or_not() -> None:
    conv = PRESETS["cifar10-vgg"].experiment.architecture.layers[0].model_dump(mode="json")
    assert layer_summary(conv) == "32 filters 3×3, same padding, ReLU"
    wrong = {**conv, "filters": "many", "strides": 2, "initializer": "he_normal"}
    assert layer_summary(wrong) == "“many” filters 3×3, stride 2, same padding, ReLU, He normal"
    assert layer_summary({"type": "flatten"}) == ""


def test_a_layer_without_activation_or_bias_is_labelled_so() -> None:
    plain = Conv2D(filters=48, activation="linear", use_bias=False, initializer="identity")
    assert layer_summary(plain.model_dump(mode="json")) == (
        "48 filters 3×3, same padding, no activation, Identity, no bias"
    )
    whitening = Whitening(filters=32, kernel_size=3, strides=2)
    assert layer_summary(whitening.model_dump(mode="json")) == (
        "32 filters 3×3, stride 2, not trained, ReLU"
    )
