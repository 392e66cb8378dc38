"""Measure a run's speed, and choose how many steps to make per call."""

import numpy as np

# Seconds that one call of the compiled step should take: charts move at least four times a
# second, and a stop need not wait long.
_CHUNK_SECONDS = 0.15
_MAX_CHUNK = 512
# How much earlier calls count at each new one.
_RETAINED = 0.8


class SpeedMeter:
    """Measures from each call how long a step takes."""

    def __init__(self) -> None:
        self.chunk = 1
        """How many steps the next call should make."""
        self.seconds_per_step: float | None = None
        self.current: float | None = None
        """Recent images per second."""
        # Steps and seconds of recent calls; a call counts by its steps.
        self._recent_steps = self._recent_seconds = 0.0
        self._first_epoch: int | None = None
        self._later = [0, 0.0]
        self._first = [0, 0.0]
        self._warm = False

    def add(self, epoch: int, images: int, steps: int, seconds: float) -> None:
        """Add the measurement of one call."""
        if not self._warm:
            # The first call also builds the graph.
            self._warm, self._first_epoch = True, epoch
            return
        total = self._first if epoch == self._first_epoch else self._later
        total[0] += images
        total[1] += seconds
        self._recent_steps = _RETAINED * self._recent_steps + steps
        self._recent_seconds = _RETAINED * self._recent_seconds + seconds
        self.seconds_per_step = self._recent_seconds / self._recent_steps
        self.current = images / steps / self.seconds_per_step
        self.chunk = int(np.clip(_CHUNK_SECONDS / self.seconds_per_step, 1, _MAX_CHUNK))

    @property
    def mean(self) -> float | None:
        """Images per second from the second epoch on, or of the first if there is no other."""
        images, seconds = self._later if self._later[0] else self._first
        return images / seconds if seconds else None


def next_batches(order: np.ndarray, done: int, batch_size: int, most: int) -> np.ndarray:
    """Return the next batches of an epoch as rows; a smaller last batch comes alone."""
    first = done * batch_size
    full_batches = min(most, (len(order) - first) // batch_size)
    if full_batches == 0:
        return order[None, first:]
    return order[first : first + full_batches * batch_size].reshape(full_batches, batch_size)
