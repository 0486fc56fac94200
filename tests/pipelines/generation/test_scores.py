import numpy as np
import pytest

from pipelines.generation import library_scores, scores


def test_width_case_and_spaces_do_not_count():
    assert scores.normalise(" ＡＢｃ\u3000 ①  Ｘ\n") == "abc 1 x"
    found = scores.likeness(["Ｕｎｉｔｙ の秘密"], ["unity  の秘密 "])
    assert found["exact"] == 1
    assert found["rougeL_char"] == found["rougeL_word"] == 100


def test_characters_are_without_spaces_and_words_are_mecabs():
    assert scores.characters("a b　c") == "abc"
    assert scores.words("東京都に住む") == ["東京", "都", "に", "住む"]


def test_scores_of_japanese_are_not_0():
    """rouge-score's own tokens are a-z and 0-9: it gives 0 here."""
    found = scores.rouge_of_each(["今日は晴れ"], ["今日も晴れ"])
    assert found["rouge1_char"] == pytest.approx([80.0])
    assert found["rougeL_char"] == pytest.approx([80.0])
    assert found["rouge2_char"] == pytest.approx([50.0])
    assert found["rouge1_word"][0] == pytest.approx(200 / 3)


def test_every_text_counts_once_also_an_empty_one():
    found = scores.likeness(["山", "", ""], ["山", "川", "空"])
    assert found["rouge1_char"] == pytest.approx(100 / 3)
    assert found["exact"] == pytest.approx(1 / 3)


def test_habits():
    found = scores.habits(
        ["山と川と山と川と", "空", "空"],
        ["山", "空の", "海の色"],
        training=["Ａ", "空"],
    )
    assert found == {
        "length_ratio": pytest.approx(10 / 6),
        "repeated": pytest.approx(1 / 3),
        "distinct": pytest.approx(2 / 3),
        "copied": pytest.approx(2 / 3),
    }


def test_a_text_shorter_than_a_run_repeats_nothing():
    assert scores.habits(["山山山", ""], ["山", "山"], training=[])["repeated"] == 0


def test_bleu_is_left_out_where_its_package_is_not_there(monkeypatch):
    monkeypatch.setattr(library_scores, "are_there", lambda: False)
    found = scores.likeness(["山"], ["山"])
    assert not set(library_scores.NAMES) & found.keys()
    assert found["rouge1_char"] == 100


@pytest.mark.skipif(not library_scores.are_there(), reason=library_scores.INSTALL)
def test_bleu_reads_japanese():
    written = ["東京都の空は今日も晴れている", "山と川"]
    found = scores.likeness(written, written)
    assert np.allclose([found[name] for name in library_scores.NAMES], 100)
    near = scores.likeness(["東京都の空は今日も曇っている", "山と川"], written)
    assert 30 < near["bleu_word"] < 100
    assert 50 < near["bleu_char"] < 100
