"""Facts and files of an archive must match its experiment."""

import io
import json
import resource
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cifarviz.errors import ArchiveDamaged, CifarvizError
from cifarviz.runs.archive import pack, unpack
from cifarviz.runs.records import Run
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from tests.runs.full_run import ARRAYS, store_full_run

Facts = dict[str, Any]
NOW = time.time()
KERNEL = "model/002/conv2d_1/kernel"


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files in a packed run, by name."""
    home = tmp_path_factory.mktemp("packed")
    store = RunStore(Settings.from_environment({"CIFARVIZ_HOME": str(home)}))
    pack(store, store_full_run(store).id, home / "run.zip")
    with zipfile.ZipFile(home / "run.zip") as file:
        return {name: file.read(name) for name in file.namelist()}


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> io.BytesIO:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return buffer


def refused(store: RunStore, members: dict[str, bytes], words: str) -> None:
    with pytest.raises(CifarvizError, match=words) as caught:
        unpack(store, zipped(members), origin="imported")
    assert len(str(caught.value)) < 500
    assert store.all() == []
    assert list(store.settings.runs.glob("*")) == []


def set_run(**values: object) -> Callable[[Facts], None]:
    return lambda facts: facts["run"].update(values)


def set_epoch(number: int, **values: object) -> Callable[[Facts], None]:
    return lambda facts: facts["epochs"][number].update(values)


def more_epochs(facts: Facts) -> None:
    facts["epochs"] = [facts["epochs"][0] | {"epoch": number} for number in range(1, 31)]


def from_epoch_501(facts: Facts) -> None:
    for number, epoch in enumerate(facts["epochs"], 501):
        epoch["epoch"] = number


def a_fork(facts: Facts) -> None:
    facts["run"] |= {"parent": "0123abcd", "parent_epoch": 2}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (set_run(created=NOW * 1000), "run.created"),
        (set_run(started=NOW * 1000), "run.started"),
        (set_run(ended=1e300), "run.ended"),
        (set_run(created=-5.0), "run.created"),
        (set_run(created=float("nan")), "run.created"),
        (set_run(started=NOW - 40_000), "run.started.* before “run.created”"),
        (set_run(ended=NOW - 40_000), "run.ended.* before “run.started”"),
        (set_run(created=4e9, started=4e9, ended=4e9), "future"),
        (set_run(seconds=1e7), "run.seconds.* longer than the time"),
        (set_run(started=None), "run.started"),
        (set_run(name="   "), "run.name"),
        (set_run(name="a\x07b"), "run.name"),
        (set_run(name="\u200b\u200b"), "run.name"),
        (set_run(name="x" * 101), "run.name"),
        (set_run(remark="x" * 501), "run.remark"),
        (set_run(remark="\u202egnp.exe"), "run.remark"),
        (set_run(name="\ud800"), "run.json"),
        (set_run(machine="\x1b[31m"), "run.machine"),
        (lambda facts: set_run(parent=facts["run"]["id"], parent_epoch=1)(facts), "run itself"),
        (set_run(parent="0123abcd"), "only one of “run.parent” and"),
        (a_fork, "consecutive from 3"),
        (set_run(stopped_early=2), "run.stopped_early"),
        (set_run(train_images=10**8), "run.train_images"),
        (set_run(steps_per_epoch=10**6), "run.steps_per_epoch"),
        (set_run(step=10**6), "run.step"),
        (set_run(images_per_second=-1), "run.images_per_second"),
        (set_run(scaling={"scale": [1.0], "offset": [0.0]}), "run.scaling"),
        (set_run(scaling={"scale": [1e9] * 3, "offset": [0.0] * 3}), "run.scaling"),
        (more_epochs, "30 epochs, but 3 were planned"),
        (from_epoch_501, "consecutive from 1"),
        (lambda facts: facts["epochs"].pop(), "finished, but has 2 of 3"),
        (set_epoch(1, loss=1e300), "epochs.1.loss"),
        (set_epoch(1, loss=-3.0), "epochs.1.loss"),
        (set_epoch(1, accuracy=1.5), "epochs.1.accuracy"),
        (set_epoch(1, val_accuracy=None), "epochs.1.val_accuracy.* missing"),
        (set_epoch(1, learning_rate=1e9), "epochs.1.learning_rate"),
        (set_epoch(1, seconds=1e8), "longer than the time"),
        (
            lambda facts: facts["experiment"].update(validation={"kind": "none"}),
            "no validation images",
        ),
        (lambda facts: facts["experiment"].update(preset="\x00"), "experiment.preset"),
        (lambda facts: facts["experiment"].update(l2=float("inf")), "L2|finite|number"),
    ],
)
def test_invalid_facts_in_run_json_are_refused(
    elsewhere: RunStore, members: dict[str, bytes], change: Callable[[Facts], None], words: str
) -> None:
    facts = json.loads(members["run.json"])
    change(facts)
    refused(elsewhere, {**members, "run.json": json.dumps(facts).encode()}, words)


@pytest.mark.parametrize(
    "text", ['{"cifarviz": "run", "cifarviz": "run"}', "[" * 100_000, '"' + "a" * 10_000_000 + '"']
)
def test_malformed_json_is_refused(
    elsewhere: RunStore, members: dict[str, bytes], text: str
) -> None:
    refused(elsewhere, {**members, "run.json": text.encode()}, "run.json")


def arrays_of(content: bytes) -> dict[str, np.ndarray]:
    with np.load(io.BytesIO(content)) as file:
        return {name: file[name] for name in file.files}


def npz(arrays: dict[str, np.ndarray], *, compressed: bool = False) -> bytes:
    buffer = io.BytesIO()
    save = np.savez_compressed if compressed else np.savez
    save(buffer, allow_pickle=True, **arrays)
    return buffer.getvalue()


def with_lowest_infinite(logs: np.ndarray) -> np.ndarray:
    return np.where(logs == logs.min(axis=1, keepdims=True), -np.inf, logs).astype(logs.dtype)


def with_nan(array: np.ndarray) -> np.ndarray:
    changed = array.copy()
    changed.flat[-1] = np.nan
    return changed


LAST, ANSWERS, MAPS = (
    "files/checkpoint-last.npz",
    "files/snapshots/answers-0002.npz",
    "files/snapshots/maps-0001.npz",
)


@pytest.mark.parametrize(
    ("member", "name", "change", "words"),
    [
        (LAST, KERNEL, with_nan, "not finite"),
        (LAST, KERNEL, lambda one: one.astype(complex), "complex128 .* should be float32"),
        (LAST, KERNEL, lambda one: one.astype(bool), "bool .* should be float32"),
        (LAST, KERNEL, lambda one: one.astype(str), "should be float32"),
        (LAST, KERNEL, lambda one: one.astype("f8"), "should be float32"),
        (LAST, KERNEL, lambda one: one.astype("f2"), "should be float32"),
        (LAST, KERNEL, lambda one: one[..., :1], "of shape"),
        (LAST, KERNEL, lambda one: np.float32(1), "of shape"),
        (LAST, KERNEL, None, "kernel.* is missing"),
        (LAST, "more", lambda one: np.ones(3), "has no “more”"),
        (LAST, "optimizer/003/conv2d_1_kernel_velocity", lambda one: -1 - one, "below 0"),
        (LAST, "optimizer/000/iteration", None, "iteration.* is missing"),
        (ANSWERS, "log_probabilities", lambda one: -one, "from -inf to 0"),
        (ANSWERS, "log_probabilities", lambda one: one * 2, "add up to 1"),
        (ANSWERS, "log_probabilities", with_nan, "from -inf to 0"),
        (ANSWERS, "log_probabilities", with_lowest_infinite, "not finite"),
        (ANSWERS, "log_probabilities", lambda one: one[:, :5], "of shape"),
        (ANSWERS, "log_probabilities", lambda one: one[:5], "of shape"),
        (ANSWERS, "log_probabilities", None, "predictions"),
        (ANSWERS, "indices", lambda one: one * 0, "duplicates, or numbers outside"),
        (ANSWERS, "indices", lambda one: one + 50_000, "outside 0 to 9,999|outside 0 to 49,999"),
        (MAPS, "0/bytes", lambda one: one[:, :5], "of shape"),
        (MAPS, "0/range", with_nan, "not finite"),
        (MAPS, "1/values", None, "maps for each of its layers"),
        ("batches.npz", "steps", lambda one: one + 10**6, "not from 1 to"),
        ("batches.npz", "loss", with_nan, "loss"),
        ("batches.npz", "accuracy", lambda one: one * 3, "accuracy"),
    ],
)
def test_files_that_do_not_match_the_experiment_are_refused(
    elsewhere: RunStore,
    members: dict[str, bytes],
    member: str,
    name: str,
    change: Callable[[np.ndarray], np.ndarray] | None,
    words: str,
) -> None:
    arrays = arrays_of(members[member])
    if change is None:
        del arrays[name]
    else:
        arrays[name] = change(arrays.get(name, np.ones(1)))
    refused(elsewhere, {**members, member: npz(arrays)}, words)


def test_probabilities_of_earlier_versions_are_accepted_as_predictions(
    elsewhere: RunStore, members: dict[str, bytes]
) -> None:
    arrays = arrays_of(members[ANSWERS])
    arrays["probabilities"] = np.exp(arrays.pop("log_probabilities").astype(np.float32))
    came = unpack(elsewhere, zipped({**members, ANSWERS: npz(arrays)}), origin="imported")
    assert came.damage is None


def test_a_nested_archive_bomb_is_refused_before_it_is_unpacked(
    elsewhere: RunStore, members: dict[str, bytes]
) -> None:
    # Twice compressed, 280 MB are a few hundred bytes.
    large = npz({KERNEL: np.zeros(70_000_000, np.float32)}, compressed=True)
    for content in (large, npz(ARRAYS, compressed=True)):
        refused(elsewhere, {**members, LAST: content}, "checkpoint-last.npz")


def test_twenty_million_steps_are_refused_without_using_memory(
    elsewhere: RunStore, members: dict[str, bytes]
) -> None:
    # Zeros, which are packed within a second; steps that were counted would take a minute.
    content = bytes(320_000_000)
    packed = zipped({**members, "batches.npz": content})
    del content
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ArchiveDamaged, match=r"batches.npz” unpacks to 320,000"):
        unpack(elsewhere, packed, origin="imported")
    # Kilobytes.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


def test_a_false_member_size_is_refused(elsewhere: RunStore, members: dict[str, bytes]) -> None:
    whole = zipped({**members, LAST: bytes(100_000_000)}).getvalue()
    # The true size stands in the directory and before the member.
    lying = whole.replace((100_000_000).to_bytes(4, "little"), (5000).to_bytes(4, "little"))
    with pytest.raises(ArchiveDamaged):
        unpack(elsewhere, io.BytesIO(lying), origin="imported")
    assert list(elsewhere.settings.runs.glob("*")) == []


def test_a_link_in_an_archive_is_not_followed(
    elsewhere: RunStore, members: dict[str, bytes], tmp_path: Path
) -> None:
    buffer = zipped(members)
    with zipfile.ZipFile(buffer, "a") as file:
        entry = zipfile.ZipInfo("files/checkpoint-best.npz")
        entry.external_attr = 0o120777 << 16
        file.writestr(entry, "/etc/passwd")
    with pytest.raises(ArchiveDamaged, match="checkpoint-best"):
        unpack(elsewhere, buffer, origin="imported")
    assert list(elsewhere.settings.runs.glob("*")) == []


def whole_runs(store: RunStore) -> list[Run]:
    """The runs of a store, each with all its files and nothing beside them."""
    runs = store.all()
    assert {one.name for one in store.settings.runs.iterdir()} == {run.id for run in runs}
    for run in runs:
        names = {one.name for one in store.folder(run.id).rglob("*.npz")}
        assert len(names) == 4, names
        assert len(store.epochs(run.id)) == 3
    return runs


def test_many_threads_can_import_the_same_file_at_once(
    elsewhere: RunStore, members: dict[str, bytes]
) -> None:
    content = zipped(members).getvalue()
    start = threading.Barrier(6)
    came: list[Run] = []

    def bring() -> None:
        start.wait()
        came.append(unpack(elsewhere, io.BytesIO(content), origin="imported"))

    threads = [threading.Thread(target=bring) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({run.id for run in came}) == 6
    assert len(whole_runs(elsewhere)) == 6


def test_two_processes_can_import_the_same_file_at_once(settings: Settings, tmp_path: Path) -> None:
    elsewhere = RunStore(replace(settings, home=tmp_path / "elsewhere"))
    pack(elsewhere, store_full_run(elsewhere).id, tmp_path / "run.zip")
    command = [sys.executable, "-m", "cifarviz", "import", str(tmp_path / "run.zip"), "--json"]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(2)]
    ids = {json.loads(process.communicate(timeout=300)[0])["run"] for process in processes}
    assert len(ids) == 2
    assert {run.id for run in whole_runs(RunStore(settings))} == ids


def test_a_failed_import_leaves_the_existing_run_with_its_id(
    elsewhere: RunStore, members: dict[str, bytes]
) -> None:
    run = unpack(elsewhere, zipped(members), origin="imported")
    with pytest.raises(ArchiveDamaged):
        unpack(elsewhere, zipped({**members, MAPS: b"no arrays"}), origin="imported")
    assert [one.id for one in whole_runs(elsewhere)] == [run.id]
