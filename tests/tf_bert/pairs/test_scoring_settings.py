import pytest

from runtime.errors import SettingsError
from tf_bert.pairs.scoring_settings import Index, ScoringSettings

PAIRS = {
    "init_checkpoint": "run",
    "texts_file": "texts.json",
    "output_file": "scores.tsv",
    "vocab_file": "vocab.txt",
}


def test_what_was_asked_for_can_be():
    ScoringSettings(**PAIRS, pairs_file="pairs.json")
    ScoringSettings(**PAIRS, all_pairs=True, top_k=3, label="1")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"top_k": 3}, "--top_k is for --all_pairs"),
        ({"label": "1"}, "--label is for --all_pairs"),
        ({"all_pairs": True}, "give one of them"),
        ({"all_pairs": True, "pairs_file": None}, "give --top_k"),
        ({"all_pairs": True, "pairs_file": None, "top_k": 0}, "--top_k must be"),
        ({"pairs_file": None}, "--pairs_file, or --all_pairs"),
        ({"chunk_megabytes": 0}, "--chunk_megabytes must be"),
        ({"index": Index.HNSW}, "--index is for --all_pairs"),
        ({"texts_file": None}, "--texts_file is required"),
        ({"vocab_file": None}, "--vocab_file"),
    ],
)
def test_what_cannot_be(changed, said):
    with pytest.raises(SettingsError, match=said):
        ScoringSettings(**(PAIRS | {"pairs_file": "pairs.json"} | changed))
