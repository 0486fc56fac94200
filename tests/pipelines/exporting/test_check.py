import importlib.util

import numpy as np
import pytest

from pipelines.exporting import check, probes
from pipelines.exporting.settings import ExportFormat
from pipelines.exporting.writers import Written
from runtime.errors import CompilationError
from runtime.exports import read_back
from tf_bert.classifier import loading

TEXTS = ["a short one", "with [SEP] in it"]
ONNX = ExportFormat.ONNX


@pytest.fixture
def checked(trained, monkeypatch):
    """What is said where a reader answers so, and what it was asked."""
    requests = []

    def checked(answer, *, kind=ONNX, written=None):
        def read(_, request):
            requests.append(request)
            return answer

        monkeypatch.setattr(read_back, "read", read)
        asked = probes.Probes(TEXTS, np.full((2, 2), 0.5))
        said = check.check(
            kind,
            written or Written(),
            asked,
            served=loading.served(trained()),
            folder="somewhere",
        )
        return said, requests[-1]

    return checked


def test_blocks_have_their_own_length(checked):
    said, request = checked({"ids": [[0.5, 0.5]] * 3})
    all_rows, first = (np.array(block["input_ids"]) for block in request["blocks"])
    assert len(all_rows) == 2
    assert len(first) == 1
    assert first.shape[1] < all_rows.shape[1]
    assert said["texts"] == 2
    assert said["largest_difference"] == {"ids": 0.0}


def test_what_is_no_number_is_refused(checked):
    with pytest.raises(CompilationError, match="nan"):
        checked({"ids": [[0.5, np.nan]] * 3})


def test_other_labels_are_refused(checked):
    with pytest.raises(CompilationError, match=r"labels \['b', 'a'\], and the model"):
        checked({"ids": [[0.5, 0.5]] * 3, "labels": ["b", "a"]})


def test_what_is_read_otherwise_is_not_asked(checked):
    written = Written(takes_texts=True, reads_otherwise=("[SEP]",))
    answer = {"ids": [[0.5, 0.5]] * 2, "texts": [[0.5, 0.5]]}
    said, request = checked(answer, written=written)
    assert request["texts"] == {"text": TEXTS[:1]}
    assert said["texts"] == 1


def test_transformers_need_not_be_there(checked, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(
        read_back, "read", lambda *_: pytest.fail("nobody is there to read")
    )
    asked = probes.Probes(TEXTS, np.full((2, 2), 0.5))
    kind = ExportFormat.HUGGING_FACE
    said = check.check(kind, Written(), asked, served=None, folder="somewhere")
    [note] = said["notes"]
    assert note.startswith("Not read back: torch and transformers")
