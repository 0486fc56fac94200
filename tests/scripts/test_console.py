import logging
import os
import signal
import sys

import pytest
from absl import flags
from absl import logging as absl_logging

from runtime.errors import DataError, SettingsError
from scripts import console


@pytest.fixture
def run(monkeypatch):
    """Runs a main function as a script would; returns the exit code."""
    root = logging.getLogger()
    before = root.level, list(root.handlers)

    def run(main, *arguments):
        monkeypatch.setattr(sys, "argv", ["script", *arguments])
        monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "1")
        with pytest.raises(SystemExit) as caught:
            console.run(main)
        return caught.value.code

    yield run
    root.setLevel(before[0])
    root.handlers[:] = before[1]


def failing_with(error):
    def main(argv):
        raise error

    return main


def test_success_is_exit_code_0(run, capsys):
    seen = []
    assert run(seen.append) == 0
    assert seen == [["script"]]
    assert capsys.readouterr().err == ""


def test_an_error_on_purpose_is_a_sentence_and_exit_code_1(run, capsys):
    error = DataError("expected 2 columns, got 3.", path="a.tsv", line=7)
    assert run(failing_with(error)) == 1
    captured = capsys.readouterr()
    assert captured.err == "error: a.tsv:7: expected 2 columns, got 3.\n"
    assert captured.out == ""


def test_wrong_settings_are_shown_together(run, capsys):
    assert run(failing_with(SettingsError("--a is wrong.", "--b too."))) == 1
    assert capsys.readouterr().err == "error: --a is wrong.\n--b too.\n"


def test_a_mistake_of_ours_is_not_dressed_up(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["script"])
    with pytest.raises(ZeroDivisionError):
        console.run(failing_with(ZeroDivisionError()))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_command_that_is_told_to_stop_ends_in_a_sentence(run, capsys, number):
    before = signal.getsignal(number)

    def main(argv):
        try:
            os.kill(os.getpid(), number)
            pytest.fail("it went on")
        except Exception as error:  # noqa: BLE001 - as Keras does
            pytest.fail(f"{error} was taken for an error")

    assert run(main) == 75
    assert capsys.readouterr().err == (
        f"Stopped by {number.name}. The same command goes on from here.\n"
    )
    assert signal.getsignal(number) == before


def test_an_unknown_flag_ends_the_run(run, capsys):
    assert run(failing_with(AssertionError("reached")), "--no_such_flag=1") == 1
    assert capsys.readouterr().err == (
        "error: There is no flag --no_such_flag.\n--help lists the flags.\n"
    )


def test_a_word_that_no_flag_takes_ends_the_run(run, capsys):
    assert run(failing_with(AssertionError("reached")), "left", "over") == 1
    assert "error: left over: no flag takes this." in capsys.readouterr().err


@pytest.mark.parametrize("flag", ["--help", "-help", "--helpshort", "-h", "--helpfull"])
def test_help_is_no_error(run, capsys, flag):
    assert run(failing_with(AssertionError("reached")), "--nothing", flag) == 0
    captured = capsys.readouterr()
    assert captured.out
    assert captured.err == ""


def test_log_lines_are_plain(run, monkeypatch, capfd):
    def main(argv):
        logging.getLogger("tf_bert.classifier.run").info("Num steps = %d", 7)

    handler = absl_logging.get_absl_handler()
    monkeypatch.setattr(handler.python_handler, "stream", sys.stderr)
    assert run(main) == 0
    assert capfd.readouterr().err == "Num steps = 7\n"
    assert flags.FLAGS.is_parsed()
