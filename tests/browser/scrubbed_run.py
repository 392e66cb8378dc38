"""Helpers for browser tests that move through the epochs of a run."""

import numpy as np
from playwright.sync_api import Page, expect

from cifarviz.data import library
from cifarviz.runs.artifacts import FolderArtifacts
from cifarviz.runs.log_probabilities import Predictions
from cifarviz.runs.snapshots import save_predictions
from cifarviz.runs.store import RunStore


def add_predictions(store: RunStore, run: str, epoch: int) -> None:
    """After each epoch 20 more of 200 images are right."""
    images = library.load("cifar10", "sample", store.settings).train.take(np.arange(200))
    said = np.where(np.arange(200) < 20 * epoch, images.labels, (images.labels + 1) % 10)
    shares = np.full((200, 10), 0.03, np.float32)
    shares[np.arange(200), said] = 0.73
    save_predictions(
        FolderArtifacts(store.folder(run)),
        epoch,
        "train",
        images.indices,
        Predictions.from_probabilities(shares),
    )


def expect_epoch(page: Page, epoch: int) -> None:
    expect(page.locator(".track")).to_have_attribute("data-shown", str(epoch), timeout=20_000)


def accuracy(page: Page, words: str) -> None:
    value = page.get_by_test_id("stMetricValue").get_by_text(words, exact=True)
    expect(value).to_be_visible()
