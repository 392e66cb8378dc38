"""The Lab page: its experiments and their forms."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import streamlit as st

from cifarviz.data import library
from cifarviz.datasets.info import Variant
from cifarviz.datasets.registry import all_datasets, find
from cifarviz.errors import DatasetNotFound, RunNotFound
from cifarviz.experiment import lab
from cifarviz.experiment.choices import Data
from cifarviz.experiment.ensemble_members import MAX_SEED
from cifarviz.experiment.lab import LAB_TITLES, LabExperiment, LabKind
from cifarviz.experiment.split_sizes import SplitSizes
from cifarviz.runs.machine import machine_name
from cifarviz.runs.records import Run
from cifarviz.runs.series import Series, all_series, find_series
from cifarviz.training.estimate import Estimate, epoch_work, estimate_epoch, recorded_speeds
from cifarviz.training.series_queue import queue_lab_experiment
from cifarviz.ui import cache
from cifarviz.ui.address import escaped, quoted
from cifarviz.ui.errors import errors_shown
from cifarviz.ui.lab.watch import watch_series
from cifarviz.ui.navigation import ViewEntry, link_to, render_title_and_views
from cifarviz.ui.query import (
    render_choice,
    render_number,
    same_items,
    update_query_params,
    widget_key,
    widget_value,
)
from cifarviz.ui.queueing import format_duration_range, format_estimate_basis, queue_once
from cifarviz.ui.runs.rows import format_date
from cifarviz.ui.streamlit_patches import uninterruptible

_MOST_EPOCHS = 200
_FEWEST_IMAGES = 100
_VALUES_KEY = "lab-values"
_NUMBER_WIDTH = 150
_MENU_WIDTH = 250

# Seconds a run takes beside its epochs, to build and trace the network: measured on 2 cores.
_START = (1.5, 4.0)
_MOST_EARLIER = 6
_ABOUT: Mapping[LabKind, str] = MappingProxyType(
    {
        "duel": "The same network learns the same images from the same seed, two or three times. "
        "One thing differs. Whatever comes out differently is its doing.",
        "memorisation": "Some training images get a wrong label on purpose. Nothing about these "
        "pictures speaks for it, so a network that gives it back has learned it by heart. It "
        "learns what is true of many images first: watch it see through the wrong labels, and "
        "then give in.",
        "sizes": "The same network learns from few images, then from more. With few it knows them "
        "all by heart, and little else; the gap between training and validation is what it has "
        "only memorised.",
        "cures": "One network that overfits, and what people do about it: first nothing, then "
        "one cure at a time, then all together.",
    }
)
_ICONS: Mapping[LabKind, str] = MappingProxyType(
    {
        "duel": "swords",
        "memorisation": "psychology",
        "sizes": "stacked_line_chart",
        "cures": "healing",
    }
)
_VIEWS: Mapping[LabKind, ViewEntry] = MappingProxyType(
    {kind: ViewEntry(title, _ICONS[kind]) for kind, title in LAB_TITLES.items()}
)

# What in the address means something in one view only, or another thing in each.
OF_ONE_VIEW = (
    "series",
    "thing",
    "values",
    "percent",
    "images",
    "epochs",
    "gallery",
    "picture",
)


def lab_view(kind: LabKind) -> None:
    """Show the experiment; the address holds its settings, and the series that came of them."""
    st.markdown(_ABOUT[kind])
    series = _series_in_address(kind)
    if series is not None:
        watch_series(kind, series)
    with (
        st.expander("Set up another", icon=":material/tune:")
        if series is not None
        else st.container(border=True),
        errors_shown(),
    ):
        launch(entry_form(kind), again=series is not None)
    _earlier(kind, series)


def _series_in_address(kind: LabKind) -> Series | None:
    wanted = st.query_params.get("series")
    if wanted is None:
        return None
    try:
        series = find_series(cache.store(), wanted)
    except RunNotFound:
        st.error(
            f"There is no series {quoted(wanted)} here: it was made in another home, or its runs "
            "were deleted. Start a new one below.",
            icon=":material/error:",
        )
        return None
    if series.kind == kind:
        return series
    there = next((one for one in LAB_TITLES if one == series.kind), None)
    st.error(
        f"The series {quoted(wanted)} is none of {LAB_TITLES[kind].lower()}.",
        icon=":material/error:",
    )
    if there is not None:
        link_to("lab", f"See it in {LAB_TITLES[there]}", view=there, series=series.id)
    return None


def _earlier(kind: LabKind, shown: Series | None) -> None:
    others = [one for one in all_series(cache.store(), kind) if shown is None or one.id != shown.id]
    if not others:
        return
    st.markdown("##### Earlier ones")
    for one in others[:_MOST_EARLIER]:
        words = f"{escaped(one.title)}, {format_date(one.made)}"
        link_to("lab", words, ":material/history:", view=kind, series=one.id)


def choose_view() -> LabKind:
    """Show title and switch, and return the view of the address: the duel if it names none."""
    return render_title_and_views(
        "Overfit lab",
        _VIEWS,
        key="lab-view",
        problem=lambda word: (
            f"The lab has no view {word}: this is the duel. There are: {', '.join(LAB_TITLES)}."
        ),
        forget=OF_ONE_VIEW,
    )


def entry_form(kind: LabKind) -> LabExperiment:
    """Show the form of this experiment and return its runs.

    Raises ``ExperimentInvalid``, and ``DatasetNotFound`` where nothing can be trained on.
    """
    match kind:
        case "duel":
            return _duel_form()
        case "memorisation":
            return _memorisation_form()
        case "sizes":
            return _sizes_form()
        case "cures":
            return _cures_form()


def _duel_form() -> LabExperiment:
    thing = render_choice(
        "thing",
        "They differ in",
        {word: one.title for word, one in lab.DUEL_FACTORS.items()},
        key="lab-thing",
        hint="The one thing that the runs have differently; all else, the seed too, is the same.",
        problem=lambda word: f"A duel can't be about {word}: {', '.join(lab.DUEL_FACTORS)}.",
        forget=("values", "series"),
    )
    about = lab.DUEL_FACTORS[thing]
    values = _values(about)
    data, seed, epochs, _ = _numbers(
        lab.DUEL_EPOCHS, None if thing == "images" else lab.DUEL_IMAGES
    )
    return lab.duel(thing, values, data, epochs=epochs, seed=seed)


def _values(about: lab.DuelFactor) -> Sequence[str]:
    text = st.query_params.get("values")
    wanted = about.default if text is None else tuple(one for one in text.split(",") if one)
    unknown = [word for word in wanted if word not in about.values]
    if unknown:
        st.error(
            f"{about.title} can't be {quoted(unknown[0])} in a duel, only "
            f"{', '.join(about.values)}: the usual values are taken.",
            icon=":material/error:",
        )
        wanted = about.default
    chosen = [word for word in about.values if word in wanted]
    st.pills(
        "Two or three of these",
        list(about.values),
        selection_mode="multi",
        default=chosen,
        format_func=about.values.__getitem__,
        key=widget_key(_VALUES_KEY, chosen, same_items),
        help=about.hint,
        on_change=uninterruptible(_values_chosen),
    )
    return chosen


def _values_chosen() -> None:
    update_query_params(values=",".join(widget_value(_VALUES_KEY)))


def _memorisation_form() -> LabExperiment:
    data, seed, epochs, percent = _numbers(
        lab.MEMORISATION_EPOCHS, lab.MEMORISATION_IMAGES, percent=True
    )
    return lab.memorisation(percent, data, epochs=epochs, seed=seed)


def _sizes_form() -> LabExperiment:
    data, seed, epochs, _ = _numbers(lab.SIZES_EPOCHS, None)
    return lab.dataset_sizes(_train_images(data), data, epochs=epochs, seed=seed)


def _cures_form() -> LabExperiment:
    data, seed, epochs, _ = _numbers(lab.CURES_EPOCHS, lab.CURES_IMAGES)
    return lab.cures(data, epochs=epochs, seed=seed)


def _numbers(
    usual_epochs: int, usual_images: int | None, *, percent: bool = False
) -> tuple[Data, int, int, int]:
    """Data, seed, epochs and per cent of wrong labels; without ``usual_images``, all of them."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        data = _data()
        share = lab.MEMORISATION_PERCENT
        if percent:
            bounds = (lab.MIN_WRONG_PERCENT, lab.MAX_WRONG_PERCENT)
            with st.container(width=_NUMBER_WIDTH):
                share = render_number(
                    "percent",
                    "Wrong labels, %",
                    share,
                    bounds,
                    "How many per cent of the training labels are made wrong.",
                    key="lab-percent",
                )
        if usual_images is not None:
            most = _train_images(data)
            with st.container(width=_NUMBER_WIDTH):
                images = render_number(
                    "images",
                    "Training images",
                    min(usual_images, most),
                    (min(_FEWEST_IMAGES, most), most),
                    "How many images each run learns from; with fewer it overfits sooner.",
                    key=f"lab-images-{data.dataset}-{data.variant}",
                )
            data = data.model_copy(update={"train_images": images})
        with st.container(width=_NUMBER_WIDTH):
            epochs = render_number(
                "epochs",
                "Epochs",
                usual_epochs,
                (1, _MOST_EPOCHS),
                "How many times each run sees its training images.",
                key="lab-epochs",
            )
        with st.container(width=_NUMBER_WIDTH):
            seed = render_number(
                "seed",
                "Seed",
                1,
                (0, MAX_SEED),
                "Decides everything random, the same in all runs: first weights, which images, "
                "their order.",
                key="lab-seed",
            )
    return data, seed, epochs, share


