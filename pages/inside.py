"""The Inside page: what each layer of a trained network computes for an image."""

from collections.abc import Mapping

from streamlit.delta_generator import DeltaGenerator

from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import WeightsChoice
from cifarviz.runs.stored_weights import weights_epoch
from cifarviz.ui.epoch_scrubber import (
    epoch_from_query,
    epoch_label,
    epoch_slider_container,
    has_inspectable_epochs,
    inspectable_epochs,
    render_epoch_slider,
)
from cifarviz.ui.errors import render_errors
from cifarviz.ui.inside import view
from cifarviz.ui.inside.compared_run import pick_compared_run
from cifarviz.ui.inside.image import render_images_with_maps, test_image_in_address
from cifarviz.ui.inside.layer_histories import render_layer_histories
from cifarviz.ui.pickers import (
    available_checkpoints,
    checkpoint_label,
    pick_checkpoint_or_epochs,
    pick_run,
)
from cifarviz.ui.query import sync_query_params


def render_epochs(
    run: Run,
    sources: Mapping[int, WeightsChoice],
    right_column: DeltaGenerator,
    other: Run | None,
    shown: view.InsideView,
) -> None:
    """Render the inspection with the weights of the epoch chosen with a slider."""
    slider = epoch_slider_container()
    with slider:
        epoch = epoch_from_query(list(sources))
    image_title = ""
    with render_errors():
        image_title = view.render_inspection(
            run, sources[epoch], epoch, epoch_label(epoch), right_column, other, shown
        )
    # Also if these weights are damaged: others may be readable.
    render_epoch_slider(slider, run, list(sources), epoch, about=image_title)


sync_query_params("inside")
shown = view.choose_view()
columns = view.header_columns(shown)
run = weights = other = None
with columns[0], render_errors():
    run = pick_run(
        dependent=view.run_params(),
        keeps=has_inspectable_epochs,
    )
if run is not None:
    sources = inspectable_epochs(run, test_image_in_address())
    has_checkpoints = bool(available_checkpoints(run))
    if sources or has_checkpoints:
        with columns[1], render_errors():
            has_epochs = len(sources) > (1 if has_checkpoints else 0)
            weights = pick_checkpoint_or_epochs(run, has_epochs=has_epochs)
    elif shown == "weights":
        render_layer_histories(run, None)
    else:
        render_images_with_maps(run)
if run is not None and weights is not None:
    if shown == "layers":
        with columns[2], render_errors():
            other = pick_compared_run(run)
    with render_errors():
        if weights == "epochs":
            render_epochs(run, sources, columns[-1], other, shown)
        else:
            # A run stopped within an epoch is closest to its last full epoch.
            epoch = weights_epoch(run, weights) or run.epochs_done
            label = checkpoint_label(run, weights)
            view.render_inspection(run, weights, epoch, label, columns[-1], other, shown)
