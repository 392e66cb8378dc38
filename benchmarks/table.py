"""Print the tables of all measurements, one a kind of processor, from benchmarks/results.

    python -m benchmarks.table [--write]

``--write`` inserts them into docs/performance.md, with the tables of both ablations, of accuracy
over seconds and of the overfit lab, and the most important rows, side by side, into README.md,
between marker lines.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.row import Results, Row
from benchmarks.rows import all_kinds, all_rows, curves, kind_title, read_results

_ROOT = Path(__file__).parent.parent


def main() -> None:
    """Print the tables, or write them."""
    tables = {kind: list(all_rows(kind)) for kind in all_kinds()}
    if "--write" in sys.argv[1:]:
        page = _ROOT / "docs" / "performance.md"
        write_table(page, "measured", "\n\n".join(_table(*item) for item in tables.items()))
        write_table(page, "ablation", _ablation("fast_ablation", "test accuracy", "seconds"))
        write_table(page, "curve", "\n".join(_curve_lines()))
        write_table(
            page,
            "ablation-94",
            _ablation("ablation_94", "held-back accuracy", "seconds an epoch"),
        )
        write_table(page, "lab", "\n".join(_lab_lines()))
        write_table(_ROOT / "README.md", "measured", _side_by_side(tables))
    for kind, rows in tables.items():
        print(kind_title(kind))
        for row in rows:
            print(f"  {row.claim:68}  {row.goal:14}  {row.measured}")


def _table(kind: str, rows: Sequence[Row]) -> str:
    lines = [f"### {kind_title(kind)}", "", "| what | to reach | measured | date | command |"]
    lines += ["|---|---|---|---|---|"]
    lines += [f"| {r.claim} | {r.goal} | {r.measured} | {r.date} | `{r.command}` |" for r in rows]
    return "\n".join(lines)


def _side_by_side(tables: Mapping[str, Sequence[Row]]) -> str:
    """Return the short rows, with a column for each kind of processor that has any."""
    found = {kind: {row.claim: row for row in rows if row.short} for kind, rows in tables.items()}
    found = {kind: rows for kind, rows in found.items() if rows}
    claims = dict.fromkeys(claim for rows in found.values() for claim in rows)
    lines = [
        "| what | to reach | " + " | ".join(kind_title(kind) for kind in found) + " |",
        "|---|---|" + "---|" * len(found),
    ]
    for claim in claims:
        goal = next(rows[claim].goal for rows in found.values() if claim in rows)
        cells = [rows[claim].measured if claim in rows else "–" for rows in found.values()]
        lines.append(f"| {claim} | {goal} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _newest(name: str) -> Results | None:
    """Return the newest results of this name, on any kind of processor."""
    found = [results for kind in all_kinds() if (results := read_results(kind, name))]
    return max(found, key=lambda results: str(results["date"]), default=None)


def _ablation(name: str, accuracy: str, seconds: str) -> str:
    results = _newest(name)
    if results is None:
        return ""
    lines = [f"| recipe | {accuracy}, mean (range) | {seconds}, median |", "|---|---|---|"]
    for row in results["rows"]:
        accuracies = 100 * np.array(row["accuracies"])
        lines.append(
            f"| {row['what']} | {accuracies.mean():.1f} % "
            f"({accuracies.min():.1f}–{accuracies.max():.1f}) | {np.median(row['seconds']):.1f} |"
        )
    return "\n".join(lines)


def _curve_lines() -> Iterator[str]:
    yield "| recipe | processor | accuracy after so many seconds of training |"
    yield "|---|---|---|"
    for kind in all_kinds():
        for name, points in curves(kind).items():
            texts = [f"{time:.0f} s: {100 * accuracy:.1f} %" for time, accuracy in points]
            yield f"| {name} | {kind_title(kind)} | {', '.join(texts)} |"


def _lab_lines() -> Iterator[str]:
    yield "| experiment, seed | run | training | validation | gap | loss turned | seconds |"
    yield "|---|---|---|---|---|---|---|"
    results = _newest("lab")
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


def write_table(path: Path, name: str, table: str) -> None:
    """Put a table between its marker lines in a page."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    text = path.read_text()
    before, _, rest = text.partition(begin)
    _, marker, after = rest.partition(end)
    if not marker:
        raise SystemExit(f"{path.name} lacks the markers {begin} and {end}.")
    path.write_text(f"{before}{begin}\n{table}\n{end}{after}")


if __name__ == "__main__":
    main()
