"""An order of the classes in which those that a network confuses stand beside each other."""

import numpy as np
from numpy.typing import NDArray

from cifarviz.loading import HEAVY_IMPORTS


def confusable_order(confusion: NDArray[np.integer]) -> tuple[int, ...]:
    """Order the classes of a confusion matrix, rows actual, so that confusable ones are near.

    Two classes are the closer the larger the share of the one that is taken for the other, on
    average of both ways. They are clustered by average linkage, and the clusters turned so that
    neighbours are as close as can be (Bar-Joseph et al., "Fast optimal leaf ordering for
    hierarchical clustering", 2001). Without any confusion it is the usual order.
    """
    count = len(confusion)
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    close = (shares + shares.T) / 2
    np.fill_diagonal(close, 0)
    if count < 3 or not close.any():
        return tuple(range(count))
    with HEAVY_IMPORTS:
        from scipy.cluster.hierarchy import leaves_list, linkage

    apart = close.max() - close
    pairs = apart[np.triu_indices(count, 1)]
    order = [int(one) for one in leaves_list(linkage(pairs, "average", optimal_ordering=True))]
    # Read backwards it is as good an order: the one that begins with the earlier class.
    return tuple(order if order[0] <= order[-1] else reversed(order))
