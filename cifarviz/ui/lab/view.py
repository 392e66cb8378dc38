"""The Lab page: its experiments and their forms."""

from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl, urlencode

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cifarviz.data import library
from cifarviz.data.importing.class_split import ClassSplit
from cifarviz.datasets.registry import all_datasets, find_dataset
from cifarviz.errors import DatasetNotFound, RunNotFound
from cifarviz.experiment import lab
from cifarviz.experiment.choices import Data
from cifarviz.experiment.ensemble_members import MAX_SEED
from cifarviz.experiment.lab import LAB_TITLES, LabExperiment, LabKind
from cifarviz.experiment.split_sizes import SplitSizes
from cifarviz.people.person import may_make
from cifarviz.runs.recorded import ORIGIN, recorded_series
from cifarviz.runs.records import Run
from cifarviz.runs.series import Series, all_series, find_series
from cifarviz.training.estimate import (
    START_SECONDS,
    Estimate,
    epoch_work,
    estimate_epoch,
    recorded_speeds,
)
from cifarviz.training.local_places import place_machine
from cifarviz.training.series_queue import queue_lab_experiment
from cifarviz.ui import cache, state
from cifarviz.ui.address import escaped, format_count, quoted
from cifarviz.ui.errors import render_errors
from cifarviz.ui.lab.watch import watch_series
from cifarviz.ui.lesson import LESSON
from cifarviz.ui.navigation import ViewEntry, link_to, render_title_and_views
from cifarviz.ui.query import (
    current_query_params,
    render_choice,
    render_number,
    same_items,
    update_query_params,
    widget_key,
    widget_value,
)
from cifarviz.ui.queueing import (
    format_duration_range,
    format_estimate_basis,
    format_order,
    queue_once,
    time_share,
)
from cifarviz.ui.runs.rows import format_date

_MOST_EPOCHS = 200
_FEWEST_IMAGES = 100
_VALUES_KEY = "lab-values"
_NUMBER_WIDTH = 150
_MENU_WIDTH = 250

_MOST_EARLIER = 6
_DESCRIPTIONS: Mapping[LabKind, str] = {
    "duel": "The same experiment is run two or three times from the same seed. The runs differ in "
    "one setting, so any difference is due to it.",
    "memorisation": "Some training images get a wrong label on purpose. Nothing in these images "
    "supports that label, so a network that predicts it has memorised it. A network first learns "
    "what is true of many images: it predicts the right class at first, and the wrong label later.",
    "sizes": "The same network is trained on few images, then on more. With few, it memorises them "
    "and learns little else: the gap between training and validation is what it only memorised.",
    "cures": "A network that overfits, and the usual cures: first none, then one cure at a time, "
    "then all together.",
    "transfer": "A network first learns one half of the classes. Then a new one learns the other "
    "half from few images: from scratch, or with the convolutions of the first. Edges, colours and "
    "textures look the same in all classes, so what finds them need not be learned again.",
}
_ICONS: Mapping[LabKind, str] = {
    "duel": "swords",
    "memorisation": "psychology",
    "sizes": "stacked_line_chart",
    "cures": "healing",
    "transfer": "move_down",
}
_EARLIER: Mapping[LabKind, str] = {
    "duel": "Earlier duels",
    "memorisation": "Earlier experiments",
    "sizes": "Earlier experiments",
    "cures": "Earlier experiments",
    "transfer": "Earlier experiments",
}
RECORDED_KINDS: Sequence[LabKind] = ("duel", "memorisation")
"""Experiments with a recorded series of the same name."""
_VIEW_FORM = ("thing", "values", "percent", "images", "epochs")
_FORM = (*_VIEW_FORM, "data", "seed")
VIEW_PARAMS = (
    "series",
    *_VIEW_FORM,
    "gallery",
    "picture",
    "play",
    "at",
    "pace",
    LESSON,
)
"""Query parameters that belong to one view, or mean another thing in each."""


def choose_view() -> LabKind:
    """Show title and switch, and return the view of the address, else the duel."""
    return render_title_and_views(
        "Overfit lab",
        {kind: ViewEntry(title, _ICONS[kind]) for kind, title in LAB_TITLES.items()},
        key="lab-view",
        problem=lambda word: (
            f"The lab has no view {word}, so the duel is shown. "
            f"Choose from {', '.join(LAB_TITLES)}."
        ),
        # Each view has its own form, which it remembers.
        forget=(*VIEW_PARAMS, *_FORM),
    )


