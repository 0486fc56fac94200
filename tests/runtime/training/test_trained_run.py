import dataclasses
import enum
import logging
from typing import ClassVar

import pytest

from runtime.checkpoints import checkpoints
from runtime.errors import SettingsError
from runtime.settings import setting
from runtime.training import trained_run
from runtime.training.run_settings import Carried, RunSettings


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(RunSettings):
    CARRIED: ClassVar[tuple[Carried, ...]] = (
        Carried(("max_length", "colour", "names")),
        Carried(("word_file", "lower"), unless=("word_file",)),
    )

    do_train: bool = setting(False, help="")
    init_checkpoint: str | None = setting(None, help="")
    length: int = setting(128, flag="max_length", help="")
    colour: Colour = setting(Colour.RED, help="")
    names: tuple[str, ...] = setting((), help="")
    word_file: str | None = setting(None, help="")
    lower: bool = setting(True, help="")


@pytest.fixture
def run(tmp_path):
    """The folder of a run that was told much."""
    (tmp_path / "words").write_text("")
    told = Settings(
        output_dir=str(tmp_path / "run"),
        length=32,
        colour=Colour.BLUE,
        names=("a", "b"),
        word_file=str(tmp_path / "words"),
        lower=False,
    )
    checkpoints.save(
        str(tmp_path / "run" / "checkpoints"),
        step=3,
        weights={},
        slots={},
        state={"settings": told.carried(), "labels": ["x"]},
    )
    return str(tmp_path / "run")


def filled(*given, **values):
    fields = {f.name: f.default for f in dataclasses.fields(Settings)}
    return Settings(**trained_run.fill(Settings, {**fields, **values}, given={*given}))


@pytest.mark.parametrize("by", ["output_dir", "init_checkpoint", "step"])
def test_what_nobody_says_is_the_runs(run, tmp_path, caplog, by):
    where = {
        "output_dir": {"output_dir": run},
        "init_checkpoint": {"output_dir": "new", "init_checkpoint": run},
        "step": {
            "output_dir": "new",
            "init_checkpoint": f"{run}/checkpoints/step-00000003",
        },
    }[by]
    with caplog.at_level(logging.INFO):
        found = filled(**where)
    assert (found.length, found.colour, found.names) == (32, Colour.BLUE, ("a", "b"))
    assert (found.word_file, found.lower) == (str(tmp_path / "words"), False)
    assert "--max_length=32 --colour=blue" in caplog.text


def test_what_is_given_stays_even_if_it_is_the_default(run):
    found = filled("max_length", "lower", output_dir=run, length=128)
    assert (found.length, found.lower) == (128, True)
    assert found.colour is Colour.BLUE
    assert found.word_file is not None


def test_a_file_that_is_given_says_all_of_its_kind_anew(run):
    found = filled("word_file", output_dir=run, word_file="mine")
    assert (found.word_file, found.lower, found.length) == ("mine", True, 32)


def test_a_run_that_trains_is_told_everything(run):
    found = filled(init_checkpoint=run, output_dir="new", do_train=True)
    assert found == Settings(init_checkpoint=run, output_dir="new", do_train=True)


def test_the_output_directory_comes_first(run, tmp_path):
    other = Settings(output_dir="o", length=64)
    checkpoints.save(
        str(tmp_path / "other" / "checkpoints"),
        step=1,
        weights={},
        slots={},
        state={"settings": other.carried()},
    )
    found = filled(output_dir=str(tmp_path / "other"), init_checkpoint=run)
    assert found.length == 64


def test_a_file_that_has_moved_is_named(run, tmp_path):
    (tmp_path / "words").unlink()
    with pytest.raises(SettingsError) as caught:
        filled(output_dir=run)
    assert str(caught.value) == (
        f"The run in {run} was trained with --word_file={tmp_path / 'words'}, which is"
        " no longer there: give --word_file with where it lies now."
    )


def test_where_there_is_no_run_nothing_is_filled(tmp_path):
    assert filled(output_dir=str(tmp_path)) == Settings(output_dir=str(tmp_path))
    assert trained_run.state_of(None) == {}
    assert trained_run.state_of(str(tmp_path / "model.ckpt")) == {}
