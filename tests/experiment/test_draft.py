import pytest

from cifarviz.experiment.address import preset_draft
from cifarviz.experiment.assessment import assess
from cifarviz.experiment.choices import EarlyStopping
from cifarviz.experiment.draft import Draft, make_draft
from cifarviz.experiment.draft_layers import (
    add_layer,
    add_layer_inside,
    fit_branch,
    fitting_branch,
    trace_layers,
)
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.presets import PRESETS
from cifarviz.experiment.saved_epochs import format_epochs, parse_epochs


def _assess(draft: Draft, train_images: int = 50_000, test_images: int = 10_000):
    return assess(draft, train_images=train_images, test_images=test_images)


def _types(draft: Draft) -> list[str]:
    return [layer.type for layer in draft.layers]


@pytest.mark.parametrize("name", PRESETS)
def test_a_presets_draft_makes_the_presets_experiment(name: str) -> None:
    found = _assess(preset_draft(name))
    assert found.experiment == PRESETS[name].experiment
    assert found.reasons == ()


def test_layer_ids_stay_with_their_layers_through_every_change() -> None:
    draft = preset_draft("cifar10-starter", 7)
    fields = {layer.id: layer.fields for layer in draft.layers}
    assert len(fields) == 8
    changed = draft.with_layer_moved("7-3", -2).without_layer("7-1").with_layer_copied("7-5")
    for layer in changed.layers:
        if layer.id in fields:
            assert layer.fields == fields[layer.id]
    new = [layer.id for layer in changed.layers if layer.id not in fields]
    assert new == [changed.newest_layer]
    assert [layer.id for layer in changed.layers][:2] == ["7-3", "7-2"]


def test_layer_ids_are_unique() -> None:
    draft = preset_draft("cifar10-starter", 1)
    once = draft.with_layer_copied("1-1")
    again = once.without_layer(once.newest_layer).with_layer_copied("1-1")
    assert again.newest_layer != once.newest_layer


def test_moving_stops_at_both_ends_and_unknown_ids_change_nothing() -> None:
    draft = preset_draft("cifar10-starter", 1)
    assert draft.with_layer_moved("1-1", -1).layers == draft.layers
    assert draft.with_layer_moved("1-8", 1).layers == draft.layers
    for same in (
        draft.with_layer_moved("gone", 1),
        draft.with_layer_copied("gone"),
        draft.without_layer("gone"),
        draft.with_layer_field("gone", "units", 5),
    ):
        assert same.layers == draft.layers


def test_a_kind_restores_its_typed_values() -> None:
    draft = preset_draft("cifar10-vgg")
    sgd = draft.with_kind("optimizer", "sgd")
    assert sgd.section("optimizer")["momentum"] == 0.9
    assert sgd.with_kind("optimizer", "adam").section("optimizer")["learning_rate"] == 1e-4
    typed = sgd.with_value("optimizer", {**sgd.section("optimizer"), "momentum": "much"})
    back = typed.with_kind("optimizer", "rmsprop").with_kind("optimizer", "sgd")
    assert back.section("optimizer")["momentum"] == "much"


def test_label_smoothing_waits_while_labels_are_integers() -> None:
    one_hot = preset_draft("cifar10-vgg").with_labels("one_hot")
    smooth = one_hot.with_value("loss", {**one_hot.section("loss"), "label_smoothing": 0.1})
    integer = smooth.with_labels("integer")
    assert integer.section("loss") == {"labels": "integer", "label_smoothing": 0.0}
    assert _assess(integer).experiment is not None
    assert integer.with_labels("one_hot").section("loss")["label_smoothing"] == 0.1


def test_typed_values_survive_switching_off() -> None:
    draft = preset_draft("cifar10-vgg")
    assert not draft.is_on("early_stopping")
    assert draft.section("early_stopping") == {"patience": 3, "restore_best_weights": True}
    on = draft.with_switch("early_stopping", True)
    typed = on.with_value("early_stopping", {**on.section("early_stopping"), "patience": "few"})
    assert "whole number from 1 to 1,000" in _assess(typed).problems["early_stopping"]
    off = typed.with_switch("early_stopping", False)
    assert _assess(off).reasons == ()
    assert off.plain() == draft.plain()
    assert off.section("early_stopping")["patience"] == "few"
    again = off.with_switch("early_stopping", True)
    assert again.section("early_stopping")["patience"] == "few"
    assert again.with_switch("early_stopping", True) is again


