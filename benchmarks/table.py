"""Print the table of all measurements from the files in benchmarks/results.

    python -m benchmarks.table [--write]

``--write`` inserts it into docs/performance.md, with the tables of the ablation of
``cifar10-fast`` and of the overfit lab, and its most important rows into README.md, between marker
lines.
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
        print(f"{row.claim:68}  {row.goal:14}  {row.measured}")


def _markdown(rows: Sequence[Row], *, commands: bool) -> str:
    if commands:
        lines = ["| what | to reach | measured | command |", "|---|---|---|---|"]
        lines += [f"| {r.claim} | {r.goal} | {r.measured} | `{r.command}` |" for r in rows]
    else:
        lines = ["| what | to reach | measured |", "|---|---|---|"]
        lines += [f"| {r.claim} | {r.goal} | {r.measured} |" for r in rows]
    return "\n".join(lines)


def _ablation() -> str:
    results = read_results("fast_ablation")
    lines = ["| recipe | test accuracy, mean (range) | seconds, median |", "|---|---|---|"]
    for row in results["rows"] if results else ():
        accuracies = 100 * np.array(row["accuracies"])
        lines.append(
            f"| {row['what']} | {accuracies.mean():.1f} % "
            f"({accuracies.min():.1f}–{accuracies.max():.1f}) | {np.median(row['seconds']):.1f} |"
        )
    return "\n".join(lines)


def _lab_lines() -> Iterator[str]:
    yield "| experiment, seed | run | training | validation | gap | loss turned | seconds |"
    yield "|---|---|---|---|---|---|---|"
    results = read_results("lab")
    for lab in results["labs"] if results else ():
        name, seconds = f"{lab['lab']}, {lab['seed']}", f"{lab['seconds']:.0f}"
        if not lab["shown"]:
            name += " (**not as promised**)"
        for run in lab["runs"]:
            start = run["overfits_after"]
            start = "–" if start is None else f"after epoch {start}"
            shares = (f"{100 * run[key]:.1f} %" for key in ("accuracy", "val_accuracy"))
            gap = f"{100 * run['gap']:.1f}"
            yield f"| {' | '.join([name, run['label'], *shares, gap, start, seconds])} |"
            name = seconds = ""


def _write(path: Path, name: str, table: str) -> None:
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    text = path.read_text()
    before, _, rest = text.partition(begin)
    _, marker, after = rest.partition(end)
    if not marker:
        raise SystemExit(f"{path.name} lacks the markers {begin} and {end}.")
    path.write_text(f"{before}{begin}\n{table}\n{end}{after}")


if __name__ == "__main__":
    main()