def _data() -> Data:
    """One of the data sets that are here, the sample or all of it."""
    here: dict[str, tuple[str, Variant]] = {}
    words = {}
    for info in all_datasets():
        for variant in library.available_variants(info, cache.settings()):
            name = info.name if variant == "sample" else f"{info.name}-full"
            here[name], words[name] = (info.name, variant), f"{info.title}, {variant}"
    if not here:
        raise DatasetNotFound("There are no images here yet. Fetch a data set on the Start page.")
    with st.container(width=_MENU_WIDTH):
        chosen = render_choice(
            "data",
            "Images",
            words,
            key=f"lab-data-{len(here)}",
            hint="Which images are learned: an embedded sample, or a full set that is here.",
            problem=lambda word: f"There is no data {word} here: {', '.join(here)}.",
            menu=True,
        )
    dataset, variant = here[chosen]
    return Data(dataset=dataset, variant=variant)


def _train_images(data: Data) -> int:
    return image_counts(data)[0]


def image_counts(data: Data) -> tuple[int, int]:
    """How many training and test images there are."""
    return library.image_counts(data.dataset, data.variant)


def launch(entry: LabExperiment, *, again: bool) -> None:
    """Show what would be trained, and the button that does it.

    Raises ``ExperimentInvalid`` where there are too few images for it.
    """
    train, test = image_counts(entry.arms[0].experiment.data)
    sizes = [one.experiment.sizes(train, test) for one in entry.arms]
    runs = cache.store().all()
    estimate, per_epoch = _estimate(entry, sizes, runs)
    st.markdown(f"{_what(entry, sizes)}: **{format_duration_range(estimate)} in all**.")
    st.caption(format_estimate_basis(per_epoch, "float32"))
    waiting = [run for run in runs if run.state.active]
    if waiting:
        more = f" and {len(waiting) - 1} more" if len(waiting) > 1 else ""
        st.caption(
            f":material/hourglass_top: They wait for “{escaped(waiting[-1].name)}”{more}: one run "
            "trains at a time."
        )
    count = len(entry.arms)
    if st.button(
        f"Train {'both' if count == 2 else f'all {count}'}{' once more' if again else ''}",
        key="lab-train",
        type="secondary" if again else "primary",
        icon=":material/play_arrow:",
        help="Queues all runs; they train one after another, and are drawn over each other here.",
    ):
        worker = cache.worker()
        series = queue_once(
            (
                "lab",
                entry.title,
                *((one.label, one.experiment.to_json()) for one in entry.arms),
            ),
            lambda: queue_lab_experiment(worker, entry),
            lambda made: made.run_ids,
        )
        update_query_params(series=series.id, gallery=None, picture=None)
        st.rerun()


