"""A stored run's network, ready to be asked."""

from cifarviz.analysis.trained_model import TrainedModel
from cifarviz.errors import ArtifactMissing
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import Weights, load_weights
from cifarviz.runs.store import RunStore


def open_checkpoint(store: RunStore, run: Run, which: Weights) -> TrainedModel:
    """Rebuild a run's network with the weights of a checkpoint or a snapshot.

    Raises ``ArtifactMissing`` while there is none and ``ArtifactDamaged`` when it can't be used.
    """
    if run.scaling is None:
        raise ArtifactMissing(
            "“{run_name}” has not begun to train, so it has no weights yet.", run_name=run.name
        )
    arrays, _facts = load_weights(store.folder(run.id), which)
    return TrainedModel(
        run.experiment.architecture,
        run.scaling,
        arrays,
        mirrored_answers=run.experiment.mirrored_answers,
    )