def render_lab(kind: LabKind) -> None:
    """Show an experiment; the address holds its settings, and the series trained with them."""
    st.markdown(_DESCRIPTIONS[kind])
    if may_make():
        _recall_form(kind)
    form: DeltaGenerator
    series = _series_in_address(kind)
    own = _own_series(kind)
    example = None if series is not None else (own[0] if own else _recorded_series(kind))
    if not may_make():
        shown = series or example
        if shown is not None:
            watch_series(kind, shown)
        else:
            st.info("No such experiment is shown here yet.", icon=":material/info:")
        _render_earlier(kind, shown, own)
        return
    if series is not None:
        watch_series(kind, series)
        form = st.expander("Set up another", icon=":material/tune:")
    elif example is not None:
        # On a phone the style sheet may show the experiment above the form.
        with st.container(key="lab-recorded"):
            left, right = st.columns([2, 3], gap="medium")
            below = st.container()
        form = left.container(border=True)
        with right:
            st.caption(
                "A recorded experiment. The next that you train here is shown in its place."
                if example not in own
                else f"The newest experiment here, of {format_date(example.made)}."
            )
            watch_series(kind, example, below=below)
    else:
        form = st.container(border=True)
    with form, render_errors():
        planned = _render_form(kind)
        if planned is not None:
            _render_launch(planned, again=series is not None)
    _render_earlier(kind, series or example, own)


def _render_earlier(kind: LabKind, shown: Series | None, own: Sequence[Series]) -> None:
    earlier = [
        other for other in all_series(cache.store(), kind) if shown is None or other.id != shown.id
    ]
    if earlier:
        st.markdown(f"## {_EARLIER[kind]}")
    for other in earlier[:_MOST_EARLIER]:
        made = format_date(other.made) if other in own else "recorded"
        label = f"{escaped(other.title)}, {made}"
        link_to("lab", label, ":material/history:", view=kind, series=other.id)


def _recall_form(kind: LabKind) -> None:
    """Put the form as it was left into an address that has none; remember it otherwise."""
    now = current_query_params()
    if LESSON in now:
        # The form is the lesson's.
        return
    if now.keys() & set(_FORM):
        left = {name: now[name] for name in _FORM if name in now}
        state.remember(f"lab-{kind}", urlencode(left))
    else:
        update_query_params(**dict(parse_qsl(state.recall(f"lab-{kind}") or "")))


def _own_series(kind: LabKind) -> list[Series]:
    """The series that were trained here, the newest first."""
    store = cache.store()
    recorded = {run.id for run in store.all() if run.origin == ORIGIN}
    return [series for series in all_series(store, kind) if recorded.isdisjoint(series.run_ids)]


def _recorded_series(kind: LabKind) -> Series | None:
    if kind in RECORDED_KINDS and cache.settings().recorded:
        with render_errors():
            return recorded_series(cache.store(), kind)
    return None


def _series_in_address(kind: LabKind) -> Series | None:
    series_id = st.query_params.get("series")
    if series_id is None:
        return None
    try:
        series = find_series(cache.store(), series_id)
    except RunNotFound:
        st.error(
            f"There is no series {quoted(series_id)} here: its runs were deleted, or are in "
            "another folder. Start a new series below.",
            icon=":material/error:",
        )
        return None
    if series.kind == kind:
        return series
    own_kind = next((known for known in LAB_TITLES if known == series.kind), None)
    st.error(
        f"The series {quoted(series_id)} does not belong to the view {LAB_TITLES[kind]}.",
        icon=":material/error:",
    )
    if own_kind is not None:
        link_to("lab", f"See it in {LAB_TITLES[own_kind]}", view=own_kind, series=series.id)
    return None


def _render_form(kind: LabKind) -> LabExperiment | None:
    """Show the form of an experiment and return its runs; ``None`` if it needs data sets first.

    Raises ``ExperimentInvalid``, and ``DatasetNotFound`` where there is nothing to train on.
    """
    match kind:
        case "duel":
            thing = render_choice(
                "thing",
                "What to vary",
                {name: thing.title for name, thing in lab.DUEL_FACTORS.items()},
                key="lab-thing",
                hint="The one setting in which the runs differ. All others, the seed too, are the "
                "same.",
                problem=lambda word: (
                    f"A duel can't vary {word}. Choose from {', '.join(lab.DUEL_FACTORS)}."
                ),
                forget=("values", "series"),
            )
            values = _pick_values(lab.DUEL_FACTORS[thing])
            data, seed, epochs, _ = _pick_numbers(
                lab.DUEL_EPOCHS, None if thing == "images" else lab.DUEL_IMAGES
            )
            return lab.duel(thing, values, data, epochs=epochs, seed=seed)
        case "memorisation":
            data, seed, epochs, percent = _pick_numbers(
                lab.MEMORISATION_EPOCHS, lab.MEMORISATION_IMAGES, percent=True
            )
            return lab.memorisation(percent, data, epochs=epochs, seed=seed)
        case "sizes":
            data, seed, epochs, _ = _pick_numbers(lab.SIZES_EPOCHS, None)
            most, _ = library.image_counts(data.dataset, data.variant)
            return lab.dataset_sizes(most, data, epochs=epochs, seed=seed)
        case "cures":
            data, seed, epochs, _ = _pick_numbers(lab.CURES_EPOCHS, lab.CURES_IMAGES)
            return lab.cures(data, epochs=epochs, seed=seed)
        case "transfer":
            return _render_transfer_form()


