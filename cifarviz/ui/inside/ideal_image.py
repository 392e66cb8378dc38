"""What a channel looks for: the image that it responds to most, made from noise."""

import numpy as np
import streamlit as st

from cifarviz.figures.sprite import enlarge, sprite
from cifarviz.runs.records import Run
from cifarviz.runs.snapshots import WeightsChoice
from cifarviz.ui.inside.dataset_activations import finished_activations
from cifarviz.ui.inside.explanations import find_ideal_images

# CSS pixels.
_SIDE = 160


def render_ideal_image(run: Run, weights: WeightsChoice, layer: str, channel: int) -> None:
    """Render the image that raises a channel most, with its activation.

    The activation is compared with that of the best test image, once all have been scanned.
    """
    st.markdown("**Ideal image**")
    found = find_ideal_images(run, weights, layer, [channel])
    if found is None:
        return
    [ideal] = found
    if not ideal.found:
        st.caption(
            f"No image found: the channel’s highest value is {ideal.start:.4g} for noise, and "
            "small changes of the noise do not raise it.".replace("-", "−")
        )
        return
    # Twice as many pixels as shown: also sharp on screens with two pixels per CSS pixel.
    picture = enlarge(ideal.pixels, 2 * _SIDE)
    alt = f"Ideal image of channel {channel} of {layer}"
    st.image(sprite(picture[np.newaxis]).png, width=_SIDE, alt=alt)
    activations = finished_activations(run, weights)
    top = None if activations is None else activations.test[layer].top_images(channel)
    best = f", the best test image {top[0].value:.4g}" if top else ""
    values = f"Reaches {ideal.value:.4g}{best}, and the noise it was made from {ideal.start:.4g}."
    st.caption(
        f"{values.replace('-', '−')} Gradient ascent on the pixels raises the mean of the "
        "channel’s map (Erhan et al., 2009), with blur, shifts and decay against noise ([Yosinski "
        "et al., 2015](https://arxiv.org/abs/1506.06579))."
    )
