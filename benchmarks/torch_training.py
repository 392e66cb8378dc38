"""A contender: PyTorch at its best, in an environment of its own, without cifarviz.

It times a few steps in each way that its guides suggest (plain, channels last, compiled), and
trains in the fastest: for each line on standard input an epoch, and prints images a second. On
standard error it names the way.

    python benchmarks/torch_training.py PRESET BATCH_SIZE IMAGES.npz PRECISION
"""

import subprocess
import sys
import time
from contextlib import nullcontext
from itertools import product

import numpy as np
import torch
from torch import nn

_TIMED_STEPS = 8
# Compiled, and channels last.
_WAYS = tuple(product((False, True), repeat=2))


def starter() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(3, 32, 3), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(64, 64, 3), nn.ReLU(), nn.Flatten()),
        *(nn.Linear(1024, 64), nn.ReLU(), nn.Linear(64, 10)),
    )


def vgg() -> nn.Module:
    layers: list[nn.Module] = []
    channels = 3
    for filters in (32, 64, 128):
        layers += [nn.Conv2d(channels, filters, 3, padding=1), nn.ReLU()]
        layers += [nn.Conv2d(filters, filters, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        channels = filters
    head = (nn.Flatten(), nn.Linear(2048, 256), nn.ReLU(), nn.Linear(256, 10))
    return nn.Sequential(*layers, *head)


def dropout() -> nn.Module:
    layers: list[nn.Module] = []
    channels = 3
    for filters in (32, 64):
        layers += [nn.Conv2d(channels, filters, 3, padding=1), nn.ReLU()]
        layers += [nn.Conv2d(filters, filters, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        layers.append(nn.Dropout(0.25))
        channels = filters
    head = (nn.Flatten(), nn.Linear(4096, 512), nn.ReLU(), nn.Dropout(0.5), nn.Linear(512, 10))
    return nn.Sequential(*layers, *head)


def ensemble_member() -> nn.Module:
    layers: list[nn.Module] = []
    channels = 3
    for filters in (15, 30, 30, 30):
        layers += [nn.Conv2d(channels, filters, 4, padding="same"), nn.ReLU(), nn.MaxPool2d(2)]
        channels = filters
    layers.append(nn.Flatten())
    inputs = 120
    for units in (200, 200, 100, 100):
        layers += [nn.Linear(inputs, units), nn.ReLU(), nn.Dropout(0.5)]
        inputs = units
    return nn.Sequential(*layers, nn.Linear(inputs, 10))


def separable() -> nn.Module:
    def block(inputs: int, filters: int, *, pooled: bool = False) -> list[nn.Module]:
        return [
            nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs, bias=False),
            nn.Conv2d(inputs, filters, 1, bias=False),
            *([nn.MaxPool2d(2)] if pooled else []),
            nn.BatchNorm2d(filters),
            nn.ReLU(),
        ]

    stem = (nn.Conv2d(3, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU())
    blocks = [
        *block(32, 64, pooled=True),
        *block(64, 128),
        *block(128, 128, pooled=True),
        *block(128, 192),
        *block(192, 192),
    ]
    head = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(192, 10))
    return nn.Sequential(*stem, *blocks, *head)


class _Residual(nn.Module):
    def __init__(self, inputs: int, filters: int) -> None:
        super().__init__()
        self.strides = 1 if inputs == filters else 2
        self.added = filters - inputs
        self.branch = nn.Sequential(
            *(nn.Conv2d(inputs, filters, 3, self.strides, 1, bias=False), nn.BatchNorm2d(filters)),
            nn.ReLU(),
            *(nn.Conv2d(filters, filters, 3, 1, 1, bias=False), nn.BatchNorm2d(filters)),
        )

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        shortcut = values[:, :, :: self.strides, :: self.strides]
        shortcut = nn.functional.pad(shortcut, (0, 0, 0, 0, 0, self.added))
        return torch.relu(self.branch(values) + shortcut)


def resnet20() -> nn.Module:
    blocks: list[nn.Module] = []
    channels = 16
    for filters in (16, 32, 64):
        for _ in range(3):
            blocks.append(_Residual(channels, filters))
            channels = filters
    stem = (nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
    head = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))
    return nn.Sequential(*stem, *blocks, *head)


_NETWORKS = {
    "cifar10-starter": starter,
    "cifar10-vgg": vgg,
    "cifar10-dropout": dropout,
    "cifar10-ensemble": ensemble_member,
    "cifar10-separable": separable,
    "cifar10-resnet20": resnet20,
}


class _Way:
    """A network with its optimizer, trained plainly or in one of the faster ways."""

    def __init__(self, preset: str, bfloat16: bool, *, channels_last: bool, compiled: bool) -> None:
        self.name = ("channels last" if channels_last else "plain") + (
            ", compiled" if compiled else ""
        )
        self._format = torch.channels_last if channels_last else torch.contiguous_format
        network = _NETWORKS[preset]().to(memory_format=self._format)
        self._optimizer = torch.optim.Adam(network.parameters(), 1e-3)
        self._network = torch.compile(network) if compiled else network
        self._bfloat16 = bfloat16

    def train(
        self, images: torch.Tensor, labels: torch.Tensor, batch_size: int, steps: int
    ) -> None:
        """Train so many steps on batches in a random order."""
        order = torch.randperm(len(images))
        for step in range(steps):
            chosen = order[step * batch_size : (step + 1) * batch_size]
            batch = images[chosen].to(memory_format=self._format)
            self._optimizer.zero_grad(set_to_none=True)
            with torch.autocast("cpu", torch.bfloat16) if self._bfloat16 else nullcontext():
                loss = nn.functional.cross_entropy(self._network(batch), labels[chosen])
            loss.backward()
            self._optimizer.step()


def main() -> None:
    """Find the fastest way; then train an epoch for each line."""
    preset, batch_size, path, precision = sys.argv[1:5]
    size, content = int(batch_size), np.load(path)
    images = torch.from_numpy(content["images"]).permute(0, 3, 1, 2).contiguous()
    labels = torch.from_numpy(content["labels"])
    steps = len(images) // size

    def make(number: int) -> _Way:
        compiled, channels_last = _WAYS[number]
        return _Way(preset, precision == "bfloat16", channels_last=channels_last, compiled=compiled)

    if len(sys.argv) > 5:
        way = make(int(sys.argv[5]))
        way.train(images, labels, size, 2)
        began = time.perf_counter()
        way.train(images, labels, size, min(_TIMED_STEPS, steps))
        print(time.perf_counter() - began)
        return
    best = make(_fastest())
    print(best.name, file=sys.stderr)
    best.train(images, labels, size, steps)
    print("ready", flush=True)
    for _ in sys.stdin:
        began = time.perf_counter()
        best.train(images, labels, size, steps)
        print(steps * size / (time.perf_counter() - began), flush=True)


def _fastest() -> int:
    """Time each way in a process of its own: compiled code may crash, or there is no compiler."""
    seconds = {}
    for number in range(len(_WAYS)):
        timed = subprocess.run(
            [sys.executable, *sys.argv, str(number)], capture_output=True, text=True, check=False
        )
        if timed.returncode == 0:
            seconds[number] = float(timed.stdout)
        else:
            lines = timed.stderr.splitlines()
            print(f"way {number} failed: {lines[-1] if lines else ''}", file=sys.stderr)
    if not seconds:
        raise SystemExit("PyTorch could train in no way.")
    return min(seconds, key=lambda number: seconds[number])


if __name__ == "__main__":
    main()
