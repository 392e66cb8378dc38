"""The tune-up: times a few training steps for each sensible use of the processor.

Each use is tried in a process of its own, because TensorFlow reads it when it is imported. The
best is stored in the home, and used from the next start on.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from math import prod
from pathlib import Path

from cifarviz.errors import TuneUpFailed, TuneUpGivenUp
from cifarviz.experiment.presets import PRESETS
from cifarviz.processor import (
    TENSORFLOW_ALONE,
    TUNED_FILE,
    ProcessorUse,
    Trial,
    Tuned,
    default_use,
    environment_with,
    given_variables,
    has_bfloat16,
    tuned_content,
    usable_cores,
)
from cifarviz.storage import atomic_write, storage_errors

PRESETS_TIMED = ("cifar10-vgg", "cifar10-starter")
"""A network of large convolutions, and one of small batches."""
BUDGET_SECONDS = 60.0
# Less than this may be due to other programs.
_MIN_GAIN = 1.05
_POLL_SECONDS = 0.1
_LOWEST_PRIORITY = 19


@dataclass(frozen=True)
class TuneUpProgress:
    """Which trial is under way, counted from 1, of at most how many; and what it tries."""

    trial: int
    trials: int
    text: str


def tune_up(
    home: Path,
    on_progress: Callable[[TuneUpProgress], None] = lambda progress: None,
    given_up: Callable[[], bool] = lambda: False,
    *,
    quiet: bool = False,
) -> Tuned:
    """Find the best use of this processor within a minute, and store it in ``home``.

    Then, where bfloat16 may be faster, the faster precision of each preset is stored, too, so that
    their first runs need not find it. ``given_up`` is asked ten times a second; ``quiet`` gives
    other programs precedence. Raises ``TuneUpGivenUp``, ``TuneUpFailed`` and ``StorageFull``.
    """
    began = time.monotonic()
    trials: list[Trial] = []
    tried: list[ProcessorUse] = []
    longest = 0.0
    for planned, most in _uses(usable_cores(), trials):
        use = planned.with_environment(given_variables())
        trial_began = time.monotonic()
        left = began + BUDGET_SECONDS - trial_began
        if use in tried or (trials and left < 1.2 * longest):
            continue
        tried.append(use)
        on_progress(TuneUpProgress(len(tried), most, use.describe()))
        lines = _run_trial(home, use, PRESETS_TIMED, left, given_up, quiet=quiet)
        longest = max(longest, time.monotonic() - trial_began)
        speeds = {name: float(speed) for name, speed in lines}
        if tuple(speeds) == PRESETS_TIMED:
            trials.append(Trial(use, speeds))
    if not trials:
        raise TuneUpFailed(
            "No training step could be timed on this computer within {seconds:.0f} s. It is used "
            "as before. Try again when nothing else is at work.",
            seconds=BUDGET_SECONDS,
        )
    tuned = Tuned(best_use(trials).use, tuple(trials), datetime.now(UTC).date().isoformat())
    home.mkdir(parents=True, exist_ok=True)
    with storage_errors(home), atomic_write(home / TUNED_FILE) as part:
        part.write_text(json.dumps(tuned_content(tuned), indent=1), "utf-8")
    left = began + BUDGET_SECONDS - time.monotonic()
    if has_bfloat16() is not False and left > longest:
        on_progress(TuneUpProgress(most, most, "the faster precision of each preset"))
        _run_trial(home, tuned.use, ("--precisions", *PRESETS), left, given_up, quiet=quiet)
    return tuned


def best_use(trials: Sequence[Trial]) -> Trial:
    """Return the quickest trial; the default use, or the first, unless it is clearly slower."""
    usual = default_use().with_environment(given_variables())
    kept = next((trial for trial in trials if trial.use == usual), trials[0])
    best = max(trials, key=lambda trial: gain(trial, kept))
    return best if gain(best, kept) >= _MIN_GAIN else kept


def gain(trial: Trial, other: Trial) -> float:
    """How many times as fast a trial was as another: the geometric mean over the presets."""
    ratios = [
        trial.images_per_second[name] / other.images_per_second[name]
        for name in other.images_per_second
    ]
    return float(prod(ratios) ** (1 / len(ratios)))


def tensorflow_alone(tuned: Tuned) -> Trial | None:
    """Return the trial of TensorFlow by itself; ``None`` if it failed."""
    alone = TENSORFLOW_ALONE.with_environment(given_variables())
    return next((trial for trial in tuned.trials if trial.use == alone), None)


def describe(tuned: Tuned) -> str:
    """What was chosen and what it brings, in two sentences."""
    choice = f"Chosen for this computer: {tuned.use.describe()}."
    alone = tensorflow_alone(tuned)
    chosen = next((trial for trial in tuned.trials if trial.use == tuned.use), None)
    if alone is None or chosen is None:
        return choice
    factor = gain(chosen, alone)
    if factor < _MIN_GAIN:
        return f"{choice} TensorFlow by itself is about as fast here."
    speeds = " and ".join(
        f"{name} {chosen.images_per_second[name]:,.0f} instead of {speed:,.0f} images a second"
        for name, speed in alone.images_per_second.items()
    )
    return (
        f"{choice} That is {factor:.1f} times as fast as TensorFlow by itself, in float32: "
        f"{speeds}."
    )


def _uses(cores: int, trials: Sequence[Trial]) -> Iterator[tuple[ProcessorUse, int]]:
    """Yield what to try, and how many there are at most, the most promising first.

    Later ones take over what ``trials`` have shown of the earlier.
    """
    usual = default_use()
    threads = _thread_uses(cores)
    first = [TENSORFLOW_ALONE, usual]
    if usual.onednn is None:
        first += [_with_onednn(usual, True), _with_onednn(usual, False)]
    most = len({*first, *(_with_onednn(use, usual.onednn) for use in threads)})
    for use in first:
        yield use, most
    onednn = best_use(trials).use.onednn if trials else usual.onednn
    for use in threads:
        yield _with_onednn(use, onednn), most


def _thread_uses(cores: int) -> list[ProcessorUse]:
    """All cores and half of them, in one operation at a time, in as many as cores, and between."""
    uses = []
    for used in (cores, cores // 2) if cores > 2 else (cores,):
        parts = 1
        while parts <= used:
            uses.append(ProcessorUse(None, used // parts, parts, parts))
            parts *= 2
        uses.append(ProcessorUse(None, 1, used, used))
    # TensorFlow's own threads with oneDNN decided, too.
    return list(dict.fromkeys([ProcessorUse(), *reversed(uses)] if cores > 1 else uses))


def _with_onednn(use: ProcessorUse, onednn: bool | None) -> ProcessorUse:
    return ProcessorUse(onednn, use.intra_threads, use.inter_threads, use.batch_parts)


def _run_trial(
    home: Path,
    use: ProcessorUse,
    arguments: Sequence[str],
    seconds: float,
    given_up: Callable[[], bool],
    *,
    quiet: bool,
) -> list[list[str]]:
    """Return the words of each line of ``trial.py``; fewer if it failed or took too long."""
    process = subprocess.Popen(  # noqa: S603 - a fixed program, no shell
        [sys.executable, "-P", "-m", "cifarviz.training.trial", *arguments],
        env={**environment_with(use), "CIFARVIZ_HOME": str(home)},
        # Its end is closed with this process, also if that is killed; then the trial ends, too.
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    # From here, so that its imports, too, give precedence to everything else.
    if quiet and hasattr(os, "setpriority"):
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, process.pid, _LOWEST_PRIORITY)
    ends = time.monotonic() + seconds
    with process:
        try:
            while process.poll() is None and time.monotonic() < ends:
                if given_up():
                    raise TuneUpGivenUp(
                        "The tune-up was given up, because a run or a search for a learning rate "
                        "began, or somebody stopped it. Start it again when nothing trains."
                    )
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_POLL_SECONDS)
        finally:
            process.kill()
        assert process.stdout is not None
        return [line.split() for line in process.stdout]
