import logging
import os
import random
import shutil
import signal
import subprocess
import sys

import fugashi
import pytest

from processors.tokenization import mecab_copy
from tests.processors.tokenization.small_dictionary import SmallDictionary

FILES = ("sys.dic", "unk.dic", "matrix.bin", "char.bin", "dicrc", "checksums.json")
NONE = "/dev/null"


@pytest.fixture
def cache(tmp_path):
    return str(tmp_path / "cache" / "mecab")


@pytest.fixture
def find(small_dictionary, cache):
    def find(settings=NONE, cache=cache):
        return mecab_copy.find_or_make(small_dictionary, settings=settings, cache=cache)

    return find


@pytest.fixture
def made(monkeypatch):
    """The copies that were made since."""
    made, make = [], mecab_copy._make

    def count(copy, *, folder):
        make(copy, folder=folder)
        made.append(copy)

    monkeypatch.setattr(mecab_copy, "_make", count)
    return made


def words(folder):
    mecab = fugashi.GenericTagger(f'-d "{folder}" -r {NONE} -O wakati')
    rng = random.Random(3)
    texts = ["".join(rng.choices("あいう山川a石え", k=9)) for _ in range(100)]
    return [mecab.parse(text) for text in texts]


def test_a_copy_is_made_once(find, small_dictionary, cache, made):
    copy = find()
    assert os.path.dirname(copy) == cache
    assert sorted(os.listdir(copy)) == sorted(FILES)
    assert os.path.getsize(f"{copy}/sys.dic") < os.path.getsize(
        f"{small_dictionary}/sys.dic"
    )
    assert words(copy) == words(small_dictionary)
    assert find() == copy
    assert made == [copy]


def test_it_is_below_the_users_cache(small_dictionary, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    default = mecab_copy.find_or_make.func  # as it is outside tests
    copy = default(small_dictionary, settings=NONE)
    assert os.path.dirname(copy) == f"{tmp_path}/.cache/tf-bert-toolkit/mecab"


def test_the_log_says_what_was_made(find, small_dictionary, caplog):
    caplog.set_level(logging.INFO)
    copy = find()
    [message] = caplog.messages
    assert small_dictionary in message
    assert copy in message
    assert " s: contexts " in message


@pytest.mark.parametrize(
    "change",
    [
        lambda source: source.words.pop(),
        lambda source: source.unknown.append(source.unknown[0]),
        lambda source: source.costs.fill(5),
    ],
)
def test_another_dictionary_has_another_copy(find, small_dictionary, change, tmp_path):
    first = find()
    source = SmallDictionary.random(1)
    change(source)
    other = source.compile(str(tmp_path / "other"))
    shutil.copytree(other, small_dictionary, dirs_exist_ok=True)
    second = find()
    assert len({first, second, small_dictionary}) == 3
    assert words(second) == words(small_dictionary)


def test_other_settings_of_a_dictionary_are_those_of_its_copy(find, small_dictionary):
    first = find()
    with open(f"{small_dictionary}/dicrc", "a", encoding="utf-8") as file:
        file.write("max-grouping-size = 3\n")
    second = find()
    assert len({first, second, small_dictionary}) == 3
    assert words(second) == words(small_dictionary)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["short", "changed", "gone"])
def test_a_damaged_copy_is_made_anew(find, small_dictionary, made, name, damage):
    copy = find()
    before = {file: read(f"{copy}/{file}") for file in FILES}
    path, content = f"{copy}/{name}", before[name]
    if damage == "gone":
        os.remove(path)
    else:
        middle = len(content) // 2
        bad = bytes([content[middle] ^ 1])
        rest = b"" if damage == "short" else bad + content[middle + 1 :]
        write(path, content[:middle] + rest)
    assert find() == copy
    assert made == [copy, copy]
    assert {file: read(f"{copy}/{file}") for file in FILES} == before


def read(path):
    with open(path, "rb") as file:
        return file.read()


def write(path, content):
    with open(path, "wb") as file:
        file.write(content)


