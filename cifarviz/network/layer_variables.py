"""The arrays of one layer, as the network computes with them."""

import tensorflow as tf

from cifarviz.network.stateless import ForwardPass


def layer_variables(forward: ForwardPass, *, layer: str) -> dict[str, tf.Tensor]:
    """The variables of ``layer`` by Keras' short name: ``kernel``, ``gamma``, …

    A function for ``StatelessNetwork.compute``.
    """
    nodes = (inner for node in forward.nodes for inner in node.all_nodes())
    found = next(node for node in nodes if node.name == layer)
    return {
        variable.name: tf.convert_to_tensor(variable)
        for keras_layer in found.keras_layers
        for variable in keras_layer.variables
        if variable.dtype == "float32"
    }
