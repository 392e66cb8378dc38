"""Texts and archives that an enemy would send; ``canary`` is a folder outside the home."""

import io
import json
import os
import pickle
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np

from tests.picture_sources import fruits

EXECUTED: Final = "cifarvizExecuted"
"""What scripts of an enemy would set in a browser's window."""
_SCRIPT: Final = f"window.{EXECUTED}=1"
# An address that leads nowhere: RFC 5737.
_ELSEWHERE: Final = "http://192.0.2.1"
_PETABYTES: Final = "{'descr': '|u1', 'fortran_order': False, 'shape': (40000000000000000,)}\n"


def texts(canary: Path) -> dict[str, str]:
    """Return names, notes and values of links, each with what it tries."""
    outside = "/".join([*[".."] * 12, str(canary).lstrip("/"), "secret.png"])
    return {
        "script": f"<script>{_SCRIPT}</script>",
        "closed script": f"</script><script>{_SCRIPT}</script>",
        "handler": f'<img src=x onerror="{_SCRIPT}">',
        "broken-out handler": f"\"'><svg/onload={_SCRIPT}>",
        "JSON": f'"}}];{_SCRIPT};//',
        "style": "</style><style>body{display:none}",
        "frame": f'<iframe srcdoc="<script>parent.{EXECUTED}=1</script>"></iframe>',
        "link": f"[x](javascript:{_SCRIPT}) <a href='javascript:{_SCRIPT}'>x</a>",
        "picture": f"![x]({_ELSEWHERE}/x.png) <img src={_ELSEWHERE}/y.png>",
        "template": f"{{{{constructor.constructor('{_SCRIPT}')()}}}} ${{{_SCRIPT}}} %{{x}}",
        "markdown": "# a\n- b **c** :red[d] :material/delete: `e` $f^2$ | g |",
        "traversal": outside,
        "Windows traversal": outside.replace("/", "\\"),
        "absolute path": str(canary / "secret.png"),
        "address of a file": (canary / "secret.png").as_uri(),
        "home": "~root/x",
        "formula": f'=HYPERLINK("{_ELSEWHERE}")',
        "formula with a sign": "+1+cmd|' /C calc'!A0",
        "formula after a tab": "\t@SUM(1+9)*cmd|' /C calc'!A0",
        "full-width formula": "＝1＋1",
        "terminal": "\x1b]0;owned\x07\x1b[2J\x9b31m",
        "terminal markup": "[bold red]x[/] [link=http://192.0.2.1]y[/link] :boom:",
        "controls": "a\x00b\r\nc\x08\x7f",
        "direction": "\u202egnp.exe\u2066",
        "half of a pair": "\ud800",
        "nothing to see": "\u200b\u3164",
        "SQL": "'); DROP TABLE runs; --",
        "format": "{0.__class__.__mro__} %(x)s %n {}",
        "Python": '"""\nimport os; os.system("touch x")\n"""  # \\N{DASH} \\x41',
        "shell": "$(touch x) `touch x`; touch x | touch x",
        "10,000 characters": "x" * 10_000,
        "10,000 lines": "\n" * 10_000,
        "digits": "9" * 5_000,
        "nesting": "[" * 5_000,
        "commas": "," * 9_999,
    }


class _Touch:
    """What makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.system, (f"touch '{self._path}'",)


def _pickled(canary: Path) -> bytes:
    return pickle.dumps(_Touch(canary / "unpickled"))


def _object_array(canary: Path) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, x_train=np.array([_Touch(canary / "unpickled")], dtype=object))
    return buffer.getvalue()


def _array_file(header: str) -> bytes:
    """A ``.npz`` with one array that says this of itself."""
    encoded = header.encode("latin-1")
    content = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(encoded)) + encoded
    return zipped({"x_train.npy": content, "y_train.npy": content})


def zipped(members: Mapping[str, bytes]) -> bytes:
    """Return a .zip file of these members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return buffer.getvalue()


def _zip_link(members: Mapping[str, bytes], name: str, target: str) -> bytes:
    buffer = io.BytesIO(zipped(members))
    with zipfile.ZipFile(buffer, "a") as file:
        entry = zipfile.ZipInfo(name)
        entry.create_system, entry.external_attr = 3, 0o120777 << 16
        file.writestr(entry, target)
    return buffer.getvalue()


