"""How the processor is used follows from the environment, a tune-up, and its capabilities."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cifarviz import processor
from cifarviz.processor import (
    TENSORFLOW_ALONE,
    TUNED_FILE,
    ProcessorUse,
    Trial,
    Tuned,
    default_use,
    has_bfloat16,
    load_tuned,
    tuned_content,
)
from scripts.app_server import ROOT

_X86 = "processor\t: 0\nmodel name\t: Some CPU\nflags\t\t: fpu avx2 {flags}\nbugs\t\t: bf16\n"
FOUND = ProcessorUse(False, 3, 2, 2)


@pytest.fixture(autouse=True)
def _with_onednn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here oneDNN is on, however the tests were started."""
    monkeypatch.setattr(processor, "_in_use", ProcessorUse(onednn=True))


def save(home: Path, **changes: object) -> None:
    """Store a tune-up that found ``FOUND``, with changes to what it was measured with."""
    content = tuned_content(Tuned(FOUND, (Trial(FOUND, {"cifar10-vgg": 10.0}),), "2026-11-29"))
    measured = content["measured_with"]
    assert isinstance(measured, dict)
    home.mkdir(exist_ok=True)
    (home / TUNED_FILE).write_text(json.dumps(content | {"measured_with": measured | changes}))


def use_in_a_new_process(home: Path, **environment: str) -> tuple[str, str]:
    """The use of the processor, and TensorFlow's variable for oneDNN, after a heavy import."""
    script = (
        "import os\n"
        "from pathlib import Path\n"
        "from cifarviz.loading import tensorflow_imports\n"
        "with tensorflow_imports(Path(os.environ['CIFARVIZ_HOME'])): pass\n"
        "from cifarviz import processor\n"
        "print(processor.in_use()); print(os.environ.get(processor.ONEDNN))"
    )
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in (*processor.VARIABLES, "CIFARVIZ_CHOSE_ONEDNN")
    }
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**kept, "CIFARVIZ_HOME": str(home), **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    use, onednn = done.stdout.splitlines()
    return use, onednn


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (_X86.format(flags="avx512_bf16 amx_tile"), True),
        (_X86.format(flags="amx_bf16"), True),
        (_X86.format(flags="avx512f avx512_vnni"), False),
        ("processor : 0\nFeatures : fp asimd bf16\nCPU part : 0xd40\n", True),
        ("processor : 0\nFeatures : fp asimd\n", False),
        # Neither a name that contains it nor another line is a flag.
        (_X86.format(flags="avx512_bf16x"), False),
        ("processor : 0\nvendor_id : unknown\n", None),
        ("", None),
    ],
)
def test_bfloat16_is_detected_from_the_flags(
    content: str, expected: bool | None, tmp_path: Path
) -> None:
    path = tmp_path / "cpuinfo"
    path.write_text(content)
    assert has_bfloat16(path) is expected


