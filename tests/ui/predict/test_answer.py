import pytest

from cifarviz.analysis.predictions import RankedClass
from cifarviz.ui.predict.uploads import answer_in_words


def ranked(*probabilities: float) -> list[RankedClass]:
    names = ("cat", "dog", "frog")
    return [RankedClass(i, names[i], p) for i, p in enumerate(probabilities)]


@pytest.mark.parametrize(
    ("probabilities", "words"),
    [
        ((0.95, 0.03, 0.02), "The network is sure: **cat**, 95.0%."),
        ((0.6, 0.3, 0.1), "The network thinks it is **cat**, 60.0%; next comes dog with 30.0%."),
        ((0.4, 0.35, 0.25), "The network is undecided: **cat**, 40.0%, before dog with 35.0%."),
    ],
)
def test_the_words_are_as_sure_as_the_network(probabilities: tuple[float, ...], words: str) -> None:
    assert answer_in_words(ranked(*probabilities)) == words


def test_the_true_class_is_held_against_it() -> None:
    answer = ranked(0.95, 0.03, 0.02)
    assert answer_in_words(answer, actual=0).endswith("95.0%. That is right.")
    assert answer_in_words(answer, actual=2).endswith(
        "That is wrong: it is frog, to which it gives 2.0%."
    )
