"""The conclusion of comparing two networks."""

import pytest

from cifarviz.analysis.disagreements import mcnemar_p_value
from cifarviz.ui.evaluate.comparison import significance_text


@pytest.mark.parametrize(
    ("only_a", "only_b", "expected", "unexpected"),
    [
        (0, 0, "they do not differ", "better"),
        (4, 4, "neither is better", "hardly"),
        (6, 4, "does not show that either is better", "hardly"),
        (40, 10, "**A is better**", "does not show"),
        (10, 40, "**B is better**", "does not show"),
        (1, 0, "**1** image is recognised by only one", "hardly"),
    ],
)
def test_a_network_is_called_better_only_if_chance_is_unlikely(
    only_a: int, only_b: int, expected: str, unexpected: str
) -> None:
    text = significance_text(only_a, only_b, mcnemar_p_value(only_a, only_b))
    assert expected in text
    assert unexpected not in text
