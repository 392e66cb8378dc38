"""Homes with runs that have not learned anything, for the pages to look at; no training."""

import gc
from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import pytest
import streamlit as st

from cifarviz.analysis.ensemble import Ensemble, combine
from cifarviz.analysis.evaluation import Evaluation, evaluate
from cifarviz.data import library
from cifarviz.datasets.cifar10 import CIFAR10
from cifarviz.runs.artifacts import FolderArtifacts
from cifarviz.runs.log_probabilities import Predictions
from cifarviz.runs.recorded import unpack_recorded_once
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import save_predictions, save_weights
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from cifarviz.ui import streamlit_patches, weights_job
from tests import stored_runs
from tests.pages.linked_home import fill

Arrays = dict[str, np.ndarray]


@pytest.fixture
def at_this_computer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pages be opened by a browser on the computer of the server; AppTest has no address."""
    headers = {"Host": "localhost:8501", "Origin": "http://localhost:8501"}
    monkeypatch.setattr(type(st.context), "headers", headers)
    monkeypatch.setattr(type(st.context), "ip_address", None)


@pytest.fixture(scope="module", autouse=True)
def _frozen_garbage() -> None:
    """Take what is loaded so far out of collections, as the dashboard itself does.

    Streamlit collects all garbage after each script run, which TensorFlow makes slow. What a
    session's fixtures load is loaded before this, where a module's first test asks for them.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _kept_keras_session() -> None:
    """Keep the session of Keras, as ``app.py`` does, also where a page is drawn without it.

    Otherwise a thread that makes a network's graph loses the weights that the graph is to take.
    """
    streamlit_patches.keep_keras_session()


@pytest.fixture(autouse=True)
def _without_warm_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """No page loads TensorFlow in the background."""
    monkeypatch.setenv("CIFARVIZ_WARM_UP", "0")


@pytest.fixture(autouse=True)
def _with_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages wait for pushed pictures: no browser runs them again."""
    monkeypatch.setattr(weights_job, "PATIENCE", 60)


@pytest.fixture
def store(settings: Settings) -> RunStore:
    """An empty home of this test's own."""
    return RunStore(settings)


@pytest.fixture(scope="session")
def weights() -> Arrays:
    """Weights of the network that stored runs have."""
    return stored_runs.weights(stored_runs.experiment())


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, weights: Arrays) -> tuple[Settings, Run]:
    """A home with one run, for the tests that change nothing in it."""
    settings = _home(tmp_path_factory, "one-run")
    run = stored_runs.store_run(
        RunStore(settings), stored_runs.experiment(), checkpoints={"last": weights, "best": weights}
    )
    return settings, run


@pytest.fixture
def run(shared: tuple[Settings, Run], monkeypatch: pytest.MonkeyPatch) -> Run:
    """The shared run, on whose home this test's pages are."""
    _live_in(shared[0], monkeypatch)
    return shared[1]


@pytest.fixture
def trained(store: RunStore, weights: Arrays) -> Run:
    """A run of three epochs on the sample: weights, answers and batches, but no feature maps."""
    run = stored_runs.store_run(
        store, stored_runs.experiment(), checkpoints={"last": weights, "best": weights}
    )
    folder = store.folder(run.id)
    for epoch in (0, 1):
        save_weights(
            FolderArtifacts(folder), epoch, {name: one / 2 for name, one in weights.items()}
        )
    images = library.load("cifar10", "sample", store.settings).train.take(np.arange(50))
    said = np.where(np.arange(50) < 47, images.labels, (images.labels + 1) % 10)
    shares = np.full((50, 10), 0.03, np.float32)
    shares[np.arange(50), said] = 0.73
    for epoch in (1, 3):
        save_predictions(
            FolderArtifacts(folder),
            epoch,
            "train",
            images.indices,
            Predictions.from_probabilities(shares),
        )
    return run


@pytest.fixture(scope="session")
def evaluation(shared: tuple[Settings, Run]) -> Evaluation:
    """How the shared run's network does on the test images."""
    from cifarviz.analysis.trained_model import open_checkpoint

    settings, run = shared
    test = library.load("cifar10", "sample", settings).test
    model = open_checkpoint(RunStore(settings), run, "last")
    return evaluate(test.labels, model.predictions(test.images), test.indices, CIFAR10.classes)


