import os
import subprocess
import sys

import pytest
import run
import tables
from report import SUFFIX

from tests.benchmarks.conftest import BENCHMARKS


def start(program, *flags):
    return subprocess.run(
        [sys.executable, os.path.join(BENCHMARKS, program), *flags],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_peer_that_is_not_installed_is_named():
    needs = ("numpy", "no_such_module")
    assert run.missing(run.Benchmark(commands=(), needs=needs)) == (
        "no_such_module is not installed"
    )
    assert run.missing(run.Benchmark(commands=(), needs=("numpy",))) == ""


def test_data_that_is_not_there_is_named(monkeypatch, tmp_path):
    benchmark = run.Benchmark(commands=(), data=("some/file.txt",))
    monkeypatch.delenv("SHARED_DATA", raising=False)
    assert "some/file.txt" in run.missing(benchmark)
    assert "SHARED_DATA" in run.missing(benchmark)
    monkeypatch.setenv("SHARED_DATA", str(tmp_path))
    path = tmp_path / "data/some/file.txt"
    assert run.missing(benchmark) == "$SHARED_DATA/data/some/file.txt is not there"
    path.parent.mkdir(parents=True)
    path.touch()
    assert run.missing(benchmark) == ""


def test_every_benchmark_has_its_short_form():
    programs = {name for name in os.listdir(BENCHMARKS) if name.endswith(".py")}
    rooms = {"turns", "tables", "shipped", "machine", "report", "run"}
    apart = {"gpu_step", "memory"}
    commands = [c for each in run.BENCHMARKS.values() for c in each.commands]
    called = {command.split()[0] for command in commands}
    assert called == programs - {f"{name}.py" for name in rooms | apart}
    asked = {name for each in run.BENCHMARKS.values() for name in each.prepared}
    assert asked == {*run._PREPARED}


def test_a_benchmark_writes_its_table(tmp_path):
    path = tmp_path / "numbers.json"
    done = start(
        "leakage.py", "--texts=60", "--queries=20", "--length=60", f"--json={path}"
    )
    assert done.returncode == 0, done.stderr
    [line] = path.read_text(encoding="utf-8").splitlines()
    table = tables.Table.from_json(line)
    assert [row.name for row in table.rows] == ["novels", "frame", "short"]
    assert all(row.digest for row in table.rows)
    assert tables.text(table) in done.stdout


@pytest.fixture
def outcome(monkeypatch, tmp_path):
    def outcome(**about):
        monkeypatch.setitem(run.BENCHMARKS, "one", run.Benchmark(**about))
        return run._outcome("one", folder=str(tmp_path))

    return outcome


def test_a_benchmark_without_its_peer_is_left_out(outcome):
    found = outcome(commands=("leakage.py --texts=0",), needs=("no_such_module",))
    assert (found.tables, found.has_failed) == ((), False)
    assert found.left_out == "no_such_module is not installed"


def test_a_benchmark_that_fails_says_why(outcome, capsys):
    found = outcome(commands=("leakage.py --texts=0",))
    assert (found.tables, found.has_failed) == ((), True)
    assert found.left_out.startswith("failed: IndexError: ")
    assert "Traceback" in capsys.readouterr().err


def test_a_benchmark_that_hangs_ends(outcome, monkeypatch):
    monkeypatch.setattr(run, "_LONGEST", 0.01)
    found = outcome(commands=("leakage.py --texts=60",))
    assert (found.left_out, found.has_failed) == ("failed: it took more than 0 s", True)


def test_an_unknown_name_is_refused(tmp_path):
    done = start("run.py", "--only=speed", f"--reports={tmp_path}")
    assert done.returncode == 1
    assert "speed" in done.stderr
    assert "records" in done.stderr
    assert os.listdir(tmp_path) == []


@pytest.mark.slow
def test_a_second_run_compares_itself_with_the_first(tmp_path):
    flags = ("--only=leakage,records", f"--reports={tmp_path}")
    assert start("run.py", *flags).returncode == 0
    [first] = tmp_path.iterdir()
    first = first.rename(tmp_path / f"2000-01-01-0000{SUFFIX}")
    done = start("run.py", *flags)
    assert done.returncode == 0, done.stderr
    [second] = {*tmp_path.iterdir()} - {first}
    said = second.read_text(encoding="utf-8")
    assert f"Then: {first.name}, of the same processor and command." in said
    assert said.count(", equal results |") == 6
    assert "OTHER RESULTS" not in said