def test_a_draft_of_every_new_choice_makes_its_experiment() -> None:
    draft = preset_draft("cifar10-vgg").with_switch("early_stopping", True)
    for name, value in {
        "monitor": "accuracy",
        "best_only": True,
        "tensorboard": True,
        "test_epochs": parse_epochs("30; 10 20"),
    }.items():
        draft = draft.with_value(name, value)
    made = _assess(draft).experiment
    assert made is not None
    assert made.test_epochs == (10, 20, 30)
    assert (made.monitor, made.best_only, made.tensorboard) == ("accuracy", True, True)
    assert made.early_stopping == EarlyStopping(patience=3, restore_best_weights=True)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("", []),
        (None, []),
        (" 15 ", [15]),
        ("15, 30,45,", [15, 30, 45]),
        ("30 15 15", [15, 30]),
        ("15-30", "15-30"),
        ("every fifth", "every fifth"),
        ("1.5", "1.5"),
    ],
)
def test_a_list_of_epochs_is_read_as_it_is_typed(typed: str | None, meant: object) -> None:
    assert parse_epochs(typed) == meant
    assert parse_epochs(format_epochs(meant)) == meant


@pytest.mark.parametrize(
    ("layer_type", "before"),
    [
        ("conv2d", "flatten"),
        ("max_pool2d", "flatten"),
        ("dropout", "dense"),
        ("dense", "dense"),
        ("batch_norm", "dense"),
    ],
)
def test_a_new_layer_goes_where_the_network_still_works(layer_type: str, before: str) -> None:
    draft = add_layer(preset_draft("cifar10-vgg", 1), layer_type)
    place = [layer.id for layer in draft.layers].index(draft.newest_layer)
    assert draft.layers[place].type == layer_type
    assert draft.layers[place + 1].type == before
    assert _assess(draft).reasons == ()


def test_a_dense_layer_at_the_end_of_a_network_without_output_becomes_the_output() -> None:
    draft = preset_draft("cifar10-starter", 1).without_layer("1-8").without_layer("1-7")
    assert "no output layer" in _assess(draft).reasons[-1]
    mended = add_layer(draft, "dense")
    assert _types(mended)[-2:] == ["flatten", "dense"]
    assert _assess(mended).experiment is not None


def test_a_layer_that_fits_nowhere_is_added_with_its_problem() -> None:
    draft = add_layer(preset_draft("cifar10-starter", 1), "flatten")
    assert _assess(draft).reasons == ()  # flattening a flat vector is harmless
    draft = add_layer(draft.with_layer_field("1-1", "kernel_size", 32), "conv2d")
    found = _assess(draft)
    assert found.experiment is None
    assert any(row.problem for row in found.trace.rows)


def test_an_invalid_value_is_kept_and_a_problem_of_its_row() -> None:
    draft = preset_draft("cifar10-vgg", 1).with_layer_field("1-4", "filters", "many")
    rows = trace_layers(draft).rows
    assert draft.layers[3].fields["filters"] == "many"
    assert rows[2].output_shape == (16, 16, 32)
    assert rows[3].problem is not None
    assert "many" in rows[3].problem
    assert "whole number from 1 to 4,096" in rows[3].problem
    # From there on nothing is known, and nothing else is called wrong.
    assert all(row.output_shape is None and row.problem is None for row in rows[4:])
    assert [row.name for row in rows[3:5]] == ["conv2d_3", "conv2d_4"]


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("batch_size", 0, "batch size must be a whole number from 1 to 4,096, not 0"),
        ("batch_size", 3.7, "whole number"),
        ("epochs", None, "number of epochs"),
        ("l2", "1e400", "L2 penalty"),
        ("seed", -1, "seed"),
        ("monitor", "loss of sleep", "monitor"),
        ("test_epochs", "soon", "“soon” is not a list of numbers"),
        ("test_epochs", [0], "numbered from 1"),
    ],
)
def test_an_invalid_single_value_has_a_sentence(name: str, value: object, text: str) -> None:
    found = _assess(preset_draft("cifar10-vgg").with_value(name, value))
    assert text in found.problems[name]
    assert list(found.problems) == [name]
    assert found.experiment is None


def test_valid_values_that_do_not_fit_together_are_found() -> None:
    assert "larger than" in _assess(preset_draft("cifar10-vgg"), 20, 10).together[0]


