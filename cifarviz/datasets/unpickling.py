"""Unpickling of plain values and NumPy arrays only.

A pickle is a program. The published Python batches need three names of NumPy; all other names
are refused before they are looked up.
"""

import io
import pickle
from typing import Any

import numpy as np

from cifarviz.errors import DatasetDamaged


def _empty_array(subtype: object, shape: object, dtype: object) -> np.ndarray:
    # In place of NumPy's _reconstruct; the shape and bytes are set with the state. A shape from
    # the file could allocate any amount of memory.
    if subtype is not np.ndarray:
        raise pickle.UnpicklingError("only plain NumPy arrays are allowed")
    return np.ndarray((0,), np.uint8)


def _array_from_buffer(buffer: Any, dtype: Any, shape: Any, order: Any) -> np.ndarray:
    return np.frombuffer(buffer, dtype).reshape(shape, order=order)


_ALLOWED = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("numpy.core.multiarray", "_reconstruct"): _empty_array,
    ("numpy._core.multiarray", "_reconstruct"): _empty_array,
    ("numpy.core.numeric", "_frombuffer"): _array_from_buffer,
    ("numpy._core.numeric", "_frombuffer"): _array_from_buffer,
}


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it needs {module}.{name}, which is not allowed")
        return _ALLOWED[module, name]


def load_arrays(data: bytes, filename: str) -> Any:
    """Unpickle ``data``; strings of Python 2 become bytes.

    Raises ``DatasetDamaged``, naming ``filename``, for a damaged pickle and for names other than
    those of NumPy arrays.
    """
    try:
        return _ArrayUnpickler(io.BytesIO(data), encoding="bytes").load()
    except Exception as error:  # damaged pickles fail in more ways than can be listed
        raise DatasetDamaged(
            "“{filename}” cannot be read: {error}.",
            filename=filename,
            error=error or type(error).__name__,
        ) from error
