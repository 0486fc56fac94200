import json
import subprocess
import sys

import pytest
import turns

from tests.benchmarks.conftest import BENCHMARKS

PROGRAM = """
import dataclasses, json, sys
import turns

def work(way):
    if name == "late" and way == "b":
        raise RuntimeError("no b")
    return turns.take(lambda: way, count=3, result=str)

name = sys.argv[-1].partition("--worker=")[2]
if name == "absent":
    import no_such_module
if name:
    turns.serve(work)
else:
    programs = {"good": ("a", "b"), "one": ("",), "absent": ("a",), "late": ("b",)}
    print(json.dumps(dataclasses.asdict(turns.measure(programs, flags=[], rounds=2))))
"""


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    path = tmp_path_factory.mktemp("program") / "program.py"
    path.write_text(PROGRAM, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(path)],
        env={"PYTHONPATH": f"{BENCHMARKS}:{':'.join(filter(None, sys.path))}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_each_way_of_each_program_is_a_row(measured):
    names = [row["name"] for row in measured["rows"]]
    assert names == ["good, a", "good, b", "one"]
    for row in measured["rows"]:
        assert len(row["seconds"]) == 2
        assert row["count"] == 3
    digests = [row["digest"] for row in measured["rows"]]
    assert len({*digests}) == 3


def test_a_program_that_is_missing_has_its_reason(measured):
    assert measured["missing"] == {
        "absent": "ModuleNotFoundError: No module named 'no_such_module'",
        "late": "RuntimeError: no b",
    }


def test_programs_of_one_process_take_turns():
    order = []

    def program(name):
        return lambda: turns.take(lambda: order.append(name), count=2)

    programs = {name: program(name) for name in ("x", "y")}
    rows = turns.measure_here(programs, rounds=2, untimed=1)
    assert order == ["x", "y"] * 3
    assert [(row.name, len(row.seconds), row.digest) for row in rows] == [
        ("x", 2, ""),
        ("y", 2, ""),
    ]


def test_the_reason_is_the_error_and_not_what_stands_below_it():
    assert turns.reason("a\nkeras.ValueError: bad\n\nArguments:\n  one\n") == (
        "keras.ValueError: bad"
    )
    assert turns.reason("one\nend\n") == "end"
    assert turns.reason(" \n") == ""