@pytest.mark.parametrize(
    ("limit", "expected"),
    [("", True), ("AVX512_CORE_AMX", True), ("AVX512_CORE", False), ("AVX2", False)],
)
def test_instructions_that_onednn_may_not_use_do_not_count(
    limit: str, expected: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "cpuinfo"
    path.write_text(_X86.format(flags="avx512_bf16"))
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", limit)
    assert has_bfloat16(path) is expected
    monkeypatch.setattr(processor, "_in_use", ProcessorUse(onednn=False))
    assert has_bfloat16(path) is False


def test_without_flags_bfloat16_is_unknown(tmp_path: Path) -> None:
    assert has_bfloat16(tmp_path / "cpuinfo") is None
    assert has_bfloat16(tmp_path) is None


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ({"avx2"}, "AVX2"),
        ({"avx2", "avx_vnni"}, "AVX2 with VNNI"),
        ({"avx2", "avx512f", "avx512_vnni"}, "AVX-512 with VNNI"),
        ({"avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_tile"}, "AMX"),
        (set(), "–"),
    ],
)
def test_the_instruction_set_is_the_newest(
    flags: set[str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processor, "flags", lambda: frozenset(flags))
    processor.instruction_set.cache_clear()
    assert processor.instruction_set() == expected
    processor.instruction_set.cache_clear()


@pytest.mark.parametrize(
    ("cores", "flags", "expected"),
    [
        (1, {"avx2"}, ProcessorUse(True, 1, 1, 1)),
        (2, {"avx2"}, ProcessorUse(True, 1, 2, 2)),
        (2, {"avx"}, ProcessorUse(None, 1, 2, 2)),
        (8, {"avx2"}, ProcessorUse(True, 0, 0, 1)),
        (8, set(), TENSORFLOW_ALONE),
    ],
)
def test_the_default_follows_from_cores_and_flags(
    cores: int, flags: set[str], expected: ProcessorUse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processor, "usable_cores", lambda: cores)
    monkeypatch.setattr(processor, "flags", lambda: frozenset(flags))
    assert default_use() == expected


@pytest.mark.parametrize("use", [TENSORFLOW_ALONE, FOUND, ProcessorUse(True, 1, 8, 8)])
def test_a_use_survives_the_environment(use: ProcessorUse) -> None:
    assert default_use().with_environment({"TF_ENABLE_ONEDNN_OPTS": ""}) == default_use()
    start = ProcessorUse(None, 7, 7, 7)
    assert start.with_environment(use.environment()) == use


def test_what_a_tune_up_found_is_used_from_the_next_start(tmp_path: Path) -> None:
    save(tmp_path)
    assert load_tuned(tmp_path) == Tuned(
        FOUND,
        (Trial(FOUND, {"cifar10-vgg": 10.0}),),
        "2026-11-29",
    )
    assert use_in_a_new_process(tmp_path) == (str(FOUND), "0")


def test_the_environment_comes_before_a_tune_up(tmp_path: Path) -> None:
    save(tmp_path)
    use, onednn = use_in_a_new_process(
        tmp_path, TF_ENABLE_ONEDNN_OPTS="1", TF_NUM_INTRAOP_THREADS="1", TF_NUM_INTEROP_THREADS="4"
    )
    assert (use, onednn) == (str(ProcessorUse(True, 1, 4, 4)), "1")


def test_a_choice_made_here_is_no_wish_of_the_environment(tmp_path: Path) -> None:
    save(tmp_path)
    # As a process has it whose parent chose so by itself.
    chosen = {"TF_ENABLE_ONEDNN_OPTS": "1", "CIFARVIZ_CHOSE_ONEDNN": "1"}
    assert use_in_a_new_process(tmp_path, **chosen) == (str(FOUND), "0")
    content = tuned_content(Tuned(TENSORFLOW_ALONE, (), "2026-11-29"))
    (tmp_path / TUNED_FILE).write_text(json.dumps(content))
    assert use_in_a_new_process(tmp_path, **chosen) == (str(TENSORFLOW_ALONE), "None")
    save(tmp_path)
    # Set to something else since, it is a wish again.
    use, onednn = use_in_a_new_process(tmp_path, **chosen | {"CIFARVIZ_CHOSE_ONEDNN": "0"})
    assert (use, onednn) == (str(ProcessorUse(True, 3, 2, 2)), "1")


@pytest.mark.parametrize("name", ["processor", "tensorflow", "keras", "cifarviz", "limit"])
def test_another_processor_or_version_needs_a_new_tune_up(name: str, tmp_path: Path) -> None:
    save(tmp_path, **{name: "another"})
    assert load_tuned(tmp_path) is None


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"measured_with": 3}', "\0"])
def test_a_damaged_file_counts_as_none(content: str, tmp_path: Path) -> None:
    (tmp_path / TUNED_FILE).write_text(content)
    assert load_tuned(tmp_path) is None
    save(tmp_path)
    damaged = json.loads((tmp_path / TUNED_FILE).read_text())
    damaged["use"] = {"threads": 3}
    (tmp_path / TUNED_FILE).write_text(json.dumps(damaged))
    assert load_tuned(tmp_path) is None


def test_shares_of_the_cores_are_disjoint_and_of_one_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {7, 1, 3, 5, 9}, raising=False)
    assert processor.core_shares(1) == ((1, 3, 5, 7, 9),)
    assert processor.core_shares(2) == ((1, 3), (5, 7))
    assert processor.core_shares(4) == ((1,), (3,), (5,), (7,))
    assert processor.core_shares(50) == ((1,), (3,), (5,), (7,), (9,))


def test_a_share_has_as_many_threads_as_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processor, "flags", lambda *_: frozenset({"avx2"}))
    uses = [processor.share_use(tmp_path, cores) for cores in (1, 2, 6)]
    assert uses == [
        ProcessorUse(True, 1, 1, 1),
        ProcessorUse(True, 1, 2, 2),
        ProcessorUse(True, 6, 6, 1),
    ]
    monkeypatch.setattr(processor, "_GIVEN", {"TF_NUM_INTRAOP_THREADS": "3"})
    assert processor.share_use(tmp_path, 6) == ProcessorUse(True, 3, 0, 1)


def test_a_new_process_has_the_use_and_no_other_wish() -> None:
    environment = processor.environment_with(ProcessorUse(None, 1, 4, 4))
    given = {name: environment[name] for name in processor.VARIABLES if name in environment}
    assert ProcessorUse().with_environment(given) == ProcessorUse(None, 1, 4, 4)
    assert environment["PYTHONPATH"].split(os.pathsep)[0] == str(ROOT)
