import pytest

from cifarviz.experiment.address import preset_draft
from cifarviz.experiment.changes import changes
from cifarviz.experiment.draft import SECTIONS, Draft
from cifarviz.experiment.draft_layers import add_layer
from cifarviz.layers.registry import LAYER_TYPES, layer_label

VGG = preset_draft("cifar10-vgg", 1)
DATA = VGG.section("data")


def _texts(draft: Draft) -> list[str]:
    return [change.text for change in changes(VGG, draft)]


def test_equal_drafts_have_no_changes() -> None:
    assert _texts(VGG) == []
    assert _texts(preset_draft("cifar10-vgg", 9)) == []


def test_a_change_has_the_old_and_new_value() -> None:
    draft = VGG.with_value("batch_size", 128).with_value("epochs", None)
    draft = draft.with_value("data", {"dataset": "cifar10", "variant": "sample", "train_images": 9})
    assert _texts(draft) == [
        "embedded sample instead of full set",
        "training images all → 9",
        "batch size 32 → 128",
        "number of epochs 30 → nothing",
    ]
    shorts = [change.short for change in changes(VGG, draft)]
    assert shorts[:3] == ["sample", "9 images", "batch 128"]


def test_data_sets_are_named_by_their_titles() -> None:
    other = VGG.with_value("data", {**DATA, "dataset": "fashion-mnist"})
    assert _texts(other) == ["data set CIFAR-10 → Fashion-MNIST"]


def test_another_kind_is_listed_with_its_fields() -> None:
    assert _texts(VGG.with_kind("optimizer", "sgd")) == [
        "optimiser Adam → SGD with momentum "
        "(learning rate 0.01, momentum 0.9, Nesterov momentum off)"
    ]
    assert _texts(VGG.with_kind("validation", "none")) == [
        "validation split of the training images → none"
    ]


def test_a_switch_is_listed_with_its_fields() -> None:
    on = VGG.with_switch("early_stopping", True)
    assert _texts(on) == ["early stopping off → on (patience 3, restore the best weights on)"]
    assert [change.short for change in changes(VGG, on)] == ["early stopping on"]
    assert [change.text for change in changes(on, VGG)] == ["early stopping on → off"]
    other = on.with_value("early_stopping", {**on.section("early_stopping"), "patience": 5})
    assert [change.text for change in changes(on, other)] == ["patience 3 → 5"]


def test_changes_of_callbacks() -> None:
    draft = VGG.with_value("monitor", "accuracy").with_value("test_epochs", [15, 30])
    assert _texts(draft.with_value("tensorboard", True)) == [
        "monitor loss → accuracy",
        "TensorBoard files off → on",
        "save test predictions at epochs none → 15, 30",
    ]


def test_layers_are_matched_before_they_are_compared() -> None:
    draft = VGG.with_layer_field("1-4", "kernel_size", 5).without_layer("1-7")
    assert _texts(draft) == [
        "layer 4 (convolution): kernel size 3 → 5",
        "layer 7 (convolution) removed",
    ]
    assert _texts(add_layer(VGG, "dropout")) == ["dropout 0.5 added as layer 12"]


def test_many_changed_layers_are_listed_by_name() -> None:
    draft = VGG
    for layer in VGG.layers[:5]:
        draft = draft.without_layer(layer.id)
    names = "1 (convolution), 2 (convolution), 3 (max pooling), 4 (convolution), 5 (convolution)"
    assert _texts(draft) == [f"layers removed: {names}"]
    assert changes(VGG, draft)[0].short == "5 layers removed"


@pytest.mark.parametrize(
    ("draft", "short"),
    [
        (VGG.with_value("epochs", 1), "1 epoch"),
        (VGG.with_value("precision", "bfloat16"), "bfloat16"),
        (VGG.with_value("data", {**DATA, "dataset": "fashion-mnist"}), "Fashion-MNIST"),
        (VGG.with_value("augmentation", {"flip": True, "shift": 0}), "flip"),
        (VGG.with_labels("one_hot"), "one-hot labels"),
        (VGG.with_kind("validation", "none"), "no validation"),
        (VGG.with_value("monitor", "accuracy"), "best by accuracy"),
        (VGG.with_value("best_only", True), "best checkpoint only"),
        (VGG.with_value("test_epochs", [15, 30]), "predictions at 15, 30"),
        (VGG.with_kind("schedule", "one_cycle"), "one cycle"),
        (VGG.with_layer_field("1-1", "filters", 48), "48 filters in layer 1"),
        (VGG.with_layer_field("1-1", "padding", "valid"), "valid padding in layer 1"),
        (add_layer(VGG, "dropout"), "dropout 0.5"),
        (add_layer(VGG, "conv2d"), "with conv 32"),
        (add_layer(VGG, "activation"), "with ReLU"),
        (VGG.without_layer("1-3"), "without max pool"),
    ],
)
def test_a_change_is_short_enough_for_a_name(draft: Draft, short: str) -> None:
    assert [change.short for change in changes(VGG, draft)] == [short]


def test_every_kind_has_a_short_name() -> None:
    for section, kinds in SECTIONS.items():
        for kind in filter(None, kinds):
            draft = VGG.with_kind(section, kind)
            assert all("_" not in change.short for change in changes(VGG, draft))


@pytest.mark.parametrize("layer_type", LAYER_TYPES)
def test_every_layer_has_a_label_that_fits_a_drawing(layer_type: str) -> None:
    label = layer_label(LAYER_TYPES[layer_type]().model_dump(mode="json"))
    assert 3 < len(label) <= 12


def test_wrong_labels_are_formatted_in_per_cent() -> None:
    some = VGG.with_value("data", {**DATA, "wrong_labels": 0.15, "wrong_labels_seed": 3})
    assert _texts(some) == ["wrong labels none → 15%", "seed of wrong labels 0 → 3"]
    assert next(change.short for change in changes(VGG, some)) == "15% wrong labels"
    [back, _seed] = changes(some, VGG)
    assert (back.text, back.short) == ("wrong labels 15% → none", "no wrong labels")
    odd = VGG.with_value("data", {**DATA, "wrong_labels": "many"})
    assert _texts(odd) == ["wrong labels none → “many”"]
