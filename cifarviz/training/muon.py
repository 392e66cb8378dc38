"""Muon for networks of convolutions."""

from collections.abc import Sequence

import keras

from cifarviz.experiment.optimizers import matrix_names


class KernelMuon(keras.optimizers.Muon):
    """Keras' Muon, for the kernels of convolutions too.

    A kernel (height, width, channels, filters) is a matrix (height * width * channels, filters).
    The output layer, and all that is no kernel, are trained by Adam. Exported programs have the
    same class; a test compares them.
    """

    def build(self, variables: Sequence[keras.Variable]) -> None:
        self._matrices = matrix_names((one.path, tuple(one.shape)) for one in variables)
        super().build(variables)

    def _should_use_adamw(self, variable: keras.Variable) -> bool:
        return variable.path not in self._matrices

    def zeropower_via_newtonschulz5(self, x: keras.KerasTensor, steps: int) -> keras.KerasTensor:
        matrix = keras.ops.reshape(x, (-1, x.shape[-1]))
        return keras.ops.reshape(super().zeropower_via_newtonschulz5(matrix, steps), x.shape)
