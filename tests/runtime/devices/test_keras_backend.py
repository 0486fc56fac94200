import os
import subprocess
import sys

from runtime.devices import keras_backend

_PROGRAM = """
import sys
from runtime.devices.placement import place
place()
import keras
there = {"matplotlib", "sklearn", "jax", "tensorflow"} & set(sys.modules)
print(there == {keras.backend.backend()})
import matplotlib
"""


def test_keras_is_told_its_backend_before_it_is_imported(monkeypatch):
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    keras_backend.bind_keras("jax")
    assert os.environ["KERAS_BACKEND"] == "jax"


def test_it_brings_no_drawing_along_which_can_be_imported_after_it():
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True
    )
    assert done.stdout == "True\n"


def test_what_was_there_before_stays(monkeypatch):
    there = object()
    monkeypatch.setitem(sys.modules, "matplotlib", there)
    monkeypatch.delitem(sys.modules, "sklearn", raising=False)
    with keras_backend.imported_lean("tensorflow"):
        assert sys.modules["sklearn"] is None
    assert sys.modules["matplotlib"] is there
    assert "sklearn" not in sys.modules
