"""The ``reproduce`` command: compares published experiments with their authors' figures."""

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
from cifarviz.cli.output import AsJson, print_json, print_message, print_table
from cifarviz.cli.paths import parse_path, place_errors
from cifarviz.cli.training import watch
from cifarviz.data import library
from cifarviz.data.image_set import ImageSet
from cifarviz.errors import CifarvizError, RunError
from cifarviz.executors.worker import Worker
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.presets import PUBLISHED, Preset, find_preset
from cifarviz.loading import tensorflow_imports
from cifarviz.runs.artifacts import Checkpoint
from cifarviz.runs.earlier_losses import losses_text
from cifarviz.runs.log_probabilities import Predictions
from cifarviz.runs.records import Run
from cifarviz.runs.states import RunState
from cifarviz.settings import Settings

_SEEDS = 3


def reproduce(
    presets: Annotated[
        list[str] | None,
        typer.Argument(help="Published presets. Default: all."),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Use one seed instead of three; excludes --seeds.")
    ] = False,
    seeds: Annotated[
        int | None,
        typer.Option(min=1, max=100, help="Number of seeds. Default: 3."),
    ] = None,
    out: Annotated[
        Path,
        typer.Option(
            parser=parse_path,
            metavar="PATH",
            help="The Markdown file to write; the numbers go into a .json file beside it.",
        ),
    ] = Path("docs/reproduction.md"),
    as_json: AsJson = False,
) -> int:
    """Train published experiments on the full data and compare them with the published figures.

    Finished runs of the same experiment and seed are reused and interrupted ones resumed, so the
    command can be repeated.
    """
    chosen = [_find_published(name) for name in dict.fromkeys(presets or PUBLISHED)]
    if quick and seeds is not None:
        raise typer.BadParameter("--quick and --seeds exclude each other: give only one.")
    count = seeds or (1 if quick else _SEEDS)
    settings = Settings.from_environment()
    # Check the output and the data before training for hours.
    with place_errors(out):
        check_place(out)
        results = read_results(out.with_suffix(".json"))
    for preset in chosen:
        library.load(preset.experiment.data.dataset, "full", settings)
    parts_by_name: dict[str, tuple[ReproductionPart, ...]] = {}
    for preset in chosen:
        parts = _Reproduction(Worker(settings, "command line"), preset).parts(count)
        parts_by_name[preset.name] = parts
        results = {**results, preset.name: parts}
        # After each preset, so that an interruption loses nothing.
        write_report(out, results)
    if as_json:
        print_json(
            TypeAdapter(dict[str, tuple[ReproductionPart, ...]]).dump_python(
                parts_by_name, mode="json"
            )
        )
    else:
        for name, parts in parts_by_name.items():
            _print_parts(name, parts)
        print_message(f"Wrote {out}.")
    return 0


