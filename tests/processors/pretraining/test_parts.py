import json
from array import array
from random import Random

import pytest

from processors.pretraining import parts
from processors.pretraining.corpus import Sentences
from processors.pretraining.parts import Reached, Rhythm
from runtime import storage
from runtime.errors import DataError, RunStoppedError, StorageError

MADE_OF = {"settings": {"max_seq_length": 64}}


def text(*ids):
    return Sentences.of([array("i", ids)], ends=[1], lines=1, vocab_size=100)


def add(opened, payloads, *, documents, seed=0):
    with opened.add_sequences() as part:
        for payload in payloads:
            part.write(payload)
        state = Random(seed).getstate()
        part.reached = Reached(documents, state, {"borrowed": documents})


def stopped(folder, work, *, made_of=MADE_OF):
    """Does some work and leaves the parts."""
    ended(folder, work, RunStoppedError("stopped"), made_of=made_of)


def ended(folder, work, error, *, made_of=MADE_OF):
    """Does some work that ends with an error."""

    def run():
        with parts.open_parts(folder, made_of=made_of) as opened:
            work(opened)
            raise error

    with pytest.raises(type(error), match=str(error)):
        run()


def sequences(count, *, first=0):
    numbers = range(first, first + count)
    return [bytes([number]) * (1 + number % 3) for number in numbers]


@pytest.fixture
def folder(tmp_path):
    return str(tmp_path / "train.tf_record.parts")


def test_text_and_sequences_are_there_after_a_stop(folder):
    def work(opened):
        assert opened.texts() == []
        opened.add_text(text(1, 2))
        opened.add_text(text(3))
        add(opened, sequences(5), documents=2)
        add(opened, sequences(4, first=5), documents=3, seed=7)

    stopped(folder, work)
    with parts.open_parts(folder, made_of=MADE_OF) as opened:
        found = [part.tokens.tolist() for part in opened.texts()]
        assert found == [[1, 2], [3]]
        assert opened.reached is None
        assert list(opened.sequences()) == [sequences(5), sequences(4, first=5)]
        assert opened.reached == Reached(3, Random(7).getstate(), {"borrowed": 3})
        Random().setstate(opened.reached.random_state)
        add(opened, sequences(1, first=9), documents=4)
        opened.add_text(text(4))
        assert len(opened) == 10
        assert opened.bytes == sum(map(len, sequences(10)))
        assert storage.exists(f"{folder}/sequences-00002.tf_record")
        assert storage.exists(f"{folder}/text-00002.npz")
    assert not storage.exists(folder)


def test_random_order_is_that_of_a_shuffled_list(folder):
    expected = sequences(40)
    Random(3).shuffle(expected)
    with parts.open_parts(folder, made_of=MADE_OF) as opened:
        for first, count in ((0, 1), (1, 30), (31, 9)):
            add(opened, sequences(count, first=first), documents=1)
        assert list(opened.shuffled(rng=Random(3))) == expected


def test_a_part_that_was_not_finished_is_none(folder):
    def work(opened):
        add(opened, sequences(5), documents=2)
        with opened.add_sequences() as part:
            part.write(b"x")
            raise RunStoppedError("in the middle")

    ended(folder, work, RunStoppedError("in the middle"))
    # Killed between a part and what vouches for it.
    storage.copy(f"{folder}/sequences-00000.tf_record", f"{folder}/sequences-00001.x")
    storage.copy(
        f"{folder}/sequences-00000.tf_record", f"{folder}/sequences-00001.tf_record"
    )
    with parts.open_parts(folder, made_of=MADE_OF) as opened:
        assert list(opened.sequences()) == [sequences(5)]
        add(opened, sequences(1, first=5), documents=3)
        assert sorted(opened.shuffled(rng=Random(0))) == sorted(sequences(6))


def test_parts_of_other_settings_are_thrown_away(folder, caplog):
    caplog.set_level("INFO")
    stopped(folder, lambda opened: opened.add_text(text(1)))
    other = {"settings": {"max_seq_length": 32}}
    with parts.open_parts(folder, made_of=other) as opened:
        assert opened.texts() == []
        assert json.loads(storage.read_text(f"{folder}/made_of.json")) == other
    assert "other settings, vocabulary or text: starting anew" in caplog.text


def test_parts_without_what_they_were_made_of_are_thrown_away(folder):
    stopped(folder, lambda opened: opened.add_text(text(1)))
    storage.delete(f"{folder}/made_of.json")
    with parts.open_parts(folder, made_of=MADE_OF) as opened:
        assert opened.texts() == []


def test_work_that_cannot_be_done_leaves_nothing(folder):
    ended(folder, lambda opened: opened.add_text(text(1)), DataError("wrong"))
    assert not storage.exists(folder)


def test_what_killed_writes_left_goes_with_the_folder(folder, tmp_path):
    stopped(folder, lambda opened: opened.add_text(text(1)))
    (tmp_path / "train.tf_record.parts" / f".text-0.{'0' * 32}.partial").touch()
    with parts.open_parts(folder, made_of=MADE_OF):
        pass
    assert not storage.exists(folder)


def test_one_process_at_a_time(folder):
    with (
        parts.open_parts(folder, made_of=MADE_OF),
        pytest.raises(StorageError, match="in use"),
        parts.open_parts(folder, made_of=MADE_OF),
    ):
        pass


def test_damage_is_named(folder):
    stopped(folder, lambda opened: add(opened, sequences(5), documents=2))
    path = f"{folder}/sequences-00000.tf_record"
    data = bytearray(storage.read_bytes(path))
    data[-6] ^= 1
    storage.write_bytes(path, data)
    with (
        parts.open_parts(folder, made_of=MADE_OF) as opened,
        pytest.raises(DataError, match="damaged") as caught,
    ):
        list(opened.sequences())
    assert caught.value.path == path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("sequences-00000.json", b"{"),
        ("sequences-00000.json", b'{"documents": 1}'),
        ("text-00000.npz", b"PK\x03\x04"),
        ("text-00000.npz", b""),
    ],
)
def test_damage_is_told_and_the_next_run_starts_anew(folder, name, content):
    def work(opened):
        opened.add_text(text(1))
        add(opened, sequences(5), documents=2)

    stopped(folder, work)
    storage.write_bytes(f"{folder}/{name}", content)

    def read(opened):
        opened.texts()
        list(opened.sequences())

    with (
        pytest.raises(DataError, match="it starts anew") as caught,
        parts.open_parts(folder, made_of=MADE_OF) as opened,
    ):
        read(opened)
    assert caught.value.path == f"{folder}/{name}"
    assert not storage.exists(folder)


def test_a_part_ends_after_some_seconds_and_a_share_of_the_work():
    now = [0.0]
    rhythm = Rhythm(lambda: now[0])
    now[0] = 9.9
    assert not rhythm.is_due(100, before=0)
    now[0] = 10.0
    assert rhythm.is_due(100, before=0)
    now[0] = 19.9
    assert not rhythm.is_due(100, before=100)
    now[0] = 20.0
    assert not rhythm.is_due(4, before=100)
    assert rhythm.is_due(5, before=100)
