"""Whether one of two networks is better, in words."""

import pytest

from cifarviz.analysis.disagreements import mcnemar_p_value
from cifarviz.ui.evaluate.comparison import chance_words


@pytest.mark.parametrize(
    ("only_a", "only_b", "words", "said_else"),
    [
        (0, 0, "nothing tells them apart", "better"),
        (4, 4, "as even as can be", "hardly"),
        (6, 4, "does not show that either is better", "hardly"),
        (40, 10, "**A is better**", "rarity"),
        (10, 40, "**B is better**", "rarity"),
        (1, 0, "**1** image is recognised by only one", "hardly"),
    ],
)
def test_only_what_is_hardly_chance_makes_one_better(
    only_a: int, only_b: int, words: str, said_else: str
) -> None:
    said = chance_words(only_a, only_b, mcnemar_p_value(only_a, only_b))
    assert words in said
    assert said_else not in said