class _Reproduction:
    """Trains one preset from several seeds and compares the runs with the published figures."""

    def __init__(self, worker: Worker, preset: Preset) -> None:
        self._worker, self._preset = worker, preset
        self._store = worker.store

    def parts(self, seeds: int) -> tuple[ReproductionPart, ...]:
        """Return the tables of the preset, from ``seeds`` seeds each."""
        if self._preset.members > 1:
            return (*self._epoch_ensembles(seeds), self._seed_ensembles(seeds))
        runs = [self._run(self._preset.experiment, seed) for seed in range(1, seeds + 1)]
        return (self._part("As published", runs, ()),)

    def _epoch_ensembles(self, seeds: int) -> list[ReproductionPart]:
        """Ensembles of several epochs of one run, as the authors really built theirs."""
        parts = []
        for variant in self._preset.variants:
            runs = [self._run(variant.experiment, seed) for seed in range(1, seeds + 1)]
            ensembles = [
                self._vote([Member(run, epoch) for epoch in variant.experiment.test_epochs])
                for run in runs
            ]
            figures = _ensemble_figures(
                self._preset, ensembles, [f"epoch {n}" for n in variant.experiment.test_epochs]
            )
            parts.append(self._part(variant.title, runs, figures))
        return parts

    def _seed_ensembles(self, seeds: int) -> ReproductionPart:
        """``seeds`` ensembles of members that were trained from different seeds."""
        size = self._preset.members
        runs = [self._run(self._preset.experiment, seed) for seed in range(1, size * seeds + 1)]
        ensembles = [
            self._vote([Member(run) for run in runs[first : first + size]])
            for first in range(0, len(runs), size)
        ]
        title = f"{size} members from {size} seeds"
        figures = _ensemble_figures(self._preset, ensembles, None)
        # The authors' history is of an ensemble of epochs.
        return self._part(title, runs, figures, published=False)

    def _part(
        self,
        title: str,
        runs: Sequence[Run],
        extra_figures: Sequence[PublishedFigure],
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
            figures=(*figures, *extra_figures),
            epochs=epoch_comparison(rows, histories),
            losses=" and ".join(sorted({losses_text(run) for run in runs})),
        )

    def _run(self, experiment: Experiment, seed: int) -> Run:
        """Return a finished run of this experiment and seed; train it if there is none."""
        target = Experiment.make(**{**dict(experiment), "seed": seed, "precision": "float32"})
        runs = [run for run in self._store.all() if _is_run_of(run, target)]
        run = next((run for run in runs if run.state is RunState.FINISHED), None)
        if run is None:
            if not runs:
                run = self._worker.submit(target, f"{self._preset.name}, seed {seed}")
            elif runs[0].state.active:
                run = runs[0]
            else:
                run = self._worker.resume(runs[0].id)
            run = watch(self._worker, run)
        if run.state is not RunState.FINISHED:
            raise RunError(
                "Run {run_id} ({run_name}) is {state}, so the experiment is incomplete. "
                "Repeat the command to resume it.",
                run_id=run.id,
                run_name=run.name,
                state=run.state,
            )
        return run

    def _vote(self, members: Sequence[Member]) -> Ensemble:
        dataset = library.load(self._preset.experiment.data.dataset, "full", self._worker.settings)
        return vote(self._store, members, dataset.test, self._predict, len(dataset.info.classes))

    def _predict(self, run: Run, checkpoint: Checkpoint, test: ImageSet) -> Predictions:
        with tensorflow_imports(self._store.settings.home):
            from cifarviz.analysis.trained_model import open_checkpoint

        return open_checkpoint(self._store, run, checkpoint).predictions(test.images)


def _find_published(name: str) -> Preset:
    preset = find_preset(name)
    if preset.published is None:
        raise typer.BadParameter(
            f"{name} has no published figures. Choose from {', '.join(PUBLISHED)}."
        )
    return preset


def _is_run_of(run: Run, experiment: Experiment) -> bool:
    try:
        # A finished run with precision "auto" counts by the precision it was trained in.
        finished = run.state is RunState.FINISHED
        return experiment == (run.trained_experiment if finished else run.experiment)
    except CifarvizError:
        # Written by another version of cifarviz.
        return False


def _ensemble_figures(
    preset: Preset, ensembles: Sequence[Ensemble], names: Sequence[str] | None
) -> tuple[PublishedFigure, ...]:
    """Return the accuracies of the members and of their votes.

    ``names``: of members that differ in kind, such as epochs; ``None`` for different seeds.
    """
    facts = preset.facts
    last = facts["history"][-1]
    figures = []
    if names is None:
        best = tuple(max(ensemble.member_accuracies) for ensemble in ensembles)
        all_members = tuple(value for ensemble in ensembles for value in ensemble.member_accuracies)
        figures += [
            PublishedFigure("test accuracy, all members", "share", None, all_members),
            PublishedFigure("test accuracy, best member", "share", None, best),
        ]
    else:
        for number, name in enumerate(names):
            published = last.val_accuracy if number == len(names) - 1 else None
            reproduced = tuple(ensemble.member_accuracies[number] for ensemble in ensembles)
            figures.append(
                PublishedFigure(f"test accuracy after {name}", "share", published, reproduced)
            )
        losses = tuple(
            cross_entropy(ensemble.labels, ensemble.predictions[-1].log_probabilities)
            for ensemble in ensembles
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
            tuple(ensemble.soft_accuracy for ensemble in ensembles),
        ),
        PublishedFigure(
            "test accuracy, majority of votes",
            "share",
            None,
            tuple(ensemble.majority_accuracy for ensemble in ensembles),
        ),
        PublishedFigure(
            "gain of summing over the best member",
            "difference",
            None,
            tuple(ensemble.gain for ensemble in ensembles),
        ),
    )


def _print_parts(name: str, parts: Sequence[ReproductionPart]) -> None:
    for part in parts:
        print_message(f"{name}, {part.title}: median {median(part.seconds):.0f} s per run")
        print_table(
            ["figure", "published", "median", "lowest", "highest", "distance"],
            [
                (row.what, row.published, row.median, row.low, row.high, row.distance)
                for row in part.figures
            ],
        )
