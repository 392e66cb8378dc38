"""A run's code as a plain Python script."""

from textwrap import wrap

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
    lines = [comment(one_line(made.title)), "#"]
    lines += [comment(sentence) for sentence in made.about]
    lines += ["#", comment(f"Needs: pip install {' '.join(made.packages)}")]
    if made.notes:
        lines += ["#", "# What differs from the run:"]
        for note in made.notes:
            first, *rest = wrap(one_line(note), _RULE - 4)
            lines += [f"# - {first}", *(f"#   {line}" for line in rest)]
    return "\n".join(lines)


def one_line(text: str) -> str:
    """``text`` without anything that would end a line of comment, or a file of source."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
