"""Inside: pinned images, and epochs with saved feature maps only."""

import numpy as np
import pytest

from cifarviz.analysis.trained_model import open_checkpoint
from cifarviz.data import library
from cifarviz.datasets.cifar10 import CIFAR10
from cifarviz.runs.artifacts import FolderArtifacts
from cifarviz.runs.pins import MAX_PINNED, pinned_images
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import snapshot_path
from cifarviz.runs.store import RunStore
from cifarviz.runs.stored_maps import save_maps
from cifarviz.settings import Settings
from tests import stored_runs
from tests.components import component_keys
from tests.pages import inside_page
from tests.stored_runs import Arrays


@pytest.fixture
def thinned(store: RunStore, settings: Settings, weights: Arrays) -> Run:
    """A run that has its last weights, and of epoch 1 the maps of test image 231 alone."""
    from cifarviz.network.stateless import LayerOutput

    run = stored_runs.store_run(store, stored_runs.experiment(), checkpoints={"last": weights})
    test = library.load("cifar10", "sample", settings).test.having([231])
    outputs = open_checkpoint(store, run, "last").observe(test.images[0])
    batches = [LayerOutput(one.name, one.type, one.values[np.newaxis]) for one in outputs]
    save_maps(FolderArtifacts(store.folder(run.id)), 1, test.indices, batches)
    return run


def test_a_pinned_image_is_shown_from_saved_maps_without_weights(thinned: Run) -> None:
    app = inside_page.opened(run=thinned.id, checkpoint="epochs", epoch="1", image="231")
    assert not app.exception
    assert not inside_page.errors(app)
    assert inside_page.grids(app) == inside_page.MAPS
    said = inside_page.page_texts(app)
    assert any("The weights of epoch 1 were not saved" in text for text in said)
    # The same answer as the weights give, since they are those of the maps.
    exact = inside_page.page_texts(inside_page.opened(run=thinned.id, image="231"))
    verdicts = [
        next(text for text in texts if text.startswith("The network predicts"))
        for texts in (said, exact)
    ]
    assert verdicts[0] == verdicts[1]
    headings = [one.value for one in app.header]
    assert "Where the network looks" not in headings
    assert "Filters of the first layer" not in headings


def test_epochs_without_weights_are_unknown_for_other_images(thinned: Run) -> None:
    app = inside_page.opened(run=thinned.id, checkpoint="epochs", epoch="1", image="1")
    assert not app.exception
    assert any("no weights called “epochs”" in text for text in inside_page.page_texts(app))


def test_damaged_maps_are_reported(thinned: Run, store: RunStore) -> None:
    path = snapshot_path(store.folder(thinned.id), "maps", 1)
    path.write_bytes(path.read_bytes()[:500])
    app = inside_page.opened(run=thinned.id, checkpoint="epochs", epoch="1", image="231")
    assert not app.exception
    assert inside_page.grids(app) == inside_page.MAPS


def test_an_image_can_be_pinned_and_unpinned(thinned: Run, store: RunStore) -> None:
    before = pinned_images(store, CIFAR10)
    app = inside_page.opened(run=thinned.id, image="5")
    assert "pinned" in component_keys(app)
    app.button(key="inside-pin").click().run()
    assert any(
        f"You can pin at most {MAX_PINNED} images" in error for error in inside_page.errors(app)
    )

    app = inside_page.opened(run=thinned.id, image=str(before[0]))
    assert app.button(key="inside-pin").label == "Unpin"
    app.button(key="inside-pin").click().run()
    assert app.button(key="inside-pin").label == "Pin"
    assert pinned_images(store, CIFAR10) == before[1:]

    app = inside_page.opened(run=thinned.id, image="5")
    app.button(key="inside-pin").click().run()
    assert not inside_page.errors(app)
    assert pinned_images(store, CIFAR10) == (*before[1:], 5)
    assert "inside-pin" not in [
        one.key for one in inside_page.opened(run=thinned.id, split="train").button
    ]


def test_pinned_images_with_saved_maps_are_underlined(thinned: Run) -> None:
    said = inside_page.page_texts(inside_page.opened(run=thinned.id))
    assert any("Underlined: maps saved at more epochs" in text for text in said)


def test_nothing_is_underlined_if_all_or_no_images_have_maps(run: Run) -> None:
    said = inside_page.page_texts(inside_page.opened(run=run.id))
    assert not any("Underlined" in text for text in said)