@pytest.fixture(scope="session")
def predict(shared: tuple[Settings, Run]) -> Callable[[np.ndarray], tuple[str, float]]:
    """Asks the shared run's network: the class found for an image, and its probability."""
    from cifarviz.analysis.trained_model import open_checkpoint

    model = open_checkpoint(RunStore(shared[0]), shared[1], "last")

    def ask(pixels: np.ndarray) -> tuple[str, float]:
        given = model.probabilities(pixels[None])[0]
        return CIFAR10.classes[given.argmax()], float(given.max())

    return ask


@pytest.fixture(scope="session")
def three_weights(weights: Arrays) -> list[Arrays]:
    """Weights of three networks that differ."""
    random = np.random.default_rng(0)
    return [
        {
            name: values + random.normal(0, 0.1 * turn, values.shape).astype(values.dtype)
            if values.dtype == np.float32
            else values
            for name, values in weights.items()
        }
        for turn in range(3)
    ]


@pytest.fixture(scope="session")
def shared_members(
    tmp_path_factory: pytest.TempPathFactory, three_weights: list[Arrays]
) -> tuple[Settings, list[Run]]:
    """A home with three members of an ensemble, for the tests that change nothing in it."""
    settings = _home(tmp_path_factory, "members")
    runs = [
        stored_runs.store_run(
            RunStore(settings),
            stored_runs.experiment(seed=turn + 1),
            name=f"net, seed {turn + 1} (member {turn + 1} of 3)",
            checkpoints={"last": one, "best": three_weights[0]},
        )
        for turn, one in enumerate(three_weights)
    ]
    return settings, runs


@pytest.fixture
def members(
    shared_members: tuple[Settings, list[Run]], monkeypatch: pytest.MonkeyPatch
) -> list[Run]:
    """The shared members, on whose home this test's pages are."""
    _live_in(shared_members[0], monkeypatch)
    return shared_members[1]


@pytest.fixture(scope="session")
def ensemble(shared_members: tuple[Settings, list[Run]]) -> Ensemble:
    """How the shared members do together on the test images."""
    from cifarviz.analysis.trained_model import open_checkpoint

    settings, runs = shared_members
    test = library.load("cifar10", "sample", settings).test
    store = RunStore(settings)
    predictions = [open_checkpoint(store, run, "last").predictions(test.images) for run in runs]
    return combine(predictions, test.labels, test.indices)


@pytest.fixture(scope="session")
def shared_links(
    tmp_path_factory: pytest.TempPathFactory, weights: Arrays
) -> tuple[Settings, Mapping[str, str]]:
    """A home that every kind of link leads into, and the ids of what is in it by their names."""
    settings = _home(tmp_path_factory, "links")
    return settings, MappingProxyType(fill(RunStore(settings), weights))


@pytest.fixture
def linked(
    shared_links: tuple[Settings, Mapping[str, str]], monkeypatch: pytest.MonkeyPatch
) -> Mapping[str, str]:
    """Those ids; this test's pages are on their home."""
    _live_in(shared_links[0], monkeypatch)
    return shared_links[1]


@pytest.fixture(scope="module")
def recorded_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home as a new user has it; no test changes anything in it."""
    home = str(tmp_path_factory.mktemp("recorded"))
    settings = Settings.from_environment({"CIFARVIZ_HOME": home, "CIFARVIZ_WARM_UP": "0"})
    unpack_recorded_once(RunStore(settings))
    return settings


@pytest.fixture
def recorded_store(recorded_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> RunStore:
    """The store of that home, which this test's pages are on."""
    monkeypatch.setenv("CIFARVIZ_HOME", str(recorded_settings.home))
    monkeypatch.setenv("CIFARVIZ_RECORDED", "1")
    return RunStore(recorded_settings)


def _home(folders: pytest.TempPathFactory, name: str) -> Settings:
    home = str(folders.mktemp(name))
    return Settings.from_environment(
        {
            "CIFARVIZ_HOME": home,
            "KERAS_HOME": home,
            "CIFARVIZ_WARM_UP": "0",
            "CIFARVIZ_RECORDED": "0",
        }
    )


def _live_in(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIFARVIZ_HOME", str(settings.home))
    monkeypatch.setenv("KERAS_HOME", str(settings.home))
