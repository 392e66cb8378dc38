from cifarviz.experiment.address import preset_draft
from cifarviz.experiment.changes import ExperimentChange, changes
from cifarviz.experiment.choices import Augmentation
from cifarviz.experiment.forking import ForkChanges, fork_experiment
from cifarviz.experiment.presets import PRESETS
from cifarviz.experiment.run_names import fork_name, run_name, unique_name

VGG = PRESETS["cifar10-vgg"].experiment

TITLE = "Overfitting and feature maps"


def made(*shorts: str) -> list[ExperimentChange]:
    return [ExperimentChange(f"in full: {short}", short) for short in shorts]


def test_a_run_is_named_after_its_changes() -> None:
    assert run_name(TITLE, []) == TITLE
    assert run_name("A first network: three convolutions", []) == "A first network"
    changed = made("batch 64", "dropout 0.3")
    assert run_name(TITLE, changed) == f"batch 64 · dropout 0.3 · {TITLE}"


def test_a_name_begins_with_the_changes_and_ends_with_the_data() -> None:
    base = preset_draft("cifar10-starter")
    draft = base.with_value("data", {**base.section("data"), "variant": "sample"})
    title = "A first network"
    assert run_name(title, changes(base, draft)) == "A first network · sample"
    layer = next(layer for layer in draft.layers if layer.fields["type"] == "conv2d")
    draft = draft.with_layer_field(layer.id, "filters", 16)
    assert run_name(title, changes(base, draft)) == (
        "16 filters in layer 1 · A first network · sample"
    )


def test_changes_that_do_not_fit_are_counted() -> None:
    changed = made("flip", "batch 64", "learning rate 0.001", "5 epochs", "seed 3")
    assert run_name(TITLE, changed) == f"flip · batch 64 · +3 more · {TITLE}"
    assert run_name(TITLE, made("x" * 90)) == f"changed · {TITLE}"
    assert all(len(run_name(TITLE, made(*["seed 3"] * n))) <= 64 for n in range(40))


def test_a_fork_is_named_after_its_parent_and_changes() -> None:
    def named(parent: str, **changed: object) -> str:
        wanted = ForkChanges(**{"epochs": 5, **changed})  # type: ignore[arg-type]
        return fork_name(parent, VGG, fork_experiment(VGG, 9, wanted), 9)

    # The parent's name as it is written: so Find finds the forks with their parent.
    assert named("Duel: no aug") == "Duel: no aug from epoch 9"
    assert named("Duel: no aug", learning_rate=1e-5, dropout=0.3) == (
        "learning rate 1e-05 · dropout 0.3 · Duel: no aug from epoch 9"
    )
    # Room for what was changed is made in the parent's name.
    augmentation = Augmentation(flip=True, shift=2)
    everything = {"learning_rate": 1e-5, "dropout": 0.3, "augmentation": augmentation}
    long = named("Overfitting and feature maps, tried again", **everything, train_images=700)
    assert long == (
        "700 images · flip · shift 2 · learning rate 1e-05 · dropout 0.3 · "
        "Overfitting an… from epoch 9"
    )
    assert len(long) <= 94


def test_the_same_new_rate_of_several_layers_is_named_once() -> None:
    dropout = PRESETS["cifar10-dropout"].experiment
    changed = fork_experiment(dropout, 2, ForkChanges(epochs=5, dropout=0.6, learning_rate=1e-4))
    assert fork_name("net", dropout, changed, 2) == (
        "learning rate 0.0001 · dropout 0.6 · net from epoch 2"
    )


def test_a_name_that_is_taken_gets_a_number() -> None:
    assert unique_name("mine", ()) == "mine"
    assert unique_name("mine", {"mine", "mine (2)"}) == "mine (3)"
