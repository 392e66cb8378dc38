"""``reproduce``: the published experiments on the full data, beside what their authors got."""

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Annotated

import typer
from pydantic import TypeAdapter

from cifarviz.analysis.ensemble import Ensemble
from cifarviz.analysis.evaluation import cross_entropy
from cifarviz.analysis.members import Member, vote
from cifarviz.analysis.reproduction import (
    PublishedFigure,
    ReproductionPart,
    check_place,
    epoch_comparison,
    history_figures,
    read_results,
    write_report,
)
from cifarviz.cli.output import AsJson, print_json, print_table, say
from cifarviz.cli.paths import parse_path, place_errors
from cifarviz.cli.training import watch
from cifarviz.data import library
from cifarviz.data.image_set import ImageSet
from cifarviz.errors import CifarvizError, RunError
from cifarviz.executors.worker import Worker
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.presets import PUBLISHED, Preset, find_preset
from cifarviz.runs.artifacts import Checkpoint
from cifarviz.runs.earlier_losses import losses_words
from cifarviz.runs.log_probabilities import Predictions
from cifarviz.runs.records import Run
from cifarviz.runs.states import RunState
from cifarviz.settings import Settings

_SEEDS = 3


def reproduce(
    presets: Annotated[
        list[str] | None, typer.Argument(help="Names that the presets command lists; default: all.")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="One seed of each instead of three; not with --seeds.")
    ] = False,
    seeds: Annotated[
        int | None,
        typer.Option(min=1, max=100, help="How many seeds, from 1; default: 3."),
    ] = None,
    out: Annotated[
        Path,
        typer.Option(
            parser=parse_path,
            metavar="PATH",
            help="The page to write; the numbers go into a .json file beside it.",
        ),
    ] = Path("docs/reproduction.md"),
    as_json: AsJson = False,
) -> int:
    """Run published experiments on the full data and write a table against their figures.

    A finished run of the same experiment and seed in this home is used, and one that was cut off
    is gone on with, so that the command may be called again.
    """
    chosen = [_find_published(name) for name in dict.fromkeys(presets or PUBLISHED)]
    if quick and seeds is not None:
        raise typer.BadParameter("--quick is one seed: leave it out, or leave out --seeds.")
    count = seeds or (1 if quick else _SEEDS)
    settings = Settings.from_environment()
    # All that could be wrong, before anything is trained for hours.
    with place_errors(out):
        check_place(out)
        results = read_results(out.with_suffix(".json"))
    for preset in chosen:
        library.load(preset.experiment.data.dataset, "full", settings)
    made: dict[str, tuple[ReproductionPart, ...]] = {}
    for preset in chosen:
        bench = _Bench(Worker(settings, "command line"), preset)
        made[preset.name] = bench.parts(count)
        results = {**results, preset.name: made[preset.name]}
        # After each preset, so that a later one that is broken off takes nothing away.
        write_report(out, results)
    if as_json:
        print_json(
            TypeAdapter(dict[str, tuple[ReproductionPart, ...]]).dump_python(made, mode="json")
        )
    else:
        for name, parts in made.items():
            _print_parts(name, parts)
        say(f"Written to {out}.")
    return 0


