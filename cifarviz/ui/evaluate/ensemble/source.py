"""What the members to train do: a preset, what was changed in it on the Train page, or a run's."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from cifarviz.data import library
from cifarviz.errors import ExperimentInvalid
from cifarviz.experiment.address import pack_changes, preset_draft, unpack_changes
from cifarviz.experiment.against_published import changes_against_published, in_way
from cifarviz.experiment.assessment import assess
from cifarviz.experiment.draft import Draft
from cifarviz.experiment.experiment import Experiment
from cifarviz.experiment.member_seeds import common_name
from cifarviz.experiment.presets import PRESETS, Preset, PresetVariant
from cifarviz.experiment.run_names import run_name
from cifarviz.runs.records import Run
from cifarviz.ui.address import escaped, quoted
from cifarviz.ui.changed_line import changed_line
from cifarviz.ui.evaluate.ensemble.choices import families
from cifarviz.ui.navigation import link_to
from cifarviz.ui.query import update_query_params, widget_key, widget_value
from cifarviz.ui.unbroken import unbroken

OWN = ("preset", "changes", "template", "way", "count", "first")
"""What in the address sets up members to train, and nothing else."""

_FIRST_PRESET = "cifar10-ensemble"
_SEEDS = "seeds"
# Members differ in it in any case.
_SEED = ("seed",)


@dataclass(frozen=True)
class Source:
    """An experiment to train members of, and what its members are called.

    ``preset``: the one it is, or is a changed form of, and ``variant`` the way of it.
    """

    experiment: Experiment
    name: str
    preset: Preset | None = None
    variant: PresetVariant | None = None


def pick_source(runs: Sequence[Run]) -> Source:
    """Show the menus; raises ``ExperimentInvalid`` where what was changed can't be trained."""
    templates = {run.id: run for run in families(runs)}
    wanted = st.query_params.get("template") or st.query_params.get("preset", _FIRST_PRESET)
    extra = next((run for run in runs if run.id == wanted), None)
    if extra is not None:
        templates.setdefault(extra.id, extra)
    if wanted not in PRESETS and wanted not in templates:
        st.error(
            f"There is no preset or run {quoted(wanted)} to train members of, so the preset "
            f"{_FIRST_PRESET} is shown.",
            icon=":material/error:",
        )
        wanted = _FIRST_PRESET
    # Names, not ids: the browser sends names, and after a training one stands for a newer run.
    options = _options(templates.values())
    chosen = next(name for name, one in options.items() if one == wanted)
    st.selectbox(
        "Experiment",
        list(options),
        list(options).index(chosen),
        key=widget_key("team-source", chosen),
        on_change=unbroken(_source_chosen),
        args=(options,),
        help="What each member does; only the seed differs. For an experiment of your own, change "
        "a preset on the Train page and come back from there, or train one run of it and choose "
        "it here.",
    )
    if wanted in PRESETS:
        return _of_preset(PRESETS[wanted])
    run = templates[wanted]
    return Source(run.experiment, common_name(run.name))


def _options(runs: Iterable[Run]) -> dict[str, str]:
    """Presets and runs by what the menu calls them, different for each."""
    options = {f"Preset: {preset.title} ({name})": name for name, preset in PRESETS.items()}
    for run in runs:
        name = f"Like the run: {common_name(run.name)}"
        options[f"{name} ({run.id})" if name in options else name] = run.id
    return options


def _of_preset(preset: Preset) -> Source:
    mine = _changed_draft(preset)
    variant = _pick_way(preset) if preset.variants else None
    mine = in_way(mine, variant)
    made = changes_against_published(mine, but=_SEED)
    if made:
        with changed_line(made):
            st.button(
                "As published",
                key="team-unchanged",
                type="tertiary",
                icon=":material/undo:",
                on_click=unbroken(update_query_params),
                kwargs={"changes": None},
                help="Train members of the preset as it was published.",
            )
            _link_to_setup(mine)
    name = run_name(preset.title, made)
    return Source(_trainable(mine), name, preset, variant)


def _changed_draft(preset: Preset) -> Draft:
    """The preset with what the address has changed in it."""
    packed = st.query_params.get("changes")
    if packed is None:
        return preset_draft(preset.name)
    try:
        return unpack_changes(preset.name, packed)
    except ExperimentInvalid as error:
        st.error(escaped(str(error)), icon=":material/error:")
        return preset_draft(preset.name)


def _trainable(mine: Draft) -> Experiment:
    train_images, test_images = library.image_counts(mine.dataset, mine.section("data")["variant"])
    assessment = assess(mine, train_images=train_images, test_images=test_images)
    if assessment.experiment is None:
        raise ExperimentInvalid(
            "This cannot be trained yet. {reasons} Put it right on the Train page.",
            reasons=" ".join(assessment.reasons),
        )
    return assessment.experiment


def _link_to_setup(mine: Draft) -> None:
    packed = pack_changes(mine)
    changes = {} if packed is None else {"changes": packed}
    link_to("train", "Change it in Set up", preset=mine.preset, **changes)


def _pick_way(preset: Preset) -> PresetVariant | None:
    titles = {_SEEDS: "A real ensemble: members from seeds of their own"}
    variants = {one.name: one for one in preset.variants}
    titles |= {one.name: one.title for one in preset.variants}
    wanted = st.query_params.get("way", _SEEDS)
    if wanted not in titles:
        st.error(
            f"{quoted(wanted)} is no way to train this preset, so a real ensemble is set up.",
            icon=":material/error:",
        )
        wanted = _SEEDS
    st.radio(
        "How",
        list(titles),
        list(titles).index(wanted),
        format_func=titles.__getitem__,
        captions=["Each member learns by itself.", *(one.text for one in preset.variants)],
        key=widget_key("team-way", wanted),
        on_change=unbroken(_way_chosen),
        args=(preset.name,),
    )
    return variants.get(wanted)


def _way_chosen(preset: str) -> None:
    update_query_params(preset=preset, way=widget_value("team-way"))


def _source_chosen(options: Mapping[str, str]) -> None:
    chosen = options.get(widget_value("team-source"))
    # A name that is none any more comes as it is, and nobody chose it.
    if chosen is not None:
        key = "preset" if chosen in PRESETS else "template"
        update_query_params(**{**dict.fromkeys(OWN), key: chosen})
