"""TensorFlow that cannot be loaded."""

import sys
from pathlib import Path

import pytest

from cifarviz.errors import LibraryHalfLoaded
from cifarviz.loading import tensorflow_imports


@pytest.mark.parametrize(("library", "part"), [("tensorflow", "python"), ("keras", "src")])
def test_an_import_that_fails_in_the_middle_is_said_and_not_tried_again(
    library: str, part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("tensorflow", "keras"):
        monkeypatch.delitem(sys.modules, name, raising=False)
        for inner in ("python", "src"):
            monkeypatch.delitem(sys.modules, f"{name}.{inner}", raising=False)

    def load() -> None:
        with tensorflow_imports(tmp_path):
            # What Python leaves of a package whose import has failed.
            monkeypatch.setitem(sys.modules, f"{library}.{part}", sys)
            raise OSError(24, "Too many open files")

    with pytest.raises(LibraryHalfLoaded, match=r"in part \(OSError.*open files.*Restart cifarviz"):
        load()
    tried = []
    with pytest.raises(LibraryHalfLoaded, match="Restart cifarviz"), tensorflow_imports(tmp_path):
        tried.append(library)
    assert not tried


def test_another_error_of_an_import_stays_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(ModuleNotFoundError), tensorflow_imports(tmp_path):
        raise ModuleNotFoundError("No module named 'tensorflow'")
