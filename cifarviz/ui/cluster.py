"""The computers of the cluster that trains the runs, and what each of them does."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from cifarviz.cluster.files import ClusterStatus, Node, load_status
from cifarviz.live.hub import hub
from cifarviz.live.items import Item, join_names
from cifarviz.runs.records import Run
from cifarviz.runs.states import RunState
from cifarviz.settings import Settings
from cifarviz.ui import cache
from cifarviz.ui.address import escaped
from cifarviz.ui.components.live import Live
from cifarviz.ui.components.live_items import live_items

_FEED = "cluster"
EXECUTOR = "ray"


def render_cluster() -> None:
    """Show the nodes of the cluster and their runs, if runs train on one."""
    settings, store = cache.settings(), cache.store()
    if settings.executor != EXECUTOR:
        return

    def message() -> dict[str, Any]:
        """Return the message of the feed; called outside of any script."""
        current = _cluster_items(load_status(settings), store.active())
        return {"mark": _mark(settings), "items": {key: i.values() for key, i in current.items()}}

    hub().register(_FEED, message)
    status = load_status(settings)
    places = 0 if status is None else status.places
    title = f"Computers · {places} {'run' if places == 1 else 'runs'} at once"
    with st.expander(title, icon=":material/dns:", expanded=places == 0):
        if status is not None and status.problem:
            st.warning(escaped(status.problem), icon=":material/warning:")
        items = _cluster_items(status, store.active())
        live_items(items, key="cluster-nodes", live=Live(_FEED, _mark(settings)))


def _mark(settings: Settings) -> str:
    """Return what the page is drawn anew for: other nodes, or another problem."""
    return repr(load_status(settings))


def _cluster_items(status: ClusterStatus | None, active: Sequence[Run]) -> Mapping[str, Item]:
    if status is None:
        return {"connecting": Item(text="Connecting to the cluster. Runs wait for it.")}
    return {node.id: _node_item(node, active) for node in status.nodes}


def _node_item(node: Node, active: Sequence[Run]) -> Item:
    names = [r.name for r in active if r.node == node.name and r.state is not RunState.QUEUED]
    offer = f"{node.cpus:g} {'core' if node.cpus == 1 else 'cores'}"
    if node.gpus:
        offer += f", {node.gpus:g} {'GPU' if node.gpus == 1 else 'GPUs'}"
    what = f"{node.name}, {offer}"
    if node.refusal is not None:
        return Item(badge="refused", color="red", text=f"{node.name}. {node.refusal}")
    if not node.cpus and node.is_head:
        return Item(badge="head", text=f"{node.name}, trains no runs itself")
    if names:
        return Item(badge="training", color="blue", text=f"{what}: {join_names(names)}")
    return Item(badge="free", color="green", text=what)
