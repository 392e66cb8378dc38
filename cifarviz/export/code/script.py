"""A run's code as a plain Python script."""

from textwrap import wrap

from cifarviz.escaping import single_line
from cifarviz.export.code.program import Program, program
from cifarviz.export.code.section import comment
from cifarviz.runs.records import Run

_FOLDER = "Path(__file__).parent"
_RULE = 96


def script(run: Run) -> str:
    """The Python source that trains as ``run`` did; raises as ``program`` does."""
    made = program(run, folder=_FOLDER)
    imports = made.imports
    if any(_FOLDER in section.code for section in made.sections):
        imports = _with_path(imports)
    parts = [_head(made), "\n".join(imports)]
    for section in made.sections:
        title = f"# {section.title} "
        rule = title + "-" * (_RULE - len(title))
        parts.append(f"{rule}\n#\n{comment(section.text)}\n\n{section.code}")
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _with_path(imports: tuple[str, ...]) -> tuple[str, ...]:
    path = "from pathlib import Path"
    if imports[0] == "import math":
        return (imports[0], path, *imports[1:])
    return (path, "", *imports)


def _head(made: Program) -> str:
    # The first two lines of a file may name its encoding, and a run's name may look so.
    lines = ["# -*- coding: utf-8 -*-", "#", comment(single_line(made.title)), "#"]
    lines += [comment(single_line(sentence)) for sentence in made.about]
    lines += ["#", comment(f"Needs: pip install {' '.join(made.packages)}")]
    if made.notes:
        lines += ["#", "# What differs from the run:"]
        for note in made.notes:
            first, *rest = wrap(single_line(note), _RULE - 4)
            lines += [f"# - {first}", *(f"#   {line}" for line in rest)]
    return "\n".join(lines)