def _render_transfer_form() -> LabExperiment | None:
    """Show the form, or a button that makes the two data sets of one."""
    chosen = _pick_data()
    split = ClassSplit(find_dataset(chosen.dataset), chosen.variant)
    first, second = (", ".join(classes) for classes in split.halves)
    st.caption(f"First: {escaped(first)}. Then: {escaped(second)}.")
    if not split.is_stored:
        st.markdown(
            "This needs two data sets, each with half of the classes. They are made of the images "
            "above, and the Data page lists them."
        )
        if st.button("Make two data sets", type="primary", icon=":material/call_split:"):
            with st.spinner("Making two data sets …"):
                split.store(cache.settings())
            st.rerun()
        return None
    data, seed, epochs, _ = _pick_numbers(
        lab.TRANSFER_EPOCHS,
        lab.TRANSFER_IMAGES,
        data=Data(dataset=split.second, variant="full"),
    )
    return lab.transfer(Data(dataset=split.first, variant="full"), data, epochs=epochs, seed=seed)


def _pick_values(thing: lab.DuelFactor) -> Sequence[str]:
    text = st.query_params.get("values")
    wanted = thing.default if text is None else tuple(filter(None, text.split(",")))
    unknown = [value for value in wanted if value not in thing.values]
    if unknown:
        st.error(
            f"{thing.title} can't be {quoted(unknown[0])} in a duel, so the usual values are used. "
            f"Choose from {', '.join(thing.values)}.",
            icon=":material/error:",
        )
        wanted = thing.default
    chosen = [value for value in thing.values if value in wanted]
    st.pills(
        "Choose 2 or 3 to compare",
        list(thing.values),
        selection_mode="multi",
        default=chosen,
        format_func=thing.values.__getitem__,
        key=widget_key(_VALUES_KEY, chosen, same_items),
        help=thing.hint,
        on_change=_values_chosen,
    )
    return chosen


def _values_chosen() -> None:
    update_query_params(values=",".join(widget_value(_VALUES_KEY)))


def _pick_numbers(
    usual_epochs: int,
    usual_images: int | None,
    *,
    percent: bool = False,
    data: Data | None = None,
) -> tuple[Data, int, int, int]:
    """Return data, seed, epochs and per cent of wrong labels.

    Without ``usual_images``, the data are all images. ``data`` are those chosen already.
    """
    with st.container(horizontal=True, vertical_alignment="bottom"):
        data = data or _pick_data()
        share = lab.MEMORISATION_PERCENT
        if percent:
            share = _pick_number(
                "percent",
                "Wrong labels, %",
                share,
                (lab.MIN_WRONG_PERCENT, lab.MAX_WRONG_PERCENT),
                "Percentage of the training labels that are made wrong.",
            )
        if usual_images is not None:
            most, _ = library.image_counts(data.dataset, data.variant)
            images = _pick_number(
                "images",
                "Training images",
                min(usual_images, most),
                (min(_FEWEST_IMAGES, most), most),
                "How many images each run learns from. With fewer, it overfits sooner.",
                key=f"lab-images-{data.dataset}-{data.variant}",
            )
            data = data.model_copy(update={"train_images": images})
        epochs = _pick_number(
            "epochs",
            "Epochs",
            usual_epochs,
            (1, _MOST_EPOCHS),
            "How many times each run sees its training images.",
        )
        seed = _pick_number(
            "seed",
            "Seed",
            1,
            (0, MAX_SEED),
            "Sets everything random, the same in all runs: initial weights, the choice of images, "
            "their order.",
        )
    return data, seed, epochs, share


def _pick_number(
    name: str, label: str, usual: int, bounds: tuple[int, int], hint: str, key: str | None = None
) -> int:
    with st.container(width=_NUMBER_WIDTH):
        return render_number(name, label, usual, bounds, hint, key=key or f"lab-{name}")


