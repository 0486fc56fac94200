"""The searches of transformers; see golden/bert2bert/README.txt."""

import json
import os

import keras
import numpy as np
import pytest

from tests.tf_bert.seq2seq import pairs
from tf_bert.seq2seq.objective import Seq2SeqObjective
from tf_bert.seq2seq.search import Search, repeated
from tf_bert.seq2seq.search_settings import EarlyStopping, SearchSettings

SCORE = 1e-4
PAD, CLS, SEP = 0, 2, 3
MOST = 19  # tokens of the longest golden text, without [CLS]


def read_searches():
    with open(os.path.join(pairs.folder("equal"), "settings.json")) as file:
        return json.load(file)["generate"]


SEARCHES = read_searches()


def settings_of(told):
    """Our settings of what transformers was told; its lengths count [CLS]."""
    stopping = str(told.get("early_stopping", False)).lower()
    return SearchSettings(
        num_beams=told["num_beams"],
        max_target_length=told.get("max_length", MOST + 1) - 1,
        min_target_length=told.get("min_length", 0),
        length_penalty=told.get("length_penalty", 1.0),
        no_repeat_ngram_size=told.get("no_repeat_ngram_size", 0),
        early_stopping=EarlyStopping(stopping),
        num_return_sequences=told.get("num_return_sequences", 1),
    )


def make_objective(told):
    search = Search(settings_of(told), cls_id=CLS, sep_id=SEP, pad_id=PAD)
    return Seq2SeqObjective(search=search)


@pytest.fixture(scope="module", params=pairs.NAMES)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def golden(name):
    return pairs.golden(name)


@pytest.fixture(scope="module")
def engine_of(name, place_on):
    """An engine for each search, made once."""
    made = {}

    def make(search):
        if search not in made:
            objective = make_objective(SEARCHES[search])
            made[search] = pairs.make_engine(name, place_on(), objective=objective)
        return made[search]

    return make


def texts_of(golden):
    return pairs.sources(
        golden["generate/input_ids"], golden["generate/attention_mask"]
    )


def written(engine, texts):
    found = engine.predict({name: value[None] for name, value in texts.items()})
    return found["ids"][0], found["scores"][0]


def assert_golden(found, golden, search, *, of=slice(None)):
    ids, scores = found
    expected = golden[f"generate/{search}/ids"][of]
    expected = expected.reshape(len(expected), -1, MOST + 1)[:, :, 1:]
    assert np.array_equal(ids, expected[:, :, : ids.shape[2]])
    assert not expected[:, :, ids.shape[2] :].any()
    if f"generate/{search}/scores" in golden:
        expected = golden[f"generate/{search}/scores"][of].reshape(scores.shape)
        assert np.abs(scores - expected).max() <= SCORE


@pytest.mark.parametrize("search", SEARCHES)
def test_search(engine_of, golden, search):
    found = written(engine_of(search), texts_of(golden))
    assert_golden(found, golden, search)


BOTH = ["beam4_return3", "greedy_ngram3"]


@pytest.mark.parametrize("search", BOTH)
def test_one_by_one(engine_of, golden, search):
    texts = texts_of(golden)
    for row in range(len(texts["input_ids"])):
        of = slice(row, row + 1)
        found = written(
            engine_of(search), {name: value[of] for name, value in texts.items()}
        )
        assert_golden(found, golden, search, of=of)


@pytest.mark.parametrize("search", BOTH)
def test_other_order_and_padding(engine_of, golden, search):
    order = np.random.default_rng(3).permutation(32)
    wider = {
        name: np.pad(value[order], ((0, 0), (0, 17)))
        for name, value in texts_of(golden).items()
    }
    assert_golden(written(engine_of(search), wider), golden, search, of=order)


@pytest.mark.parametrize("search", BOTH)
def test_replicas(place_on, golden, name, search):
    engine = pairs.make_engine(
        name, place_on(8), objective=make_objective(SEARCHES[search])
    )
    found = engine.predict(
        {key: each.reshape(8, 4, -1) for key, each in texts_of(golden).items()}
    )
    found = tuple(
        each.reshape(-1, *each.shape[2:]) for each in (found["ids"], found["scores"])
    )
    assert_golden(found, golden, search)


def test_repeated_by_hand():
    ids = np.array([[[2, 7, 8, 7, 8, 0, 0], [2, 7, 9, 5, 6, 0, 0]]], np.int32)
    for size, length, expected in (
        (1, 5, ({2, 7, 8}, {2, 7, 9, 5, 6})),
        (2, 5, ({7}, set())),
        (3, 5, ({7}, set())),
        (3, 4, ({8}, set())),
        (6, 5, (set(), set())),
    ):
        found = keras.ops.convert_to_numpy(
            repeated(ids, length=length, size=size, vocabulary=10)
        )
        assert tuple(set(np.flatnonzero(row)) for row in found[0]) == expected


def test_a_beam_with_all_tokens_banned_is_not_taken(place_on):
    told = {"num_beams": 4, "no_repeat_ngram_size": 1, "max_length": 8}
    engine = pairs.make_engine("equal", place_on(), objective=make_objective(told))
    texts = texts_of(pairs.golden("equal"))
    ids, scores = written(engine, texts)
    assert np.isfinite(scores).all()
    for row in ids[:, 0]:
        kept = row[row != PAD]
        assert len(set(kept)) == len(kept)
