"""Two real runs of two epochs whose exports are run and opened without cifarviz."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cifarviz.data import library
from cifarviz.experiment.architecture import Architecture
from cifarviz.experiment.choices import Augmentation, Data, Loss, SplitValidation, TestValidation
from cifarviz.experiment.experiment import EarlyStopping, Experiment
from cifarviz.experiment.optimizers import AdamW, Muon
from cifarviz.experiment.preprocessing import Standardize
from cifarviz.experiment.schedules import Cosine, OneCycle
from cifarviz.export.files import ExportKind, code_files
from cifarviz.layers.activation import Activation
from cifarviz.layers.batch_norm import BatchNorm
from cifarviz.layers.conv2d import Conv2D
from cifarviz.layers.dense import Dense
from cifarviz.layers.dropout import Dropout
from cifarviz.layers.flatten import Flatten
from cifarviz.layers.pooling import AveragePool2D, GlobalAveragePool2D, MaxPool2D
from cifarviz.layers.whitening import Whitening
from cifarviz.runs.records import Run
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings

OUTPUT = Dense(units=10, activation="softmax")

# Together they use every layer with random numbers or state, and those that Keras lacks.
DROPOUT = Experiment(
    data=Data(train_images=90, wrong_labels=0.2, class_balance="class_weights"),
    validation=SplitValidation(fraction=0.02, seed=1),
    augmentation=Augmentation(flip=True, shift=2),
    architecture=Architecture(
        input_shape=(32, 32, 3),
        classes=10,
        layers=(
            MaxPool2D(),
            Conv2D(filters=4, initializer="he_normal", frozen=True),
            BatchNorm(momentum=0.8),
            Activation(),
            Dropout(rate=0.2),
            MaxPool2D(pool_size=4, strides=4),
            Flatten(),
            Dropout(rate=0.3),
            OUTPUT,
        ),
    ),
    optimizer=AdamW(learning_rate=0.003),
    schedule=Cosine(warmup_epochs=1, final_fraction=0.1),
    batch_size=16,
    epochs=2,
    loss=Loss(labels="one_hot", label_smoothing=0.1),
    l2=1e-3,
    seed=5,
    precision="float32",
    early_stopping=EarlyStopping(patience=1, restore_best_weights=False),
)
WHITENING = Experiment(
    data=Data(train_images=81, wrong_labels=0.3, wrong_labels_seed=4, class_balance="resampling"),
    validation=TestValidation(),
    preprocessing=Standardize(),
    augmentation=Augmentation(
        alternating_flip=True,
        shift=1,
        rotation=15,
        zoom=0.1,
        brightness=0.2,
        contrast=0.3,
        saturation=0.5,
        hue=20,
        cutout=8,
        mixup=0.4,
        cutmix=1,
    ),
    architecture=Architecture(
        input_shape=(32, 32, 3),
        classes=10,
        layers=(
            Whitening(filters=8, strides=2),
            Conv2D(filters=12, activation="linear", use_bias=False, initializer="identity"),
            MaxPool2D(),
            BatchNorm(momentum=0.9, frozen=True),
            Activation(activation="gelu"),
            AveragePool2D(),
            GlobalAveragePool2D(),
            OUTPUT,
        ),
    ),
    optimizer=Muon(learning_rate=0.003, momentum=0.8, weight_decay=0.05),
    schedule=OneCycle(),
    batch_size=20,
    epochs=2,
    seed=9,
    precision="float32",
    monitor="accuracy",
    mirrored_answers=True,
    prediction_shift=1,
    test_epochs=(2,),
)

# Runs the exported code in a process without cifarviz, then opens the exported model.
_RUNNER = """
import json, os, runpy, sys
import keras, numpy as np

for folder in sys.argv[1:]:
    os.chdir(folder)
    if os.path.exists("train.py"):
        program = runpy.run_path("train.py", run_name="__main__")
    else:
        program = {}
        for cell in json.load(open("train.ipynb", encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "code":
                exec("".join(cell["source"]), program)
    model = keras.models.load_model("run.keras")
    predictions = model.predict(np.load("images.npy"), verbose=0)
    program["network"].load_weights("run.weights.h5")
    facts = {
        "parameters": program["network"].count_params(),
        "imports_cifarviz": "cifarviz" in sys.modules,
        "dtype": str(predictions.dtype),
    }
    np.savez(
        "predictions.npz",
        model=predictions,
        network=program["model"].predict(np.load("images.npy"), verbose=0),
    )
    json.dump(facts, open("facts.json", "w"))
"""


@dataclass(frozen=True)
class ExportedRun:
    """A run, its store, and the folder in which its exported code was run."""

    run: Run
    store: RunStore
    folder: Path

    @property
    def facts(self) -> dict[str, Any]:
        return json.loads((self.folder / "facts.json").read_text())


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ExportedRun]:
    """Both runs by the kind of their exported code, ``script`` and ``notebook``."""
    from cifarviz.analysis.trained_model import network_file
    from cifarviz.executors.worker import Worker

    home = tmp_path_factory.mktemp("export-home")
    settings = Settings.from_environment({"CIFARVIZ_HOME": str(home), "KERAS_HOME": str(home)})
    worker = Worker(settings, "command line")
    images = library.load("cifar10", "sample", settings).test.images[:40]
    runs: dict[str, ExportedRun] = {}
    for name, experiment, kind, file in (
        ("script", DROPOUT, ExportKind.SCRIPT, "train.py"),
        ("notebook", WHITENING, ExportKind.NOTEBOOK, "train.ipynb"),
    ):
        run = worker.wait(worker.submit(experiment, f"{name} <script>alert(1)</script>").id)
        folder = tmp_path_factory.mktemp(name)
        for file_name, content in code_files(run, kind, file).items():
            (folder / file_name).write_bytes(content)
        (folder / "run.keras").write_bytes(network_file(worker.store, run, "last"))
        weights = network_file(worker.store, run, "last", weights_only=True)
        (folder / "run.weights.h5").write_bytes(weights)
        np.save(folder / "images.npy", images)
        runs[name] = ExportedRun(run, worker.store, folder)
    runner = tmp_path_factory.mktemp("runner") / "runner.py"
    runner.write_text(_RUNNER)
    result = subprocess.run(
        [sys.executable, runner, *(run.folder for run in runs.values())],
        cwd=runner.parent,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    return runs
