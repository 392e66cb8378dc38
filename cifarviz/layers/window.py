"""A square window that slides over a map, with TensorFlow's strides and padding."""

from dataclasses import dataclass

from cifarviz.layers.choices import Padding

Span = tuple[int, int]
"""First and last row or column, both included."""


@dataclass(frozen=True)
class Window:
    """``size`` rows and columns, moved by ``strides`` at a time.

    With ``dilation`` d it takes only each d-th row and column of a larger window.
    """

    size: int
    strides: int
    padding: Padding
    dilation: int = 1

    @property
    def extent(self) -> int:
        """Its height and width on the map, including the rows it skips."""
        return (self.size - 1) * self.dilation + 1

    def places(self, size: int) -> int:
        """Return the number of output rows or columns for ``size`` input rows or columns."""
        if self.padding == "same":
            return -(-size // self.strides)
        return (size - self.extent) // self.strides + 1

    def first(self, size: int) -> int:
        """Return the row or column where the first window begins; negative where it is padded."""
        if self.padding != "same":
            return 0
        # TensorFlow adds the larger half of an odd padding at the end.
        return -(max((self.places(size) - 1) * self.strides + self.extent - size, 0) // 2)

    def span_before(self, span: Span, size: int) -> Span:
        """Return which of the ``size`` input rows or columns ``span`` depends on."""
        first = span[0] * self.strides + self.first(size)
        last = span[1] * self.strides + self.first(size) + self.extent - 1
        return max(first, 0), min(last, size - 1)
