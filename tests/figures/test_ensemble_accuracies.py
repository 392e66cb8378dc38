"""The accuracies of an ensemble and of its members as a figure."""

import pytest

from cifarviz.figures.ensemble_accuracies import (
    MAJORITY,
    SUM,
    EnsembleAccuracies,
    ensemble_accuracies,
    ensemble_accuracies_figure,
)


def shaped(**changes: object) -> EnsembleAccuracies:
    given: dict[str, object] = {"by_sum": 0.7, "by_majority": 0.69, **changes}
    return ensemble_accuracies(
        ["1 · seed 1", "2 · seed 2"],
        ["first", "second"],
        [0.65, 0.66],
        **given,  # type: ignore[arg-type]
    )


def test_members_and_ensemble_have_their_own_rows() -> None:
    members, ensemble, published = ensemble_accuracies_figure(shaped()).data
    assert list(zip(members.y, members.x, strict=True)) == [
        ("1 · seed 1", 0.65),
        ("2 · seed 2", 0.66),
    ]
    assert list(zip(ensemble.y, ensemble.x, strict=True)) == [(MAJORITY, 0.69), (SUM, 0.7)]
    assert list(members.customdata) == ["first", "second"]
    assert not published.y


def test_published_accuracies_have_a_row_inside_the_axis() -> None:
    figure = ensemble_accuracies_figure(shaped(published=[("Published ensemble", 0.9)]))
    assert list(figure.data[2].y) == ["Published ensemble"]
    assert figure.layout.yaxis.categoryarray[-1] == "Published ensemble"
    low, high = figure.layout.xaxis.range
    assert 0 <= low < 0.65 < 0.9 < high <= 1


def test_lists_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="1 labels, 1 names, 2 members"):
        ensemble_accuracies(["a"], ["a"], [0.1, 0.2], by_sum=0.3, by_majority=0.3)


def test_without_members_there_is_a_message() -> None:
    value = ensemble_accuracies([], [], [], by_sum=0, by_majority=0)
    assert ensemble_accuracies_figure(value).layout.annotations[0].text.startswith("No members")
