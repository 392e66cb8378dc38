"""The processor's capabilities are read from the system's list."""

from pathlib import Path

import pytest

from cifarviz.runs.machine import has_bfloat16

_X86 = "processor\t: 0\nmodel name\t: Some CPU\nflags\t\t: fpu avx2 {flags}\nbugs\t\t: bf16\n"


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


def test_without_flags_bfloat16_is_unknown(tmp_path: Path) -> None:
    assert has_bfloat16(tmp_path / "cpuinfo") is None
    assert has_bfloat16(tmp_path) is None
