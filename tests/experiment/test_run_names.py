from cifarviz.experiment.changes import Change
from cifarviz.experiment.run_names import free_name, run_name

TITLE = "Overfitting and feature maps"


def made(*shorts: str) -> list[Change]:
    return [Change(f"in full: {short}", short) for short in shorts]


def test_a_run_is_named_after_what_was_changed() -> None:
    assert run_name(TITLE, []) == TITLE
    assert run_name("A first network: three convolutions", []) == "A first network"
    changed = made("sample", "batch 64", "dropout 0.3")
    assert run_name(TITLE, changed) == f"{TITLE} · sample · batch 64 · dropout 0.3"


def test_what_does_not_fit_is_counted() -> None:
    changed = made("sample", "batch 64", "learning rate 0.001", "5 epochs", "seed 3")
    assert run_name(TITLE, changed) == f"{TITLE} · sample · batch 64 · +3 more"
    assert run_name(TITLE, made("x" * 90)) == f"{TITLE} · changed"
    assert all(len(run_name(TITLE, made(*["seed 3"] * n))) <= 64 for n in range(40))


def test_a_name_that_is_taken_gets_a_number() -> None:
    assert free_name("mine", ()) == "mine"
    assert free_name("mine", {"mine", "mine (2)"}) == "mine (3)"