def _pick_data() -> Data:
    """Return a data set on this machine, its sample or the full set."""
    data = {
        info.name if variant == "sample" else f"{info.name}-full": (info, variant)
        for info in all_datasets()
        for variant in library.available_variants(info, cache.settings())
    }
    if not data:
        raise DatasetNotFound("There are no images here yet: see the Data page.")
    with st.container(width=_MENU_WIDTH):
        chosen = render_choice(
            "data",
            "Images",
            {name: f"{info.title}, {variant}" for name, (info, variant) in data.items()},
            key=f"lab-data-{len(data)}",
            hint="The images to train on: an embedded sample, or a full set on this machine.",
            problem=lambda word: f"There is no data {word} here. Choose from {', '.join(data)}.",
            menu=True,
        )
    info, variant = data[chosen]
    return Data(dataset=info.name, variant=variant)


def _render_launch(planned: LabExperiment, *, again: bool) -> None:
    """Show what will be trained, and the button that queues it.

    Raises ``ExperimentInvalid`` where there are too few images for it.
    """
    arms = planned.arms
    data = [arm.experiment.data for arm in arms]
    counts = [library.image_counts(each.dataset, each.variant) for each in data]
    sizes = [arm.experiment.sizes(*each) for arm, each in zip(arms, counts, strict=True)]
    runs = cache.store().all()
    estimate, per_epoch = _estimate(planned, sizes, runs)
    st.markdown(f"{_plan_text(planned, sizes)}: **{format_duration_range(estimate)} in all**.")
    st.caption(format_estimate_basis(per_epoch, "float32"))
    active = [run for run in runs if run.state.active]
    if active:
        name = f"“{escaped(active[-1].name)}”"
        others = f"{name} and {len(active) - 1} more" if len(active) > 1 else name
        order = format_order(cache.settings())
        st.caption(f":material/hourglass_top: They wait for {others}: runs train {order}.")
    again_text = " again" if again else ""
    if st.button(
        f"Train {len(arms)} runs{again_text}",
        key="lab-train",
        type="secondary" if again else "primary",
        icon=":material/play_arrow:",
        help=f"Queues all runs. They train {format_order(cache.settings())}, and their curves are "
        "shown together here.",
    ):
        worker = cache.worker()
        identity = ((arm.label, arm.experiment.to_json()) for arm in arms)
        series = queue_once(
            ("lab", planned.title, *identity),
            lambda: queue_lab_experiment(worker, planned),
            lambda queued: queued.run_ids,
        )
        update_query_params(
            series=series.id, gallery=None, picture=None, play=None, at=None, pace=None
        )
        st.rerun()


def _plan_text(planned: LabExperiment, sizes: Sequence[SplitSizes]) -> str:
    first = planned.arms[0].experiment
    if planned.kind == "transfer":
        second = planned.arms[1].experiment
        return (
            f"Trains a network on {sizes[0].train:,} images of the first classes for "
            f"{first.epochs} epochs, then {len(planned.arms) - 1} on {sizes[1].train:,} images of "
            f"the others for {format_count(second.epochs, 'epoch')} each, from seed {first.seed}, "
            f"and measures each on {sizes[1].validation:,} test images"
        )
    fewest, most = (pick(size.train for size in sizes) for pick in (min, max))
    images = f"{fewest:,}" if fewest == most else f"{fewest:,} to {most:,}"
    sample = "" if first.data.variant == "full" else "the sample of "
    return (
        f"Trains {len(planned.arms)} runs {format_order(cache.settings())}, {first.epochs} epochs "
        f"each at most, on {images} training images of {sample}"
        f"{find_dataset(first.data.dataset).title}, from seed {first.seed}, and measures each on "
        f"{sizes[0].validation:,} test images"
    )


def _estimate(
    planned: LabExperiment, sizes: Sequence[SplitSizes], runs: Sequence[Run]
) -> tuple[Estimate, Estimate]:
    """Return the estimates for all runs in all, and for an epoch of the first."""
    speeds = recorded_speeds(runs, place_machine(cache.settings()))
    each = [
        estimate_epoch(epoch_work(arm.experiment, size.train, size.validation), speeds)
        for arm, size in zip(planned.arms, sizes, strict=True)
    ]
    epochs = [arm.experiment.epochs for arm in planned.arms]
    # The runs of a transfer wait for the first of them.
    share = 1.0 if planned.kind == "transfer" else time_share(cache.settings(), len(epochs))
    low, high = (
        share * sum(n * getattr(e, end) + start for n, e in zip(epochs, each, strict=True))
        for end, start in (("low", START_SECONDS[0]), ("high", START_SECONDS[1]))
    )
    return Estimate(low, high, each[0].runs, each[0].same), each[0]
