"""The table of everything measured, from the files in benchmarks/results.

    python -m benchmarks.table [--write]

``--write`` puts it into docs/performance.md, with the tables of what each part of
``cifar10-fast`` brings and of the overfit lab, and its first rows into README.md, between the
lines that mark the places.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks.rows import Row, all_rows, read_results

_ROOT = Path(__file__).parent.parent


def main() -> None:
    """Print the table, or write it."""
    rows = list(all_rows())
    if "--write" in sys.argv[1:]:
        page = _ROOT / "docs" / "performance.md"
        _write(page, "measured", _markdown(rows, commands=True))
        _write(page, "ablation", _ablation())
        _write(page, "lab", "\n".join(_lab_lines()))
        short = [row for row in rows if row.short]
        _write(_ROOT / "README.md", "measured", _markdown(short, commands=False))
    for row in rows:
        print(f"{row.claim:68}  {row.goal:14}  {row.found}")


def _markdown(rows: Sequence[Row], *, commands: bool) -> str:
    if commands:
        lines = ["| what | to reach | measured | command |", "|---|---|---|---|"]
        lines += [f"| {r.claim} | {r.goal} | {r.found} | `{r.command}` |" for r in rows]
    else:
        lines = ["| what | to reach | measured |", "|---|---|---|"]
        lines += [f"| {r.claim} | {r.goal} | {r.found} |" for r in rows]
    return "\n".join(lines)


def _ablation() -> str:
    found = read_results("fast_ablation")
    lines = ["| recipe | test accuracy, mean (range) | seconds, median |", "|---|---|---|"]
    for row in found["rows"] if found else ():
        right = 100 * np.array(row["accuracies"])
        lines.append(
            f"| {row['what']} | {right.mean():.1f} % ({right.min():.1f}–{right.max():.1f}) "
            f"| {np.median(row['seconds']):.1f} |"
        )
    return "\n".join(lines)


def _lab_lines() -> Iterator[str]:
    yield "| experiment, seed | run | training | validation | gap | loss turned | seconds |"
    yield "|---|---|---|---|---|---|---|"
    found = read_results("lab")
    for lab in found["labs"] if found else ():
        name, seconds = f"{lab['lab']}, {lab['seed']}", f"{lab['seconds']:.0f}"
        if not lab["shown"]:
            name += " (**not as promised**)"
        for run in lab["runs"]:
            turn = "–" if run["turn"] is None else f"after epoch {run['turn']}"
            shares = (f"{100 * run[key]:.1f} %" for key in ("accuracy", "val_accuracy"))
            gap = f"{100 * run['gap']:.1f}"
            yield f"| {' | '.join([name, run['label'], *shares, gap, turn, seconds])} |"
            name = seconds = ""


def _write(path: Path, name: str, table: str) -> None:
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    text = path.read_text()
    before, _, rest = text.partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise SystemExit(f"{path.name} has no place for the table: {begin} and {end}.")
    path.write_text(f"{before}{begin}\n{table}\n{end}{after}")


if __name__ == "__main__":
    main()
