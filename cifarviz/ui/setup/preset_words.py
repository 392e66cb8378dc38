"""What the authors of a preset reported, in a sentence."""

from collections.abc import Mapping
from typing import Any

from cifarviz.experiment.presets import Preset


def published_words(preset: Preset) -> str:
    """Year, size, batches and results; or that there are no results to compare with."""
    published = preset.published
    if published is None:
        return "A recipe of cifarviz’ own."
    head = "Published" if published["year"] is None else f"Published in {published['year']}"
    if not published["history"]:
        return f"{head}, without figures that a run could be compared with."
    words = [
        f"{published['parameters']:,} parameters",
        f"batches of {preset.experiment.batch_size}",
        *_results(published),
    ]
    if published["seconds_an_epoch"]:
        low, high = published["seconds_an_epoch"]
        words.append(f"{low} to {high} s an epoch on the authors' machine")
    return f"{head}: {', '.join(words)}."


def _results(published: Mapping[str, Any]) -> list[str]:
    history, images = published["history"], published["measured_on"]
    best, last = min(history, key=lambda row: row.val_loss), history[-1]
    if best is last:
        words = [
            f"a loss of {last.val_loss:.3f} and {last.val_accuracy:.1%} accuracy on the {images} "
            f"images after epoch {last.epoch}"
        ]
    else:
        words = [
            f"lowest {images} loss {best.val_loss:.3f} after epoch {best.epoch} of {last.epoch}"
        ]
    together = published.get("ensemble_accuracy")
    return words if together is None else [*words, f"{together:.1%} for the ensemble"]
