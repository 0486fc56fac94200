"""What is wrong with a command line, in sentences; and `--help` of every script."""

import dataclasses
import enum
import re
import sys

import pytest
from absl import flags

from runtime.errors import SettingsError
from runtime.settings import setting
from scripts import command_line, flag_definitions
from tests.scripts.conftest import scripts
from tests.scripts.script_flags import table


class Padding(enum.Enum):
    PACK = "pack"
    MAX = "max"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    wanted_dir: str | None = setting(None, path=True, help="A folder.")
    wanted_files: tuple[str, ...] = setting((), path=True, help="Files.")
    wanted_text: str = setting("text", help="A text.")
    wanted_names: tuple[str, ...] = setting((), help="Names.")
    wanted_count: int = setting(3, help="A count.")
    wanted_rate: float = setting(0.5, help="A rate.")
    wanted_switch: bool = setting(False, help="A switch.")
    wanted_padding: Padding = setting(Padding.PACK, help="A padding.")


@pytest.fixture
def read(monkeypatch, forget_flags):
    """Reads the words after a program; returns the settings they make."""
    monkeypatch.setattr(sys, "argv", ["program"])
    flag_definitions.define(Settings)

    def read(*words):
        flags.FLAGS.unparse_flags()
        assert command_line.parse(["program", *words]) == ["program"]
        return flag_definitions.values(Settings)

    return read


@pytest.fixture
def refuse(read):
    """Reads words that cannot be meant so; returns the sentences, one a problem."""

    def refuse(*words):
        with pytest.raises(SettingsError) as caught:
            read(*words)
        *problems, last = caught.value.problems
        assert last == "--help lists the flags."
        return problems

    return refuse


def test_what_is_right_is_as_absl_reads_it(read):
    assert read() == Settings()
    assert read(
        *("--wanted_dir", "a", "-wanted_text=b c", "--wanted_names=x,y"),
        *("--wanted_count=-4", "--wanted_rate", "-1e-3", "--wanted_switch=True"),
        *("--wanted_padding", "max"),
    ) == Settings(
        wanted_dir="a",
        wanted_text="b c",
        wanted_names=("x", "y"),
        wanted_count=-4,
        wanted_rate=-1e-3,
        wanted_switch=True,
        wanted_padding=Padding.MAX,
    )
    assert not read("--nowanted_switch").wanted_switch
    assert read("--wanted_names", "-1,-2").wanted_names == ("-1", "-2")


@pytest.mark.parametrize("word", ["False", "false", "0", "no", "off"])
def test_a_word_that_is_to_switch_off(read, refuse, word):
    [problem] = refuse("--wanted_switch", word, "--wanted_count=1")
    assert problem == (
        f"{word}: no flag takes this. Write --wanted_switch=False or --nowanted_switch."
    )
    assert not read("--wanted_switch=False").wanted_switch


@pytest.mark.parametrize("word", ["True", "1", "YES", "on"])
def test_a_word_that_is_to_switch_on(refuse, word):
    [problem] = refuse("--wanted_switch", word)
    assert problem.endswith("Write --wanted_switch=True or --wanted_switch.")


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        (["word"], "A value follows its flag, as in --output_dir=VALUE."),
        (["--wanted_switch", "word"], "A value with spaces stands in quotes"),
        (["--wanted_text=two", "words"], '--wanted_text="two words".'),
        (["--wanted_names", "a", "b"], "commas between: --wanted_names=ONE,OTHER."),
        (["--wanted_files=a", "b"], "commas between: --wanted_files=ONE,OTHER."),
        (["wanted_switch"], "two hyphens: write --wanted_switch."),
        (["wanted_count=4"], "two hyphens: write --wanted_count=4."),
        (["–wanted_switch"], "none of the keyboard's: write --wanted_switch."),
        (["ーーwanted_count=4"], "none of the keyboard's: write --wanted_count."),
        (["--", "word"], "no flag takes this."),
    ],
)
def test_words_that_no_flag_takes(refuse, words, advice):
    [problem] = refuse(*words)
    assert advice in problem


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--wanted-count=4"], "--wanted-count. Did you mean --wanted_count?"),
        (["--WantedCount", "4"], "--WantedCount. Did you mean --wanted_count?"),
        (["--wantd_rate=1"], "--wantd_rate. Did you mean --wanted_rate?"),
        (["--no-wanted-switch"], "Did you mean --nowanted_switch?"),
        (["--nowanted_count"], "There is no flag --nowanted_count."),
        (["--zzzz"], "There is no flag --zzzz."),
    ],
)
def test_a_flag_that_does_not_exist(refuse, words, sentence):
    [problem] = refuse(*words)
    assert sentence in problem


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("--wanted_count=1.5", "expected a whole number."),
        ("--wanted_count=", "expected a whole number."),
        ("--wanted_rate=fast", "expected a number."),
        ("--wanted_rate=nan", "expected a number."),
        ("--wanted_rate=-inf", "expected a number."),
        ("--wanted_switch=Flase", "expected true or false."),
        ("--wanted_padding=pad", "expected one of pack, max."),
        ("--wanted_dir=~no such user/x", "~no such user is no user with a home"),
        ("--wanted_files=a,~no such user/x", "~no such user is no user with a home"),
    ],
)
def test_a_value_of_another_kind(refuse, word, expected):
    [problem] = refuse(word)
    assert problem.startswith(f"{word}: ")
    assert expected in problem


