"""Members of an ensemble: candidates, labels, address and suggestions."""

import numpy as np
import pytest

from cifarviz.analysis.members import Member
from cifarviz.runs.artifacts import Checkpoint
from cifarviz.runs.records import Run
from cifarviz.runs.states import RunState
from cifarviz.runs.store import RunStore
from cifarviz.settings import Settings
from cifarviz.ui.ensemble.members import (
    format_members,
    member_labels,
    member_options,
    parse_members,
    short_member_labels,
    suggestions,
)
from tests import stored_runs


@pytest.fixture
def store(settings: Settings) -> RunStore:
    return RunStore(settings)


@pytest.fixture
def run(store: RunStore) -> Run:
    return stored_runs.store_run(store, stored_runs.experiment())


def trained(
    store: RunStore,
    name: str = "net",
    *,
    checkpoints: tuple[Checkpoint, ...] = ("last",),
    state: RunState = RunState.FINISHED,
    **fields: object,
) -> Run:
    run = stored_runs.store_run(store, stored_runs.experiment(**fields), name=name, state=state)
    for which in checkpoints:
        stored_runs.add_checkpoint(store, run, which)
    return run


def save_predictions(store: RunStore, run: Run, *epochs: int) -> None:
    for epoch in epochs:
        stored_runs.save_predictions(store, run, epoch, np.zeros((3, 10)), np.arange(3))


def train_team(store: RunStore, *seeds: int, batch_size: int = 4) -> None:
    for number, seed in enumerate(seeds, 1):
        name = f"net, seed {seed} (member {number} of {len(seeds)})"
        run = trained(store, name, seed=seed, test_epochs=(1, 2), batch_size=batch_size)
        save_predictions(store, run, 1, 2)


# Options and names


def test_available_weights_replace_the_preferred_weights(store: RunStore) -> None:
    run = trained(store, checkpoints=("best",))
    both = trained(store, checkpoints=("last", "best"))
    removed = trained(store, checkpoints=())
    assert member_options(store, [run, both, removed], "last") == [
        Member(run, "best"),
        Member(both),
    ]
    assert member_options(store, [run, both], "best") == [Member(run, "best"), Member(both, "best")]


def test_labels_have_seed_data_and_end_and_are_all_different(store: RunStore) -> None:
    first, second = trained(store, seed=7), trained(store, seed=7)
    stopped = trained(store, "half", state=RunState.STOPPED, seed=2)
    labels = member_labels([Member(first), Member(second), Member(stopped, "best")])
    assert len(set(labels)) == 3
    assert all(label.startswith("net, seed 7, CIFAR-10 sample") for label in labels[:2])
    assert labels[2] == "half, seed 2, CIFAR-10 sample, stopped after 3 of 3 epochs, best epoch 3"


def test_short_labels_have_what_differs_between_members(store: RunStore) -> None:
    first, second = trained(store, seed=1), trained(store, seed=2)
    other = trained(store, "another network with a long name", seed=3)
    for members, labels in (
        ([Member(first), Member(second)], ["1 · seed 1", "2 · seed 2"]),
        ([Member(first, 15), Member(first, 30)], ["1 · epoch 15", "2 · epoch 30"]),
        ([Member(first), Member(other)], ["1 · net", "2 · another network w…"]),
    ):
        assert short_member_labels(members) == labels


def test_short_labels_have_several_parts_where_one_does_not_suffice(store: RunStore) -> None:
    seeds = [
        trained(store, f"Four networks voting, seed {seed} (member {seed} of 2)", seed=seed)
        for seed in (1, 2)
    ]
    alone = trained(store, "Four networks voting, as published", seed=1)
    last = Member(seeds[0]).label
    members = [*map(Member, seeds), Member(alone, 15), Member(alone, 30)]
    assert short_member_labels(members) == [
        f"1 · seed 1, {last}",
        f"2 · seed 2, {last}",
        "3 · seed 1, epoch 15",
        "4 · seed 1, epoch 30",
    ]
    # Only their numbers differ.
    same = trained(store, "net"), trained(store, "net")
    assert short_member_labels([*map(Member, same)]) == ["1 · net", "2 · net"]


def test_a_seed_is_not_confused_with_the_start_of_another_seed(store: RunStore) -> None:
    assert member_labels([Member(trained(store, "seed 12", seed=1))]) == [
        "seed 12, seed 1, CIFAR-10 sample"
    ]
    assert member_labels([Member(trained(store, "seed 12", seed=12))]) == [
        "seed 12, CIFAR-10 sample"
    ]


