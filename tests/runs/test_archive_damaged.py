"""Invalid or damaged archives are refused and leave nothing behind."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cifarviz.errors import ArchiveDamaged, CifarvizError, UnknownFormat
from cifarviz.runs.archive import pack, unpack
from cifarviz.runs.records import Run
from cifarviz.runs.store import RunStore

Change = Callable[[dict[str, bytes]], None]


def fact(path: str, value: object) -> Change:
    """Change one thing that ``run.json`` says."""

    def apply(members: dict[str, bytes]) -> None:
        facts = json.loads(members["run.json"])
        *way, last = path.split(".")
        place = facts
        for step in way:
            place = place[int(step) if step.isdigit() else step]
        place[last] = value
        members["run.json"] = json.dumps(facts).encode()

    return apply


def member(name: str, content: bytes | None) -> Change:
    """Put another file in, or take one out."""

    def apply(members: dict[str, bytes]) -> None:
        if content is None:
            del members[name]
        else:
            members[name] = content

    return apply


def pickled() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, evil=np.array([print], dtype=object))
    return buffer.getvalue()


def nested(depth: int) -> object:
    value: object = 1
    for _ in range(depth):
        value = [value]
    return value


def array_file(header: str) -> bytes:
    """An ``.npz`` whose arrays say of themselves what is not so."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name in ("steps", "loss", "accuracy"):
            content = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode()
            file.writestr(f"{name}.npy", content)
    return buffer.getvalue()


HUGE = array_file("{'descr': '<f4', 'fortran_order': False, 'shape': (10000000000000000,), }\n")
NO_HEADER = array_file("{'descr': '<f4', 'shape': [[[\n")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (member("run.json", None), "run.json.* is missing"),
        (member("run.json", b"{"), "not JSON"),
        (member("run.json", b"[1]"), "does not describe a run"),
        (member("../outside.npz", b"x"), "a run has no file"),
        (member("files/../../outside.npz", b"x"), "a run has no file"),
        (member("files/model.keras", b"x"), "a run has no file"),
        (member("files/checkpoint-best.npz", b"x"), "is invalid: it cannot be read"),
        (member("files/checkpoint-best.npz", pickled()), "is invalid: it cannot be read"),
        (member("batches.npz", b"x"), "batches.npz.* cannot be read"),
        (member("batches.npz", pickled()), "batches.npz.* cannot be read"),
        *(
            (member("batches.npz", one), "batches.npz.* cannot be read")
            for one in (HUGE, NO_HEADER)
        ),
        (member("files/checkpoint-best.npz", HUGE), "is invalid: it cannot be read"),
        (member("files/checkpoint-best.npz", NO_HEADER), "is invalid: it cannot be read"),
        (fact("run.id", "../../x"), "run.id"),
        (fact("run.name", ""), "run.name"),
        (fact("run.name", 7), "run.name"),
        (fact("run.state", "running"), "run.state"),
        (fact("run.seconds", -1), "run.seconds"),
        (fact("run.more", 1), "run.more"),
        (fact("epochs.1.loss", float("nan")), "epochs.1.loss"),
        (fact("epochs.1.epoch", 7), "not consecutive"),
        (fact("format", 99), "another version"),
        (fact("experiment.epochs", 0), "epochs"),
        (fact("experiment.architecture", nested(400)), "."),
        (fact("experiment.format", 99), "version"),
    ],
)
def test_an_invalid_archive_is_refused_and_leaves_nothing(
    store: RunStore,
    run: Run,
    elsewhere: RunStore,
    tmp_path: Path,
    change: Change,
    words: str,
) -> None:
    pack(store, run.id, tmp_path / "run.zip")
    with zipfile.ZipFile(tmp_path / "run.zip") as file:
        members = {name: file.read(name) for name in file.namelist()}
    change(members)
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as file:
        for name, content in members.items():
            file.writestr(name, content)
    with pytest.raises(CifarvizError, match=words):
        unpack(elsewhere, tmp_path / "bad.zip", origin="imported")
    assert elsewhere.all() == []
    left = [path for path in elsewhere.settings.runs.rglob("*") if path.is_file()]
    assert left == []
    assert not (tmp_path / "outside.npz").exists()


