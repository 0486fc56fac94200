import keras  # noqa: F401 - the outcome depends on its backend
import pytest

from runtime import storage
from tf_bert.classifier import preparation as cross
from tf_bert.classifier.settings import Architecture, ClassifierSettings
from tf_bert.pairs import comparison
from tf_bert.pairs import run as pairs_run
from tf_bert.pairs.comparison import Pace

COMPARED = {"do_eval": True, "compare": True}


def rows(folder, name):
    lines = storage.read_text(f"{folder}/{name}").splitlines()
    return {line.split("  ")[0]: line.split() for line in lines}


@pytest.mark.slow
def test_a_bi_encoder_has_a_cross_encoder_beside_it(run_pairs, tmp_path):
    found = run_pairs(tmp_path / "out", **COMPARED)
    compared = rows(tmp_path / "out", "compare.txt")
    for name in (comparison.FROZEN_BI, "frozen BERT, mean", "frozen BERT, pooled"):
        assert name in compared
        assert 0 <= found.accuracies[name]["dev"] <= 1
    paces = rows(tmp_path / "out", "architectures.txt")
    assert paces["cross-encoder"][-3] == paces["cross-encoder"][-1] == "-"
    assert paces["bi-encoder, vectors, additive"][-1] == "96"  # 48 numbers of 2 bytes
    assert storage.exists(f"{tmp_path}/out/architectures.png")


@pytest.fixture
def cross_settings(make_settings, tmp_path):
    def make(**others):
        told = {
            name: value
            for name, value in vars(make_settings(tmp_path / "cross")).items()
            if name in ClassifierSettings.__dataclass_fields__
        }
        told["architecture"] = Architecture.CROSS
        return ClassifierSettings(**(told | others))

    return make


@pytest.mark.slow
def test_a_cross_encoder_has_a_bi_encoder_beside_it(cross_settings, place_on, tmp_path):
    job = cross.prepare(cross_settings(**COMPARED))
    found = pairs_run.run_cross(job, placement=place_on())
    assert comparison.FROZEN_BI in found.accuracies
    paces = rows(tmp_path / "cross", "architectures.txt")
    assert "bi-encoder, vectors, additive" in paces


def test_a_classifier_of_single_texts_has_none(cross_settings):
    job = cross.prepare(cross_settings(text_b=None, **COMPARED))
    assert comparison.of_cross_encoder(job) is None


def test_the_table():
    found = comparison.table(
        {
            "cross-encoder": Pace(pairs=123.4),
            "bi-encoder": Pace(texts=400.0, pairs=1234567.0, size=512.0),
        }
    )
    assert found.splitlines() == [
        "architecture   texts/s    pairs/s  bytes a text",
        "cross-encoder        -        123             -",
        "bi-encoder         400  1,234,567           512",
    ]