def test_all_options_may_vote_together(store: RunStore) -> None:
    run = trained(store, test_epochs=(1, 3))
    save_predictions(store, run, 1, 3)
    # Epoch 3 is the last: its weights are the same network.
    assert member_options(store, [run], "last") == [Member(run), Member(run, 1)]
    chosen = [Member(run, 3)]
    assert member_options(store, [run], "last", chosen) == [Member(run, 1), Member(run, 3)]


# The address


def test_an_address_names_the_members_it_was_made_of(run: Run) -> None:
    members = (Member(run), Member(run, "best"), Member(run, 15))
    text = format_members(members)
    assert text == f"{run.id},{run.id}@best,{run.id}@15"
    assert parse_members(text, {run.id: run}) == ([*members], [])
    assert format_members(()) is None


@pytest.mark.parametrize("when", ["first", "0", "-1", "１", "best@2"])
def test_unknown_weights_are_reported(run: Run, when: str) -> None:
    members, problems = parse_members(f"{run.id},{run.id}@{when}", {run.id: run})
    assert members == [Member(run)]
    assert "is no epoch of “mine”" in problems[0]


def test_an_unknown_run_is_reported(run: Run) -> None:
    members, problems = parse_members(f"zzz,,{run.id}", {run.id: run})
    assert members == [Member(run)]
    assert problems == ["There is no run “zzz” here, so it is left out."]


def test_more_than_ten_members_are_too_many(run: Run) -> None:
    members, problems = parse_members(
        ",".join(f"{run.id}@{n}" for n in range(1, 13)), {run.id: run}
    )
    assert len(members) == 10
    assert "at most 10 members, and the address has 12" in problems[0]


# Suggestions


def test_runs_that_differ_in_their_seed_are_suggested(store: RunStore) -> None:
    runs = {
        seed: trained(store, f"net, seed {seed} (member {seed} of 3)", seed=seed)
        for seed in (1, 2, 3)
    }
    trained(store, "other", seed=4, batch_size=7)
    (suggestion,) = suggestions(store, store.all(), "last")
    assert suggestion.label == "3 runs of “net”, seeds 1–3"
    assert suggestion.members == tuple(Member(runs[seed]) for seed in (1, 2, 3))


def test_of_two_runs_with_the_same_seed_the_newer_is_suggested(store: RunStore) -> None:
    for seed in (1, 1, 5):
        newest = trained(store, seed=seed)
    (suggestion,) = suggestions(store, store.all(), "last")
    assert suggestion.label == "2 runs of “net”, seeds 1 and 5"
    assert suggestion.members[1] == Member(newest)
    assert suggestion.members[0].run == store.all()[1]


def test_saved_epochs_are_suggested_if_their_files_exist(store: RunStore) -> None:
    run = trained(store, test_epochs=(1, 2, 3))
    save_predictions(store, run, 1, 3)
    (suggestion,) = suggestions(store, store.all(), "last")
    assert suggestion.label == "Epochs 1 and 3 of “net”"
    assert suggestion.members == (Member(run, 1), Member(run, 3))


def test_runs_trained_together_come_first_then_other_seeds_then_epochs(store: RunStore) -> None:
    train_team(store, 1, 2, 3)
    alone = trained(store, "alone", seed=9, test_epochs=(1, 2))
    save_predictions(store, alone, 1, 2)
    train_team(store, 21, 22)
    assert [suggestion.label for suggestion in suggestions(store, store.all(), "last")] == [
        "2 runs of “net”, seeds 21 and 22",
        "3 runs of “net”, seeds 1–3",
        "6 runs of “net”, seeds 1, 2, 3, 9, 21 and 22",
        "Epochs 1 and 2 of “alone”",
    ]


def test_many_runs_do_not_fill_the_page(store: RunStore) -> None:
    for number in range(6):
        train_team(store, 1, 2, batch_size=number + 1)
        run = trained(store, f"a{number}", test_epochs=(1, 2), l2=0.1)
        save_predictions(store, run, 1, 2)
    labels = [suggestion.label for suggestion in suggestions(store, store.all(), "last")]
    assert sum("seeds" in label for label in labels) == 4
    assert sum("Epochs" in label for label in labels) == 2
