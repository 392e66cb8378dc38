"""What is shown as files: values as NumPy arrays, maps as pictures, of one layer or of all."""

import streamlit as st

from cifarviz.escaping import safe_file_name
from cifarviz.ui.address import escaped
from cifarviz.ui.inside.files import numbers_file, picture_file, pictures_file
from cifarviz.ui.inside.manner import Manner
from cifarviz.ui.inside.network import ShownNetwork
from cifarviz.ui.query import render_choice

_ALL = "all"


def take_away(network: ShownNetwork, manner: Manner) -> None:
    """A menu with the files of one layer of the network, or of all; the address holds which."""
    with st.popover("Download", icon=":material/download:"):
        views = {view.name: view for view in network.views}
        title = escaped(network.title)
        of_left = f", of the network on the left: {title}" if title else ""
        chosen = render_choice(
            "file",
            "Of which layer",
            {_ALL: "all layers", **{name: name for name in views}},
            key="inside-file",
            hint=f"Whose output is taken away{of_left}.",
            problem=lambda word: f"There is no layer {word} here: {', '.join(views)}.",
            menu=True,
        )
        one = views.get(chosen)
        found = list(views.values()) if one is None else [one]
        name = "feature-maps" if one is None else one.name
        st.download_button(
            "Values",
            lambda: numbers_file(found),
            file_name=safe_file_name(name, ".npz"),
            mime="application/zip",
            icon=":material/download:",
            on_click="ignore",
            help="What it puts out for this image, as NumPy arrays in one .npz file.",
        )
        if one is None and network.has_maps:
            st.download_button(
                "Pictures",
                lambda: pictures_file(found, manner),
                file_name=safe_file_name(name, ".zip"),
                mime="application/zip",
                icon=":material/download:",
                on_click="ignore",
                help="One PNG a layer with all its channels, scaled and coloured as here, in one "
                ".zip file.",
            )
        elif one is not None and one.maps is not None:
            st.download_button(
                "Picture",
                lambda: picture_file(one, manner),
                file_name=safe_file_name(name, ".png"),
                mime="image/png",
                icon=":material/download:",
                on_click="ignore",
                help="A PNG with all its channels, scaled and coloured as here.",
            )
        else:
            st.caption("There are no maps in it, so there is no picture of it.")