KILLED = """
import os, signal, sys
from processors.tokenization import mecab_copy
from runtime import storage

writes, replace = int(sys.argv[3]), os.replace

def kill_or_replace(*paths):
    global writes
    writes -= 1
    if writes < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    replace(*paths)

os.replace = kill_or_replace
mecab_copy.find_or_make(sys.argv[1], settings="/dev/null", cache=sys.argv[2])
"""


def test_what_a_killed_process_has_left_is_not_used(
    find, small_dictionary, cache, made
):
    for writes in (0, 2, 5):
        killed = [sys.executable, "-c", KILLED, small_dictionary, cache, str(writes)]
        assert subprocess.run(killed, check=False).returncode == -signal.SIGKILL
    [left] = os.listdir(cache)
    assert any(name.endswith(".partial") for name in os.listdir(f"{cache}/{left}"))
    assert "checksums.json" not in os.listdir(f"{cache}/{left}")
    copy = find()
    assert made == [copy] == [f"{cache}/{left}"]
    assert sorted(os.listdir(copy)) == sorted(FILES)
    assert words(copy) == words(small_dictionary)


TOGETHER = """
import logging
import sys
from processors.tokenization import mecab_copy

logging.basicConfig(level=logging.INFO)
print("ready", flush=True)
sys.stdin.readline()
print(mecab_copy.find_or_make(sys.argv[1], settings="/dev/null", cache=sys.argv[2]))
"""


def test_one_of_several_processes_makes_it(find, small_dictionary, cache, made):
    together = [
        subprocess.Popen(
            [sys.executable, "-c", TOGETHER, small_dictionary, cache],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for each in together:
        assert each.stdout.readline() == "ready\n"
    for each in together:
        each.stdin.write("\n")
        each.stdin.flush()
    found, logs = zip(*(each.communicate() for each in together), strict=True)
    copy = find()
    assert set(found) == {f"{copy}\n"}
    assert "".join(logs).count("Made a copy") == 1
    assert os.listdir(cache) == [os.path.basename(copy)]
    assert made == []
    assert sorted(os.listdir(copy)) == sorted(FILES)
    assert words(copy) == words(small_dictionary)


def test_without_a_place_for_it_the_dictionary_is_used(
    find, small_dictionary, tmp_path, caplog
):
    (tmp_path / "file").write_bytes(b"")
    assert find(cache=str(tmp_path / "file" / "mecab")) == small_dictionary
    assert "MeCab goes on with its dictionary as it is: Cannot" in caplog.text


def test_when_the_disk_is_full_the_dictionary_is_used(
    find, small_dictionary, monkeypatch, caplog
):
    monkeypatch.setattr(os, "fsync", no_space)
    assert find() == small_dictionary
    monkeypatch.undo()
    assert "no space left on the disk" in caplog.text
    assert find() != small_dictionary


def no_space(descriptor):
    raise OSError(28, "No space left on device")


def test_a_layout_that_is_not_known_is_left_as_it_is(find, small_dictionary, caplog):
    with open(f"{small_dictionary}/sys.dic", "r+b") as file:
        file.seek(4)
        file.write(b"\x67")
    assert find() == small_dictionary
    assert "sys.dic: expected size, version" in caplog.text


@pytest.mark.parametrize("key", ["userdic", "nbest", "all-morphs", "marginal"])
@pytest.mark.parametrize("where", ["dicrc", "mecabrc"])
def test_where_more_than_one_path_counts_there_is_no_copy(
    find, small_dictionary, tmp_path, caplog, key, where
):
    (tmp_path / "mecabrc").write_bytes(b"; userdic = none\ncost-factor = 3\n")
    assert find(settings=str(tmp_path / "mecabrc")) != small_dictionary
    path = tmp_path / "mecabrc" if where == "mecabrc" else f"{small_dictionary}/dicrc"
    with open(path, "ab") as file:
        file.write(f"; \u3042\n {key} = 2\n".encode("euc-jp"))
    assert find(settings=str(tmp_path / "mecabrc")) == small_dictionary
    assert f"{where}: sets {key}, with which no copy is made" in caplog.text
