"""A run that is stopped and resumed, against one that was not."""

from cifarviz.data.image_set import Dataset
from cifarviz.experiment.experiment import Experiment
from cifarviz.runs.records import Progress
from cifarviz.runs.states import Action
from cifarviz.training import engine
from cifarviz.training.ending import Ending
from tests.training.in_memory import MemoryArtifacts, MemorySink


def check_stopped_run_continues(experiment: Experiment, data: Dataset) -> None:
    """Check that a run stopped in epoch 2 and resumed has the losses of one that was not."""

    def train(sink: MemorySink, artifacts: MemoryArtifacts) -> Ending:
        return engine.train(experiment, data, sink, artifacts, sink.start())

    expected, stopped, artifacts = MemorySink(), MemorySink(), MemoryArtifacts()
    train(expected, MemoryArtifacts())

    def stop(sink: MemorySink, progress: Progress) -> None:
        if progress.epoch == 2 and progress.step > 10:
            sink.request = Action.STOP

    stopped.on_record = stop
    assert train(stopped, artifacts).state == "stopped"
    stopped.on_record = stopped.request = None
    train(stopped, artifacts)
    assert stopped.history() == expected.history()
    assert stopped.losses == expected.losses
