"""Heads that are trained on vectors of texts that were encoded once."""

import dataclasses
import json
from pathlib import Path

import keras  # noqa: F401 - the outcome depends on its backend
import numpy as np
import pytest

from processors.batches.texts_apart import TextsApart
from processors.batches.token_dataset import FILLER
from runtime import storage
from runtime.training.run_settings import Resume
from tests.tf_bert.pairs.conftest import STEPS
from tests.tf_bert.pairs.test_run import table, weights
from tf_bert.pairs import frozen
from tf_bert.pairs.heads import Attend, Combine
from tf_bert.pairs.preparation import prepare

KINDS = {
    "vectors": {"combine": Combine.ADDITIVE, "attend": Attend.VECTORS},
    "tokens": {"combine": Combine.REDUCED, "attend": Attend.TOKENS},
}


def losses(folder):
    lines = Path(folder, "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["loss"] for line in lines if '"loss"' in line]


def vector_files(folder):
    return sorted(Path(folder, "text_vectors").rglob("*.safetensors"))


@pytest.mark.parametrize("attend", KINDS)
def test_a_head_learns_from_kept_vectors_what_it_would_from_the_encoder(
    run_pairs, tmp_path, monkeypatch, attend
):
    told = {"train": "head", "learning_rate": 3e-2, "do_predict": True, **KINDS[attend]}
    run_pairs(tmp_path / "kept", **told)
    assert vector_files(tmp_path / "kept")
    monkeypatch.setattr(frozen, "ready", lambda _job, splits, _context: splits)
    run_pairs(tmp_path / "encoded", **told)
    assert not vector_files(tmp_path / "encoded")
    kept, encoded = losses(tmp_path / "kept"), losses(tmp_path / "encoded")
    assert kept[-1] < kept[0]
    np.testing.assert_allclose(kept, encoded, rtol=1e-5)
    answers = [
        np.array(table(f"{tmp_path}/{name}/test_results.tsv"), float)
        for name in ("kept", "encoded")
    ]
    np.testing.assert_allclose(*answers, atol=1e-5)


@pytest.mark.parametrize(
    "attend", ["vectors", pytest.param("tokens", marks=pytest.mark.slow)]
)
def test_a_stopped_head_goes_on_to_the_same_bytes(run_pairs, tmp_path, attend):
    whole, part = tmp_path / "whole", tmp_path / "part"
    told = {"train": "head", **KINDS[attend]}
    for folder in (whole, part):
        run_pairs(folder, **told)
    storage.delete_tree(f"{part}/checkpoints/step-{STEPS:08d}")
    written = {path: path.stat().st_mtime_ns for path in vector_files(part)}
    run_pairs(part, resume=Resume.MUST, **told)
    assert {path: path.stat().st_mtime_ns for path in vector_files(part)} == written
    storage.delete_tree(f"{part}/checkpoints/step-{STEPS:08d}")
    storage.delete_tree(f"{part}/text_vectors")
    run_pairs(part, resume=Resume.MUST, **told)
    assert weights(part) == weights(whole)
    assert [path.read_bytes() for path in vector_files(part)] == [
        path.read_bytes() for path in vector_files(whole)
    ]


@pytest.mark.parametrize("attend", Attend)
def test_products_of_kept_vectors_are_learned_from(run_pairs, tmp_path, attend):
    told = {"train": "head", "combine": Combine.DOT, "attend": attend}
    run_pairs(tmp_path / "out", max_steps=1, **told)
    assert vector_files(tmp_path / "out")
    assert np.isfinite(losses(tmp_path / "out")).all()


def test_a_trained_encoder_keeps_no_vectors(run_pairs, tmp_path):
    run_pairs(tmp_path / "out", max_steps=1)
    assert not vector_files(tmp_path / "out")


@pytest.mark.parametrize("attend", Attend)
def test_each_slot_has_the_vectors_of_its_text(make_settings, tmp_path, attend):
    job = prepare(make_settings(tmp_path / "out", train="head", attend=attend))
    texts = TextsApart.of(job.splits["train"].dataset)
    count, width = len(texts.dataset), 5
    encoded = Numbered(texts.dataset.lengths, width=width, attend=attend)
    read = frozen.EncodedTexts(texts.dataset, texts.sides, encoded=encoded)
    index = np.array([[2, 0], [1, FILLER]])
    slots = read.slots(index)
    found = read.places(index, slots=slots, buckets=(8, 40))
    told = texts.places(index, slots=slots, buckets=(8, 40))
    for name, values in told.items():
        np.testing.assert_array_equal(found[name], values)
    assert found["text_vectors"].shape == (*slots.shape, width)
    expected = np.where(slots == FILLER, 0, slots + 1)
    np.testing.assert_array_equal(found["text_vectors"][..., 0], expected)
    assert ("text_tokens" in found) is (attend is Attend.TOKENS)
    if attend is Attend.TOKENS:
        marks = found["token_mask"] * (count + expected[..., np.newaxis])
        np.testing.assert_array_equal(found["text_tokens"][..., 0], marks)


@dataclasses.dataclass(frozen=True)
class Numbered:
    """Encoded texts whose vectors say which text they are of."""

    lengths: np.ndarray
    width: int
    attend: Attend

    def vectors(self, index):
        return np.repeat(index[:, np.newaxis] + 1.0, self.width, axis=1)

    def tokens(self, index, *, columns):
        mask = np.arange(columns) < self.lengths[index][:, np.newaxis]
        marks = (len(self.lengths) + index + 1.0)[:, np.newaxis] * mask
        tokens = np.repeat(marks[..., np.newaxis], self.width, axis=-1)
        return self.vectors(index), tokens, mask