def test_a_truncated_or_other_file_is_refused(
    store: RunStore, run: Run, elsewhere: RunStore, tmp_path: Path
) -> None:
    pack(store, run.id, tmp_path / "run.zip")
    whole = (tmp_path / "run.zip").read_bytes()
    for content in (b"", b"no zip", whole[: len(whole) // 2]):
        with pytest.raises(ArchiveDamaged, match="not a run packed by cifarviz"):
            unpack(elsewhere, io.BytesIO(content), origin="imported")
    flipped = bytearray(whole)
    flipped[len(whole) // 3] ^= 255
    with pytest.raises((ArchiveDamaged, UnknownFormat)):
        unpack(elsewhere, io.BytesIO(bytes(flipped)), origin="imported")
    assert elsewhere.all() == []


METHODS = (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, zipfile.ZIP_STORED)


def repacked(path: Path, method: int) -> bytes:
    """The same members, packed with another method: whoever made a file chose it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(buffer, "w", method) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    return buffer.getvalue()


def nothing_is_left(store: RunStore) -> bool:
    return not store.all() and not [one for one in store.settings.runs.rglob("*") if one.is_file()]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "name", ["run.json", "batches.npz", "files/checkpoint-last.npz", "files/snapshots/weights-"]
)
def test_a_damaged_member_of_an_intact_archive_is_refused(
    store: RunStore, run: Run, elsewhere: RunStore, tmp_path: Path, name: str, method: int
) -> None:
    pack(store, run.id, tmp_path / "run.zip")
    whole = repacked(tmp_path / "run.zip", method)
    with zipfile.ZipFile(io.BytesIO(whole)) as file:
        entry = next(one for one in file.infolist() if one.filename.startswith(name))
    begin = entry.header_offset + 30 + len(entry.filename)
    for share in (0, 0.3, 0.9):
        broken = bytearray(whole)
        place = begin + int(share * entry.compress_size)
        broken[place : place + 4] = bytes(byte ^ 255 for byte in broken[place : place + 4])
        with pytest.raises(ArchiveDamaged, match="not a run packed by cifarviz"):
            unpack(elsewhere, io.BytesIO(bytes(broken)), origin="imported")
        assert nothing_is_left(elsewhere)


def test_an_archive_with_changed_bytes_is_imported_or_refused(
    store: RunStore, run: Run, elsewhere: RunStore, tmp_path: Path
) -> None:
    pack(store, run.id, tmp_path / "run.zip")
    random = np.random.default_rng(7)
    for method in METHODS:
        whole = repacked(tmp_path / "run.zip", method)
        directory = whole.index(b"PK\x01\x02")
        for number in range(60):
            broken = bytearray(whole)
            # Every other one in the directory, whose sizes, places and flags are believed first.
            begin = directory if number % 2 else 0
            for place in random.integers(begin, len(whole), random.integers(1, 5)):
                broken[place] = random.integers(256)
            try:
                came = unpack(elsewhere, io.BytesIO(bytes(broken)), origin="imported")
            except (ArchiveDamaged, UnknownFormat):
                pass
            else:
                elsewhere.delete(came.id)
            assert nothing_is_left(elsewhere)


def test_deeply_nested_facts_and_encrypted_members_are_refused(
    store: RunStore, run: Run, elsewhere: RunStore, tmp_path: Path
) -> None:
    for depth in (500, 900, 100_000):
        with zipfile.ZipFile(tmp_path / "deep.zip", "w") as file:
            file.writestr("run.json", "[" * depth + "]" * depth)
        with pytest.raises(ArchiveDamaged):
            unpack(elsewhere, tmp_path / "deep.zip", origin="imported")
    pack(store, run.id, tmp_path / "run.zip")
    whole = bytearray((tmp_path / "run.zip").read_bytes())
    # The flags of the first member, in its header and in the directory.
    whole[6] |= 1
    whole[whole.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(ArchiveDamaged, match="cannot be read"):
        unpack(elsewhere, io.BytesIO(bytes(whole)), origin="imported")
    assert nothing_is_left(elsewhere)