def _what(entry: LabExperiment, sizes: Sequence[SplitSizes]) -> str:
    one = entry.arms[0].experiment
    images = sorted({size.train for size in sizes})
    counted = (
        f"{images[0]:,} training images"
        if len(images) == 1
        else f"{images[0]:,} to {images[-1]:,} training images"
    )
    variant = "" if one.data.variant == "full" else "the sample of "
    return (
        f"Trains {len(entry.arms)} runs one after another, {one.epochs} epochs each at most, "
        f"on {counted} of {variant}{find(one.data.dataset).title}, from seed {one.seed}, and "
        f"measures each on {sizes[0].validation:,} test images"
    )


def _estimate(
    entry: LabExperiment, sizes: Sequence[SplitSizes], runs: Sequence[Run]
) -> tuple[Estimate, Estimate]:
    """Of all runs from beginning to end, and of an epoch of the first."""
    speeds = recorded_speeds(runs, machine_name())
    each = [
        estimate_epoch(epoch_work(one.experiment, size.train, size.validation), speeds)
        for one, size in zip(entry.arms, sizes, strict=True)
    ]
    epochs = [one.experiment.epochs for one in entry.arms]
    low, high = (
        sum(n * getattr(e, end) + start for n, e in zip(epochs, each, strict=True))
        for end, start in (("low", _START[0]), ("high", _START[1]))
    )
    return Estimate(low, high, each[0].runs, each[0].same), each[0]
