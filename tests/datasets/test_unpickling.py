import pickle

import numpy as np
import pytest

from cifarviz.datasets.unpickling import load_arrays
from cifarviz.errors import DatasetDamaged


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_arrays_and_plain_values_come_back(protocol):
    batch = {b"data": np.arange(6, dtype=np.uint8).reshape(2, 3), b"labels": [1, 2]}
    read = load_arrays(pickle.dumps(batch, protocol), "data_batch_1")
    np.testing.assert_array_equal(read[b"data"], batch[b"data"])
    assert read[b"labels"] == [1, 2]


@pytest.mark.parametrize(
    ("module", "function", "argument"),
    [
        ("os", "system", "touch {target}"),
        ("posix", "system", "touch {target}"),
        ("builtins", "eval", "open(r'{target}', 'w').close()"),
        ("builtins", "exec", "open(r'{target}', 'w').close()"),
        ("numpy", "fromfile", "{target}"),
        ("numpy.testing._private.utils", "runstring", "open(r'{target}', 'w').close()"),
    ],
)
def test_code_in_a_pickle_is_refused_and_not_run(module, function, argument, tmp_path):
    target = tmp_path / "ran"
    code = argument.format(target=target)
    # The classic: a global by name, a tuple of one text, and the call.
    evil = f"c{module}\n{function}\n(V{code}\ntR.".encode()
    with pytest.raises(DatasetDamaged, match=rf"“data_batch_1”.*needs {module}\.{function}"):
        load_arrays(evil, "data_batch_1")
    assert not target.exists()


def test_dotted_names_of_protocol_4_are_refused():
    evil = b"\x80\x04\x8c\x05numpy\x8c\x0endarray.tofile\x93."
    with pytest.raises(DatasetDamaged, match="which is not allowed"):
        load_arrays(evil, "data_batch_1")


def test_a_large_shape_in_a_file_uses_no_memory():
    forged = (
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n"
        b"(\x8a\x06\x00\x00\x00\x00\x00\x7ftU\x01btR."
    )
    assert load_arrays(forged, "data_batch_1").nbytes == 0


@pytest.mark.parametrize("data", [b"", b"hello", b"\x80\x02}(U\x06la", b"\x80\x05."])
def test_a_damaged_pickle_is_named(data):
    with pytest.raises(DatasetDamaged, match="“test_batch”"):
        load_arrays(data, "test_batch")
