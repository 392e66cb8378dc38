"""Presets and runs as values for ``--json``."""

from typing import Any

from cifarviz.experiment.architecture import LayerRow
from cifarviz.experiment.presets import Preset
from cifarviz.runs.earlier_losses import losses_text
from cifarviz.runs.records import Epoch, Run


def preset_dict(preset: Preset) -> dict[str, Any]:
    """Return a preset with its layers, story, notes and published figures."""
    architecture, published = preset.experiment.architecture, preset.published
    return {
        "name": preset.name,
        "title": preset.title,
        "dataset": preset.experiment.data.dataset,
        "parameters": architecture.parameters,
        "layers": [_layer_dict(row) for row in architecture.trace().rows],
        "experiment": preset.experiment.model_dump(mode="json"),
        "story": preset.story,
        "notes": list(preset.notes),
        "published": published
        and {**published, "history": [row._asdict() for row in published["history"]]},
        "members": preset.members,
        "variants": [
            {
                "name": variant.name,
                "title": variant.title,
                "text": variant.text,
                "experiment": variant.experiment.model_dump(mode="json"),
            }
            for variant in preset.variants
        ],
    }


def _layer_dict(row: LayerRow) -> dict[str, Any]:
    """Return a layer; a block has those inside it, branch by branch."""
    layer: dict[str, Any] = {
        "name": row.name,
        "type": row.type,
        "output_shape": row.output_shape,
        "parameters": row.parameters,
    }
    if row.branches:
        layer["branches"] = [[_layer_dict(inner) for inner in branch] for branch in row.branches]
    return layer


def result_dict(run: Run, epochs: list[Epoch]) -> dict[str, Any]:
    """Return the result of a training, epoch by epoch."""
    validated = any(epoch.val_loss is not None for epoch in epochs)
    return {
        "run": run.id,
        "state": run.state,
        "epochs": run.epochs_done,
        "history": {
            "loss": [epoch.loss for epoch in epochs],
            "accuracy": [epoch.accuracy for epoch in epochs],
            "val_loss": [epoch.val_loss for epoch in epochs] if validated else None,
            "val_accuracy": [epoch.val_accuracy for epoch in epochs] if validated else None,
        },
        "seconds": run.seconds,
        "images_per_second": run.images_per_second,
        "precision": run.precision,
        "parameters": run.experiment.architecture.parameters,
    }


def run_dict(run: Run) -> dict[str, Any]:
    """Return a run for the list of runs; what a damaged record lacks is ``None``."""
    experiment = run.experiment if run.damage is None else None
    return {
        "run": run.id,
        "name": run.name,
        "state": run.state if experiment else "damaged",
        "preset": experiment and experiment.preset,
        "dataset": experiment and experiment.data.dataset,
        "data": experiment and experiment.data.variant,
        "train_images": run.train_images,
        "seed": experiment and experiment.seed,
        "parameters": experiment and experiment.architecture.parameters,
        "epochs": run.epochs_done,
        "epochs_planned": experiment and experiment.epochs,
        "best_epoch": run.best_epoch,
        # The epoch from which losses are the plain cross-entropy, and the same as text.
        "exact_loss_from": run.exact_loss_from,
        "losses": experiment and losses_text(run),
        "stopped_early": run.stopped_early,
        "val_accuracy": run.best_val_accuracy,
        "val_accuracy_epoch": run.best_val_accuracy_epoch,
        "best_epoch_val_accuracy": run.best_epoch_val_accuracy,
        "origin": run.origin,
        "created": run.created,
        "seconds": run.seconds,
        "images_per_second": run.images_per_second,
        "precision": run.precision,
        "message": run.message,
        "starred": run.starred,
        "remark": run.remark,
        "preferred": run.preferred,
        "parent": run.parent,
        "parent_epoch": run.parent_epoch,
        "transfer": experiment and experiment.transfer and dict(experiment.transfer),
        "damage": run.damage,
        "orphaned": run.orphaned,
    }