class _Bench:
    """Runs one preset as often as asked."""

    def __init__(self, worker: Worker, preset: Preset) -> None:
        self._worker, self._preset = worker, preset
        self._store = worker.store

    def parts(self, seeds: int) -> tuple[ReproductionPart, ...]:
        if self._preset.members > 1:
            return (*self._epochs_voting(seeds), self._members_voting(seeds))
        runs = [self._run(self._preset.experiment, seed) for seed in range(1, seeds + 1)]
        return (self._part("As published", runs, ()),)

    def _epochs_voting(self, seeds: int) -> list[ReproductionPart]:
        """One run's own epochs, as the authors of the ensemble did in truth."""
        parts = []
        for variant in self._preset.variants:
            runs = [self._run(variant.experiment, seed) for seed in range(1, seeds + 1)]
            voted = [
                self._vote([Member(run, epoch) for epoch in variant.experiment.test_epochs])
                for run in runs
            ]
            figures = _ensemble_figures(
                self._preset, voted, [f"epoch {n}" for n in variant.experiment.test_epochs]
            )
            parts.append(self._part(variant.title, runs, figures))
        return parts

    def _members_voting(self, seeds: int) -> ReproductionPart:
        """Members from different seeds, as many ensembles as seeds were asked for."""
        size = self._preset.members
        runs = [self._run(self._preset.experiment, seed) for seed in range(1, size * seeds + 1)]
        voted = [
            self._vote([Member(run) for run in runs[first : first + size]])
            for first in range(0, len(runs), size)
        ]
        title = f"{size} members from {size} seeds"
        figures = _ensemble_figures(self._preset, voted, None)
        # The authors' one history is of the other way.
        return self._part(title, runs, figures, published=False)

    def _part(
        self,
        title: str,
        runs: Sequence[Run],
        more: Sequence[PublishedFigure],
        *,
        published: bool = True,
    ) -> ReproductionPart:
        facts = self._preset.facts
        rows = facts["history"] if published else ()
        histories = [self._store.epochs(run.id) for run in runs]
        figures = history_figures(
            rows, histories, validated_on=facts["measured_on"] or "validation"
        )
        return ReproductionPart(
            title=title,
            seeds=tuple(run.experiment.seed for run in runs),
            machine=" and ".join(sorted({run.machine for run in runs})),
            seconds=tuple(run.seconds for run in runs),
            figures=(*figures, *more),
            epochs=epoch_comparison(rows, histories),
            losses=" and ".join(sorted({losses_words(run) for run in runs})),
        )

    def _run(self, experiment: Experiment, seed: int) -> Run:
        """A finished run of this experiment from this seed, trained now if there is none."""
        wanted = Experiment.make(**{**dict(experiment), "seed": seed, "precision": "float32"})
        found = [run for run in self._store.all() if _is_run_of(run, wanted)]
        run = next((run for run in found if run.state is RunState.FINISHED), None)
        if run is None:
            if not found:
                run = self._worker.submit(wanted, f"{self._preset.name}, seed {seed}")
            elif found[0].state.active:
                run = found[0]
            else:
                run = self._worker.resume(found[0].id)
            run = watch(self._worker, run)
        if run.state is not RunState.FINISHED:
            raise RunError(
                "Run {run_id} ({run_name}) is {state}, so the experiment is not whole. "
                "Call the command again to go on from here.",
                run_id=run.id,
                run_name=run.name,
                state=run.state,
            )
        return run

    def _vote(self, members: Sequence[Member]) -> Ensemble:
        dataset = library.load(self._preset.experiment.data.dataset, "full", self._worker.settings)
        return vote(self._store, members, dataset.test, self._ask, len(dataset.info.classes))

    def _ask(self, run: Run, which: Checkpoint, test: ImageSet) -> Predictions:
        from cifarviz.analysis.trained_model import open_checkpoint

        return open_checkpoint(self._store, run, which).predictions(test.images)


def _find_published(name: str) -> Preset:
    preset = find_preset(name)
    if preset.published is None:
        raise typer.BadParameter(
            f"{name} is a recipe of cifarviz' own, so there is nothing published to set beside it. "
            f"Those published are {', '.join(PUBLISHED)}."
        )
    return preset


def _is_run_of(run: Run, wanted: Experiment) -> bool:
    try:
        # What it was trained in counts, not that this was left to cifarviz.
        made = run.trained_experiment if run.state is RunState.FINISHED else run.experiment
    except CifarvizError:
        # Written by another version: it says so where it is looked at.
        return False
    return made == wanted


def _ensemble_figures(
    preset: Preset, voted: Sequence[Ensemble], names: Sequence[str] | None
) -> tuple[PublishedFigure, ...]:
    """What the members and their votes are worth; ``names`` of members that differ in kind."""
    facts = preset.facts
    last = facts["history"][-1]
    figures = []
    if names is None:
        best = tuple(max(one.member_accuracies) for one in voted)
        all_members = tuple(value for one in voted for value in one.member_accuracies)
        figures += [
            PublishedFigure("test accuracy, all members", "share", None, all_members),
            PublishedFigure("test accuracy, best member", "share", None, best),
        ]
    else:
        for number, name in enumerate(names):
            theirs = last.val_accuracy if number == len(names) - 1 else None
            own = tuple(one.member_accuracies[number] for one in voted)
            figures.append(PublishedFigure(f"test accuracy after {name}", "share", theirs, own))
        losses = tuple(
            cross_entropy(one.labels, one.predictions[-1].log_probabilities) for one in voted
        )
        figures.append(
            PublishedFigure(f"test loss after {names[-1]}", "loss", last.val_loss, losses)
        )
    return (
        *figures,
        PublishedFigure(
            "test accuracy, probabilities summed",
            "share",
            facts["ensemble_accuracy"],
            tuple(one.soft_accuracy for one in voted),
        ),
        PublishedFigure(
            "test accuracy, majority of votes",
            "share",
            None,
            tuple(one.majority_accuracy for one in voted),
        ),
        PublishedFigure(
            "gain of summing over the best member",
            "difference",
            None,
            tuple(one.gain for one in voted),
        ),
    )


def _print_parts(name: str, parts: Sequence[ReproductionPart]) -> None:
    for part in parts:
        say(f"{name}, {part.title}: median {median(part.seconds):.0f} s a run")
        print_table(
            ["figure", "published", "median", "lowest", "highest", "distance"],
            [
                (one.what, one.published, one.median, one.low, one.high, one.distance)
                for one in part.figures
            ],
        )
