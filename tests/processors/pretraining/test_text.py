import numpy as np
import pytest

from processors.pretraining import create, text
from processors.pretraining.settings import Mode, PretrainingTask
from processors.tokenization import create as tokenizers
from runtime.errors import DataError


def read(settings, *, eval_share=0.25, seed=12345):
    return text.read_splits(
        settings.input_file,
        tokenizer=tokenizers.create(settings),
        settings=settings,
        eval_share=eval_share,
        seed=seed,
    )


@pytest.mark.parametrize("whole", [False, True])
def test_the_sequences_are_those_of_the_records(make_settings, whole):
    settings = make_settings(mode=Mode.DYNAMIC, dupe_factor=1, do_whole_word_mask=whole)
    training, evaluation = read(settings)
    create.create(settings)
    made = create.records.read(settings.output_file)
    held_out = round(len(made) * 0.25)
    assert (len(evaluation), len(training)) == (held_out, len(made) - held_out)
    start = made.tokens.offsets[held_out]
    for part, span in (
        (evaluation, slice(None, start)),
        (training, slice(start, None)),
    ):
        np.testing.assert_array_equal(part.tokens.ids, made.tokens.ids[span])
        np.testing.assert_array_equal(part.tokens.segments, made.tokens.segments[span])
        if whole:
            np.testing.assert_array_equal(part.starts_word, made.starts_word[span])
        else:
            assert part.starts_word is None
    labels = np.concatenate([evaluation.tokens.label_ids, training.tokens.label_ids])
    np.testing.assert_array_equal(labels, made.tokens.label_ids)
    assert training.description == made.description
    assert training.checksums != evaluation.checksums
    assert training.place(6) == "sequence 7 of the text"


def test_another_seed_holds_others_out(make_settings):
    settings = make_settings(objective=PretrainingTask.MLM)
    one, same, other = (read(settings, seed=seed)[1] for seed in (1, 1, 2))
    assert one.checksums == same.checksums != other.checksums


def test_a_foreign_vocabulary_is_refused(make_settings, tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("走れメロス。\n\nメロスは激怒した。\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"are \[UNK\]"):
        read(make_settings(input_file=(str(path),)))
