import dataclasses

import pytest
import report
from report import Line, Outcome, Verdict
from tables import Row, Spread, Table

ABOUT = "2026-11-27. Processor: A processor, 2 cores, with amx_bf16.\n8 GB of memory."


def outcome(here, *, there=(2.0, 2.0), digest="abc"):
    rows = [
        Row(name="here", seconds=list(here), digest=digest, more={"MB": 3.0}),
        Row(name="there", seconds=list(there)),
    ]
    table = Table(title="some work", rows=rows, unit="texts", beside=("there",))
    return Outcome(name="step", tables=(table,))


@pytest.fixture
def write(tmp_path):
    def write(*outcomes, day="2026-11-27", then=None, about=ABOUT):
        said = report.page(outcomes, about=about, command="python x", then=then)
        path = tmp_path / f"{day}{report.SUFFIX}"
        path.write_text(said, encoding="utf-8")
        return str(path)

    return write


def test_what_is_written_is_read_again(write):
    found = report.parse(write(outcome([1.0, 1.5, 1.25], there=[2.0, 3.0, 2.5])))
    assert found == {
        ("step: some work", "here"): Line(
            milliseconds=Spread(1250, 1000, 1500),
            speed=Spread(2, 2, 2),
            peer="there",
            digest="abc",
        ),
        ("step: some work", "there"): Line(
            milliseconds=Spread(2500, 2000, 3000), speed=None, peer="there", digest=""
        ),
    }


def test_the_last_report_is_the_newest_of_the_same_processor(write, tmp_path):
    write(outcome([1.0]), day="2026-11-25-0900")
    newest = write(outcome([1.0]), day="2026-11-26-1000")
    write(outcome([1.0]), day="2026-11-28-1000", about=ABOUT.replace("2 cores", "4"))
    (tmp_path / "2026-11-29-records.md").write_text(ABOUT, encoding="utf-8")
    mine, command = "A processor, 2 cores, with amx_bf16", "python x"
    folder = str(tmp_path)
    assert report.last(folder, processor=mine, command=command) == newest
    assert report.last(folder, processor="another", command=command) is None
    assert report.last(folder, processor=mine, command="python") is None


def line(*, speed=None, milliseconds=(10, 9, 11), peer="there", digest=""):
    return Line(
        milliseconds=Spread(*milliseconds),
        speed=Spread(*speed) if speed else None,
        peer=peer,
        digest=digest,
    )


@pytest.mark.parametrize(
    ("now", "then", "verdict"),
    [
        ((2, 1.9, 2.1), (2.2, 2.0, 2.4), Verdict.SAME),
        ((2, 1.9, 2.1), (1.7, 1.6, 1.8), Verdict.FASTER),
        ((2, 1.9, 2.1), (2.5, 2.4, 2.6), Verdict.SLOWER),
        ((2, 2, 2), (2.5, 2.4, 2.6), Verdict.ONE_ROUND),
        ((2, 1.9, 2.1), (2.5, 2.5, 2.5), Verdict.ONE_ROUND),
    ],
)
def test_a_speed_has_changed_if_the_rounds_lie_apart(now, then, verdict):
    found = report.compare(line(speed=now), then=line(speed=then))
    assert (found.verdict, found.then) == (verdict, Spread(*then))


@pytest.mark.parametrize(
    ("now", "verdict"), [((20, 19, 21), Verdict.SLOWER), ((5, 4, 6), Verdict.FASTER)]
)
def test_without_a_peer_the_time_decides(now, verdict):
    found = report.compare(line(milliseconds=now), then=line(speed=(2, 1, 3)))
    assert (found.verdict, found.then) == (verdict, Spread(10, 9, 11))


def test_speeds_beside_two_peers_are_not_compared():
    now, then = line(speed=(9, 8, 10)), line(speed=(2, 1, 3), peer="another")
    found = report.compare(now, then=then)
    assert (found.verdict, found.unit) == (Verdict.SAME, "ms")


@pytest.mark.parametrize(
    ("now", "then", "equal"),
    [("a", "a", True), ("a", "b", False), ("", "a", None), ("a", "", None)],
)
def test_results_are_equal_by_their_digests(now, then, equal):
    found = report.compare(line(digest=now), then=line(digest=then))
    assert found.has_equal_results is equal


def test_the_second_report_says_what_has_changed(write):
    first = write(outcome([1.0, 1.1]), day="2026-11-26")
    second = outcome([0.5, 0.6], digest="other")
    [table] = second.tables
    rows = [*table.rows, Row(name="third", seconds=[1.0, 1.0])]
    second = Outcome(name="step", tables=(dataclasses.replace(table, rows=rows),))
    with open(write(second, then=first), encoding="utf-8") as file:
        lines = file.read().splitlines()
    assert "Then: 2026-11-26-all.md, of the same processor and command." in lines
    last = {
        line.split(" | ")[0]: line.split(" | ")[-1] for line in lines if "|" in line
    }
    assert last["| here"] == "1.909 (1.818 to 2) times: faster, OTHER RESULTS |"
    assert last["| there"] == "2000 (2000 to 2000) ms: one round: no telling |"
    assert last["| third"] == "new |"


def test_what_is_left_out_is_named(write):
    whole = outcome([1.0])
    [table] = whole.tables
    part = dataclasses.replace(table, missing={"there": "ImportError: no there"})
    outcomes = (
        dataclasses.replace(whole, tables=(part,)),
        Outcome(name="other", left_out="torch is not installed"),
    )
    with open(write(*outcomes), encoding="utf-8") as file:
        said = file.read().partition("## Left out\n\n")[2]
    assert said.splitlines() == [
        "- step, there: ImportError: no there",
        "- other: torch is not installed",
    ]


@pytest.mark.parametrize(
    ("why", "has_failed"),
    [("ModuleNotFoundError: No module named 'x'", False), ("ValueError: x", True)],
)
def test_only_what_is_not_installed_may_be_missing(why, has_failed):
    [table] = outcome([1.0]).tables
    part = dataclasses.replace(table, missing={"there": why})
    assert Outcome(name="step", tables=(part,)).has_failed is has_failed
    assert Outcome(name="step", has_ended=True).has_failed