def test_values_beyond_the_last_epoch_are_problems_of_their_section() -> None:
    draft = preset_draft("cifar10-vgg").with_kind("schedule", "cosine")
    late = draft.with_value("schedule", {**draft.section("schedule"), "warmup_epochs": 30})
    patient = preset_draft("fashion-mnist-cnn").with_value("epochs", 2)
    stored = preset_draft("cifar10-vgg").with_value("test_epochs", [31])
    for wrong, place, text in (
        (late, "schedule", "warm-up"),
        (patient, "early_stopping", "can never stop a run of 2 epochs"),
        (stored, "test_epochs", "epoch 31 of a run of 30"),
    ):
        assessment = _assess(wrong)
        assert list(assessment.problems) == [place]
        assert text in assessment.problems[place]
        assert assessment.experiment is None
    # As long as the number of epochs is none, nothing else is called wrong.
    assert list(_assess(patient.with_value("epochs", 0)).problems) == ["epochs"]


def test_the_sizes_follow_the_data() -> None:
    sizes = _assess(preset_draft("cifar10-vgg"), 5000, 1000).sizes
    assert sizes is not None
    assert (sizes.train, sizes.validation, sizes.steps_per_epoch) == (3500, 1500, 110)


def test_a_draft_of_an_experiment_makes_it_again() -> None:
    draft = preset_draft("cifar10-vgg").with_value("epochs", 3)
    experiment = _assess(draft).experiment
    assert experiment is not None
    again = make_draft(experiment, "cifar10-vgg", 4)
    assert again.plain() == draft.plain()
    assert {layer.id.split("-")[0] for layer in again.layers} == {"4"}


def test_the_layers_inside_a_block_are_edited_like_the_others() -> None:
    draft = add_layer(make_draft(PRESETS["cifar10-vgg"].experiment, "cifar10-vgg", 3), "residual")
    block = draft.find_layer(draft.newest_layer)
    assert block is not None
    assert trace_layers(draft).ok
    first, second, *_ = block.branches[0]
    moved = draft.with_layer_moved(first.id, 1).find_layer(block.id)
    assert moved is not None
    assert [layer.id for layer in moved.branches[0]][:2] == [second.id, first.id]
    assert moved.id == block.id
    assert draft.block_of(first.id) == block.id
    assert draft.block_of(block.id) is None
    copied = draft.with_layer_copied(block.id)
    ids = [inner.id for layer in copied.layers for inner in layer.all_layers()]
    assert len(ids) == len(set(ids))
    assert trace_layers(copied).ok
    fewer = draft.without_layer(first.id)
    assert fewer.find_layer(first.id) is None
    assert make_draft(_experiment(draft), "cifar10-vgg").plain() == draft.plain()


def test_an_invalid_layer_inside_a_block_leaves_its_shape_unknown() -> None:
    draft = add_layer(make_draft(PRESETS["cifar10-vgg"].experiment, "cifar10-vgg", 3), "residual")
    block = draft.find_layer(draft.newest_layer)
    assert block is not None
    inner = block.branches[0][0]
    wrong = trace_layers(draft.with_layer_field(inner.id, "filters", "many"))
    row = next(row for row in wrong.rows if row.branches)
    assert row.output_shape is None
    assert row.problem is None
    assert "must be a whole number" in str(row.branches[0][0].problem)
    assert not wrong.ok


def test_a_shortcut_that_does_not_fit_is_mended() -> None:
    draft = add_layer(make_draft(PRESETS["cifar10-vgg"].experiment, "cifar10-vgg", 3), "residual")
    block = draft.find_layer(draft.newest_layer)
    assert block is not None
    last = [layer for layer in block.branches[0] if layer.type == "conv2d"][-1]
    assert fitting_branch(draft, block.id) is None
    other = draft.with_layer_field(last.id, "filters", 24)
    (problem,) = (row.problem for row in trace_layers(other).rows if row.problem)
    assert "only equal shapes can be added" in problem
    mended = fit_branch(other, block.id)
    assert next(row for row in trace_layers(mended).rows if row.branches).problem is None
    assert fit_branch(draft, block.id) == draft


def test_branches_are_added_and_removed() -> None:
    preset = make_draft(PRESETS["cifar10-vgg"].experiment, "cifar10-vgg", 3)
    draft = add_layer(preset, "concatenation")
    block = draft.newest_layer
    more = draft.with_branch_added(block)
    more = add_layer_inside(more, block, 2, "conv2d")
    found = more.find_layer(block)
    assert found is not None
    assert [len(branch) for branch in found.branches] == [1, 1, 1]
    assert trace_layers(more).ok
    fewer = more.without_branch(block, 0).find_layer(block)
    assert fewer is not None
    assert fewer.branches == found.branches[1:]


def _experiment(draft: Draft) -> Experiment:
    found = _assess(draft).experiment
    assert found is not None
    return found
