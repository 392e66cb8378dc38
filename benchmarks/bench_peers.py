"""Training speed of cifarviz, Keras and PyTorch in turns: images a second, six networks.

All train on the same images of the embedded sample, without validation. cifarviz is a complete run
with all files it writes; plain Keras is typical user code in float32; tuned Keras is the same with
all its guides suggest (tuned_keras.py); PyTorch its fastest way of four (torch_training.py). The
rate of a large matrix product is measured in the same turns.

    python -m benchmarks.bench_peers [ROUNDS] [--torch FOLDER] [--as-avx2] [--only PRESET]…

``--torch`` makes a virtual environment with PyTorch there, or uses the one that is there; without
it PyTorch is left out. ``--as-avx2`` keeps all from instructions newer than AVX2, and oneDNN off
where TensorFlow would leave it off there: a stand-in where no such processor is at hand.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.alternating import Contender, Spread, measure
from benchmarks.results_file import write_results
from cifarviz.data.library import load
from cifarviz.experiment.presets import PRESETS
from cifarviz.processor import ONEDNN, VARIABLES, has_bfloat16, instruction_set, machine_name
from cifarviz.settings import Settings

_IMAGES = 3840
_CASES = (
    ("cifar10-starter", 4),
    ("cifar10-starter", 128),
    ("cifar10-vgg", 32),
    ("cifar10-vgg", 128),
    ("cifar10-dropout", 32),
    ("cifar10-dropout", 128),
    ("cifar10-ensemble", 100),
    ("cifar10-ensemble", 128),
    ("cifar10-separable", 128),
    ("cifar10-resnet20", 128),
)
_GOAL = 1.15
_OURS, _PLAIN, _TUNED, _TORCH = "cifarviz", "plain Keras", "tuned Keras", "PyTorch"
_PRODUCT = "matrix product"
_AS_AVX2 = {
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "ATEN_CPU_CAPABILITY": "avx2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
}


def main() -> None:
    """Print a line for each network, batch size and precision, and write the results."""
    parser = argparse.ArgumentParser()
    parser.add_argument("rounds", nargs="?", type=int, default=5)
    parser.add_argument("--torch", type=Path)
    parser.add_argument("--as-avx2", action="store_true")
    presets = list(dict.fromkeys(preset for preset, _ in _CASES))
    parser.add_argument("--only", choices=presets, action="append", default=[])
    options = parser.parse_args()
    if options.as_avx2:
        os.environ |= _AS_AVX2
    # Plain Keras must be as TensorFlow alone is.
    for name in VARIABLES:
        os.environ.pop(name, None)
    torch = None if options.torch is None else _torch_python(options.torch)
    precisions = ("float32", "bfloat16") if has_bfloat16() else ("float32",)
    print(f"{machine_name()}, {instruction_set()}; medians of {options.rounds} rounds, images/s")
    rows = []
    with tempfile.TemporaryDirectory(prefix="cifarviz-bench-") as folder:
        images = Path(folder) / "images.npz"
        _save_images(images)
        for preset, batch_size in _CASES:
            if preset in (options.only or presets):
                for precision in precisions:
                    contenders = _contenders(
                        preset, batch_size, precision, torch, images, as_avx2=options.as_avx2
                    )
                    speeds = measure(contenders, options.rounds)
                    rows.append(_row(preset, batch_size, precision, speeds))
                    _print(rows[-1])
    if torch is not None:
        command = f"python -m benchmarks.bench_peers {options.rounds} --torch FOLDER"
        command += " --as-avx2" * options.as_avx2
        command += "".join(f" --only {preset}" for preset in options.only)
        write_results("peers", command, {"rounds": options.rounds, "rows": rows})


def _torch_python(folder: Path) -> str:
    """Return the Python of an environment with PyTorch, and make it if there is none."""
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "torch", "numpy"], check=True)
    return str(python.absolute())


def _save_images(path: Path) -> None:
    train = load("cifar10", "sample", Settings.from_environment()).train
    pixels = train.images[:_IMAGES].astype("float32")
    scaled = (pixels - pixels.mean((0, 1, 2))) / pixels.std((0, 1, 2))
    np.savez(path, images=scaled, labels=train.labels[:_IMAGES].astype("int64"))


def _contenders(
    preset: str,
    batch_size: int,
    precision: str,
    torch: str | None,
    images: Path,
    *,
    as_avx2: bool,
) -> list[Contender]:
    size, count = str(batch_size), str(_IMAGES)
    contenders = [
        Contender(_OURS, "benchmarks.our_training", (preset, size, count, "3", precision)),
        Contender(
            _PLAIN,
            "benchmarks.plain_keras",
            (preset, size, count),
            ((ONEDNN, "0"),) if as_avx2 else (),
        ),
        Contender(
            _TUNED, "benchmarks.tuned_keras", (preset, size, count, precision), ((ONEDNN, "1"),)
        ),
        Contender(_PRODUCT, "benchmarks.matrix_product", (precision,), ((ONEDNN, "1"),)),
    ]
    if torch is not None:
        script = str(Path(__file__).parent / "torch_training.py")
        arguments = (preset, size, str(images), precision)
        contenders.append(Contender(_TORCH, script, arguments, python=torch))
    return contenders


def _row(
    preset: str, batch_size: int, precision: str, speeds: Mapping[str, Spread]
) -> dict[str, object]:
    operations = 6 * PRESETS[preset].experiment.architecture.trace().operations
    peers = [name for name in speeds if name not in (_OURS, _PRODUCT)]
    best = max(peers, key=lambda name: speeds[name].median)
    ratios = {name: _ratios(speeds[_OURS].values, speeds[name].values) for name in peers}
    shares = {
        name: speeds[name].median * operations / speeds[_PRODUCT].median
        for name in speeds
        if name != _PRODUCT
    }
    return {
        "preset": preset,
        "batch_size": batch_size,
        "precision": precision,
        "images_per_second": {name: list(spread.values) for name, spread in speeds.items()},
        "best_peer": best,
        "ratios": ratios,
        "share_of_product": shares,
    }


def _ratios(ours: Sequence[float], peers: Sequence[float]) -> list[float]:
    """Of each round, which had the same load."""
    return [a / b for a, b in zip(ours, peers, strict=True)]


def _print(row: Mapping[str, object]) -> None:
    speeds, ratios, shares = (row[n] for n in ("images_per_second", "ratios", "share_of_product"))
    assert isinstance(speeds, dict)
    assert isinstance(ratios, dict)
    assert isinstance(shares, dict)
    best = np.median(ratios[row["best_peer"]])
    text = ", ".join(
        f"{name} {np.median(values):,.0f}" for name, values in speeds.items() if name != _PRODUCT
    )
    print(
        f"{row['preset']}, batch {row['batch_size']}, {row['precision']}: {text}; "
        f"{best:.2f}× the best peer{'' if best >= _GOAL else ' (MISSED)'}, "
        f"{np.median(ratios[_PLAIN]):.2f}× plain Keras, {shares[_OURS]:.2f} of the product's rate "
        f"({np.median(speeds[_PRODUCT]) / 1e12:.2f} TFLOP/s)",
        flush=True,
    )


if __name__ == "__main__":
    main()