@pytest.mark.parametrize(
    "words", [["--wanted_dir"], ["--wanted_dir", "--wanted_rate=1"]]
)
def test_a_value_that_is_missing(refuse, words):
    [problem] = refuse(*words)
    assert problem == ("--wanted_dir: its value is missing. Write --wanted_dir=VALUE.")


def test_everything_wrong_is_said_at_once(refuse):
    problems = refuse("--wanted_switch", "no", "--wanted_count=x", "--wanted-dir", "d")
    assert [problem.split()[0] for problem in problems] == [
        "no:",
        "--wanted_count=x:",
        "There",
    ]


def test_files_of_flags_count_as_the_command_line(read, refuse, tmp_path):
    path = tmp_path / "recipe.flags"
    path.write_text("# A recipe.\n--wanted_count=5\n--wanted_rate=0.1\n")
    found = read(f"--flagfile={path}", "--wanted_rate=0.2")
    assert (found.wanted_count, found.wanted_rate) == (5, 0.2)
    assert read("--wanted_rate", "0.3", f"--flagfile={path}").wanted_rate == 0.1
    path.write_text("--wanted_counts=5\n")
    assert "Did you mean --wanted_count?" in refuse(f"--flagfile={path}")[0]
    with pytest.raises(SettingsError, match=r"^Unable to open flagfile"):
        read("--flagfile=nowhere.flags")


def test_flags_that_may_be_unknown(read, refuse):
    assert read("--undefok=other", "--other=1", "--wanted_count=8").wanted_count == 8
    [problem] = refuse("--undefok=other", "--another=1")
    assert "--another" in problem


def test_some_flags_are_known_before_the_others():
    words = ["program", "--unknown", "3", "--kind=b", "--other=4"]
    assert command_line.peek(words, kind="a", size=None) == {"kind": "b", "size": None}
    with pytest.raises(SettingsError, match="--kind"):
        command_line.peek(["program", "--kind"], kind="a")


# Every script ------------------------------------------------------------------------


@pytest.mark.parametrize("script", scripts())
def test_help_lists_every_flag_and_loads_no_framework(script_flags, script):
    found = script_flags[script]
    assert found["code"] == 0
    assert found["loaded"] == []
    assert found["flags"]
    listed = re.findall(r"^  --(?:\[no\])?(\w+):", found["output"], re.MULTILINE)
    assert sorted(listed) == sorted(found["flags"])
    for name, flag in found["flags"].items():
        if flag["default"] is not None:
            text = found["output"].partition(f"{name}:")[2]
            assert f"(default: {flag['default']})" in " ".join(text.split()), name


@pytest.mark.parametrize("script", scripts())
def test_help_has_sentences_for_headings(script_flags, script):
    lines = script_flags[script]["output"].splitlines()
    headings = [line for line in lines if re.fullmatch(r"\S.*:", line)]
    assert headings
    assert all(" " in heading or heading == f"{script}:" for heading in headings)


def test_names_and_defaults_of_flags_are_frozen(script_flags):
    with open("tests/scripts/flags.txt", encoding="utf-8") as file:
        frozen = file.read()
    assert table(script_flags) == frozen, (
        "A flag is new, gone or has another default. If that is meant, write the table"
        " anew (tests/scripts/script_flags.py says how) and say why in CHANGELOG.md."
    )


def test_flags_that_a_check_and_its_pipeline_share(script_flags):
    found = script_flags["lstm_classifier"]
    assert found["code"] == 0
    assert found["loaded"] == []
    assert {"units", "topology", "train_examples"} < set(found["flags"])


def test_full_help_has_those_of_absl_too(script_flags):
    found = script_flags["--helpfull"]
    assert found["code"] == 0
    assert "--[no]logtostderr" in found["output"]
    assert all(f"{name}:" in found["output"] for name in found["flags"])


# Their help says files, and they are none.
NO_PATHS = {
    "record_shards",
    "encoding",
    "split",
    "save_checkpoints_steps",
    "resume",
}
NO_PATHS |= {
    "workers",
    "model_name",
    "keep_checkpoints",
    "accept_changed",
    "mlm_prob",
    "predict_name",
}

PATH_WORD = re.compile(
    r"\b(files?|folder|path|archive|checkpoints?|dictionary|\w*records)\b", re.I
)
PATH_NAME = re.compile(r"(file|dir|folder|checkpoint|path|dic|archive|input|output)$")


@pytest.mark.parametrize("script", scripts())
def test_every_flag_that_names_files_knows_the_home_folder(script_flags, script):
    for name, flag in script_flags[script]["flags"].items():
        says_path = PATH_NAME.search(name) or PATH_WORD.search(flag["help"])
        is_path = flag["type"] in {"PathParser", "PathListParser"}
        assert is_path == (bool(says_path) and name not in NO_PATHS), name
