"""A stored run's network as files that Keras opens by itself."""

from cifarviz.errors import ArtifactMissing
from cifarviz.network.keras_file import keras_file, weights_file
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import Weights, load_weights, snapshot_epochs
from cifarviz.runs.store import RunStore


def network_file(store: RunStore, run: Run, which: Weights, *, weights_only: bool = False) -> bytes:
    """A ``.keras`` file, or a ``.weights.h5`` one, of a checkpoint or a snapshot.

    The model takes raw pixels and gives probabilities; it gives mirrored answers if the run does.
    Raises ``ArtifactMissing`` and ``ArtifactDamaged``.
    """
    if run.scaling is None:
        raise ArtifactMissing(
            "“{run_name}” has not begun to train, so it has no weights yet.", run_name=run.name
        )
    folder = store.folder(run.id)
    if isinstance(which, int) and which not in (there := snapshot_epochs(folder, "weights")):
        listed = ", ".join(map(str, there))
        raise ArtifactMissing(
            "“{run_name}” ({run_id}) has kept no weights of epoch {epoch}; those kept are of "
            "epochs {kept}."
            if there
            else "“{run_name}” ({run_id}) has kept no weights of epoch {epoch}; it has kept none "
            "of any epoch.",
            run_name=run.name,
            run_id=run.id,
            epoch=which,
            kept=listed,
        )
    arrays, _facts = load_weights(folder, which)
    network = run.experiment.architecture
    if weights_only:
        return weights_file(network, run.scaling, arrays)
    mirrored = run.experiment.mirrored_answers
    return keras_file(network, run.scaling, arrays, mirrored_answers=mirrored)
