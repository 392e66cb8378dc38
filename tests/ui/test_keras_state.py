"""Pages that come and go leave Keras' state alone: a run may be training."""

import keras
import pytest
from streamlit.testing.v1 import AppTest

from scripts.app_server import ROOT


def test_no_run_of_a_page_clears_the_session_of_keras(monkeypatch: pytest.MonkeyPatch) -> None:
    page = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30)
    page.run()
    cleared = []
    monkeypatch.setattr(keras.backend, "clear_session", lambda: cleared.append(True))
    # Streamlit, left to itself, would clear it after this.
    page.run()
    assert not page.exception
    assert not cleared
