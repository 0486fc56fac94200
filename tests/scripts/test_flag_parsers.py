import enum
import os

import pytest

from scripts.flag_parsers import (
    ChoiceParser,
    NumberParser,
    PathListParser,
    PathParser,
    ValueSerializer,
)


class Colour(enum.Enum):
    RED = "red"


@pytest.fixture
def home(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    return str(tmp_path)


def test_the_home_folder(home):
    parse = PathParser().parse
    assert parse("~") == home
    assert parse("~/a/~b") == f"{home}/a/~b"
    assert parse("~root/a") == os.path.expanduser("~root/a") != "~root/a"


@pytest.mark.parametrize(
    "path",
    ["a~b", "./~/x", "gs://bucket/~/x", "$HOME/x", "bundled:ja-mini", "", "*.txt"],
)
def test_what_stays_as_it_is(home, path):
    assert PathParser().parse(path) == path


def test_each_of_several_paths(home):
    parse = PathListParser().parse
    assert parse("~/a,b,gs://c/~,~/d*.txt") == [
        f"{home}/a",
        "b",
        "gs://c/~",
        f"{home}/d*.txt",
    ]
    assert parse("") == []
    assert parse([]) == []


@pytest.mark.parametrize("parser", [PathParser(), PathListParser()])
def test_nobodys_home_folder(parser):
    with pytest.raises(
        ValueError, match="~nobody at all is no user with a home folder"
    ):
        parser.parse("~nobody at all/x")


def test_numbers():
    assert NumberParser().parse("1e-3") == 1e-3
    for text in ("nan", "inf", "-inf", "x", ""):
        with pytest.raises(ValueError, match=r".*"):
            NumberParser().parse(text)


def test_members_of_an_enum():
    parser = ChoiceParser({"red": Colour.RED})
    assert parser.parse("red") is parser.parse(Colour.RED) is Colour.RED
    with pytest.raises(ValueError, match="expected one of red"):
        parser.parse("RED")
    assert ValueSerializer().serialize(Colour.RED) == "red"
    assert ValueSerializer().serialize(0.5) == "0.5"
