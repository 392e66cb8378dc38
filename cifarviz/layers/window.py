"""A square window that slides over a map: TensorFlow's arithmetic of strides and padding."""

from dataclasses import dataclass

from cifarviz.layers.choices import Padding

Span = tuple[int, int]
"""First and last row, or column; both are in it."""


@dataclass(frozen=True)
class Window:
    """``size`` rows and columns, moved by ``strides`` at a time."""

    size: int
    strides: int
    padding: Padding

    def places(self, size: int) -> int:
        """How many rows, or columns, come out where ``size`` come in."""
        if self.padding == "same":
            return -(-size // self.strides)
        return (size - self.size) // self.strides + 1

    def span_before(self, span: Span, size: int) -> Span:
        """Which of the ``size`` rows, or columns, that come in ``span`` is made of."""
        added = 0
        if self.padding == "same":
            # As TensorFlow pads: of an odd number, the one more is added at the end.
            added = max((self.places(size) - 1) * self.strides + self.size - size, 0)
        first = span[0] * self.strides - added // 2
        last = span[1] * self.strides - added // 2 + self.size - 1
        return max(first, 0), min(last, size - 1)
