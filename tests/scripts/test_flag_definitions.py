import dataclasses
import enum

import pytest
from absl import flags

from runtime.errors import SettingsError
from runtime.settings import setting
from scripts import flag_definitions

RETIRED = {"example_master": "Use --accelerator.", "example_tpu": "Use nothing."}


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings with a flag of each kind."""

    example_name: str | None = setting(None, help="A name.")
    example_count: int = setting(3, help="A count.")
    example_limit: int | None = setting(None, help="A limit.")
    example_rate: float = setting(0.5, help="A rate.")
    example_switch: bool = setting(True, help="A switch.")
    example_colour: Colour = setting(Colour.RED, help="A colour.")
    example_names: tuple[str, ...] = setting(("a", "b"), help="Names.")

    def __post_init__(self):
        if self.example_count < 0:
            raise SettingsError("--example_count must not be negative.")


@pytest.fixture
def parse(forget_flags):
    """Parses a command line; returns what of it is no flag."""
    flag_definitions.define(Settings)
    flag_definitions.define_retired(RETIRED, switches=["example_tpu"])
    return lambda *arguments: flags.FLAGS(["script", *arguments])[1:]


def test_defaults_are_those_of_the_settings(parse):
    parse()
    assert flag_definitions.values(Settings) == Settings()


def test_every_kind_of_value(parse):
    left = parse(
        "--example_name=x y",
        "--example_count=7",
        "--example_limit=9",
        "--example_rate=1e-3",
        "--noexample_switch",
        "--example_colour=blue",
        "--example_names=c,d,e",
        "rest",
    )
    assert left == ["rest"]
    assert flag_definitions.values(Settings) == Settings(
        example_name="x y",
        example_count=7,
        example_limit=9,
        example_rate=1e-3,
        example_switch=False,
        example_colour=Colour.BLUE,
        example_names=("c", "d", "e"),
    )


@pytest.mark.parametrize(
    "flag",
    [
        "--example_colour=green",
        "--example_count=many",
        "--example_rate=fast",
        "--example_switch=maybe",
        "--example_nothing=1",
    ],
)
def test_values_of_another_kind_are_refused(parse, flag):
    with pytest.raises(flags.Error, match=flag.split("=")[0].removeprefix("--")):
        parse(flag)


def test_the_members_of_an_enum_are_named(parse):
    with pytest.raises(flags.IllegalFlagValueError, match="one of red, blue"):
        parse("--example_colour=green")
    assert "<red|blue>" in flags.FLAGS.get_help()


def test_the_settings_check_themselves(parse):
    parse("--example_count=-1")
    with pytest.raises(SettingsError, match="--example_count"):
        flag_definitions.values(Settings)


def test_help_is_the_fields(parse):
    help_text = flags.FLAGS.get_help()
    for field in dataclasses.fields(Settings):
        assert field.metadata["help"] in help_text
    assert "Retired. Use --accelerator." in help_text


def test_flags_stand_under_what_their_settings_say_of_themselves(parse):
    found = flag_definitions.by_heading()
    by_name = {flag.name: heading for heading in found for flag in found[heading]}
    assert by_name["example_count"] == "Settings with a flag of each kind"
    assert by_name["example_master"].startswith("Retired")
    assert "flagfile" not in by_name


def test_a_retired_flag_gives_one_line_if_it_is_given(parse):
    parse()
    assert flag_definitions.warnings(RETIRED) == []
    parse("--example_master=grpc://host:8470")
    [line] = flag_definitions.warnings(RETIRED)
    assert line.startswith("--example_master has no meaning any more")
    assert line.endswith("Use --accelerator.")


@pytest.mark.parametrize(
    "flag", ["--example_tpu", "--noexample_tpu", "--example_tpu=true"]
)
def test_a_retired_switch_takes_no_value_from_the_next_flag(parse, flag):
    parse(flag, "--example_count=5")
    assert flag_definitions.values(Settings).example_count == 5
    assert len(flag_definitions.warnings(RETIRED)) == 1