def _tar(entries: Mapping[str, tuple[bytes, str]]) -> bytes:
    """Return a .tar with pictures of fruits, and these entries: a type and a link's target."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as file:
        for name, content in fruits(2).items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            file.addfile(member, io.BytesIO(content))
        for name, (kind, target) in entries.items():
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, target
            file.addfile(member)
    return buffer.getvalue()


def _overlapping(count: int, size: int) -> bytes:
    """A .zip whose directory names one compressed member ``count`` times."""
    once = zipped({"apple/0000.png": bytes(size)})
    start = once.index(b"PK\x01\x02")
    entry = once[start : once.index(b"PK\x05\x06")]
    entries = b"".join(
        entry.replace(b"apple/0000.png", f"apple/{number:04}.png".encode())
        for number in range(count)
    )
    end = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, count, count, len(entries), start, 0)
    return once[:start] + entries + end


def _nested(depth: int) -> bytes:
    content = bytes(10_000_000)
    for number in range(depth):
        content = zipped({f"apple/{number}.zip": content, f"pear/{number}.png": content[:1000]})
    return content


def run_archives(packed: bytes, canary: Path) -> dict[str, bytes]:
    """Return packed runs, each made of a good one with something else in it."""
    with zipfile.ZipFile(io.BytesIO(packed)) as file:
        members = {name: file.read(name) for name in file.namelist()}
    facts = json.loads(members["run.json"])
    secret = str(canary / "secret.png")

    def with_member(name: str, content: bytes = b"x") -> bytes:
        return zipped({**members, name: content})

    def with_facts(**changes: object) -> bytes:
        changed = facts | {"run": facts["run"] | changes}
        return zipped({**members, "run.json": json.dumps(changed).encode()})

    found = {
        f"a member called {what}": with_member(name)
        for what, name in texts(canary).items()
        if "\ud800" not in name and len(name) < 9_000
    }
    for field in ("id", "name", "remark", "machine", "message", "origin", "parent", "state"):
        for what, text in texts(canary).items():
            found[f"{field}: {what}"] = with_facts(**{field: text})
    last = "files/checkpoint-last.npz"
    return found | {
        "a link to a file": _zip_link(members, "files/checkpoint-best.npz", secret),
        "a link to a folder": _zip_link(members, "files/snapshots", str(canary)),
        "a pickle as checkpoint": with_member(last, _pickled(canary)),
        "a pickle as facts": with_member("run.json", _pickled(canary)),
        "objects as checkpoint": with_member(last, _object_array(canary)),
        "a Keras file": with_member("files/model.keras", _pickled(canary)),
        "an array header with code": with_member(
            last, _array_file(f"__import__('os').system('touch {canary}/evaluated')\n")
        ),
        "an array of 40 petabytes": with_member(
            last,
            _array_file(
                "{'descr': '<f4', 'fortran_order': False, 'shape': (10000000000000000,)}\n"
            ),
        ),
        "300 MB of zeros as batches": with_member("batches.npz", bytes(300_000_000)),
        "archives in archives": with_member(last, _nested(6)),
        "200 times the same bytes": _overlapping(200, 20_000_000),
        "50,000 members": zipped({**members, **{f"files/{n}": b"" for n in range(50_000)}}),
        "facts nested 5,000 deep": with_member("run.json", b"[" * 5_000 + b"]" * 5_000),
        "facts of 60 MB": with_member("run.json", b'{"format":' + b"1" * 60_000_000 + b"}"),
        "facts twice": with_member("RUN.JSON", b"{}"),
        "an empty file": b"",
        "a truncated file": packed[: len(packed) // 2],
        "a text": b"hello",
    }


def dataset_archives(canary: Path) -> dict[str, tuple[str, bytes]]:
    """Return name and content of files for an import as a data set."""
    secret = str(canary / "secret.png")
    pictures = fruits(2)
    first = next(iter(pictures.values()))
    found = {
        f"a class called {what}": ("x.zip", zipped({**pictures, f"{name}/1.png": first}))
        for what, name in texts(canary).items()
        if "\ud800" not in name and "\0" not in name
    }
    for what, name in texts(canary).items():
        found[f"a table that names {what}"] = (
            "x.zip",
            zipped(
                {
                    **pictures,
                    "labels.csv": f'file,label\n"{name}","{name}"\n'.encode(errors="replace"),
                }
            ),
        )
    tars: dict[str, dict[str, tuple[bytes, str]]] = {
        "a link to a file": {"apple/x.png": (tarfile.SYMTYPE, secret)},
        "a hard link to a file": {"apple/x.png": (tarfile.LNKTYPE, secret)},
        "a link to a folder": {"plum": (tarfile.SYMTYPE, str(canary))},
        "a device": {"apple/x.png": (tarfile.CHRTYPE, "")},
        "a pipe": {"apple/x.png": (tarfile.FIFOTYPE, "")},
        "a path that leaves": {f"../../../..{secret}": (tarfile.REGTYPE, "")},
        "an absolute path": {secret: (tarfile.REGTYPE, "")},
    }
    found |= {f"a tar with {what}": ("x.tar", _tar(entries)) for what, entries in tars.items()}
    zeros = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed_zeros = b"".join(zeros.compress(bytes(10_000_000)) for _ in range(60)) + zeros.flush()
    return found | {
        "a zip with a link": ("x.zip", _zip_link(pictures, "apple/x.png", secret)),
        "600 MB of zeros as a tar": ("x.tar.gz", packed_zeros),
        "200 times the same bytes": ("x.zip", _overlapping(200, 20_000_000)),
        "archives in archives": ("x.zip", _nested(6)),
        "a path of 1,000 folders": ("x.zip", zipped({**pictures, "d/" * 1_000 + "x.png": first})),
        "5,000 empty pictures": (
            "x.zip",
            zipped(pictures | {f"apple/{number}.png": b"" for number in range(5_000)}),
        ),
        "objects as arrays": ("x.npz", _object_array(canary)),
        "a pickle": ("x.npz", _pickled(canary)),
        "a pickle called data_batch_1": ("x.zip", zipped({"data_batch_1": _pickled(canary)})),
        "an array header with code": (
            "x.npz",
            _array_file(f"__import__('os').system('touch {canary}/evaluated')\n"),
        ),
        "an array of 40 petabytes": (
            "x.npz",
            _array_file(
                "{'descr': '|u1', 'fortran_order': False, 'shape': (40000000000000000,)}\n"
            ),
        ),
        "IDX of 4 billion pictures": (
            "x.zip",
            zipped(
                {
                    "train-images-idx3-ubyte": bytes((0, 0, 8, 3)) + b"\xff" * 12,
                    "train-labels-idx1-ubyte": bytes((0, 0, 8, 1)) + b"\xff" * 4,
                }
            ),
        ),
    }
