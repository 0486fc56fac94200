import machine
import pytest


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ("fpu avx512_bf16 amx_bf16", "with amx_bf16 and avx512_bf16"),
        ("fpu avx2", "without AMX and AVX-512 BF16"),
    ],
)
def test_a_processor_is_described(tmp_path, monkeypatch, flags, said):
    path = tmp_path / "cpuinfo"
    path.write_text(f"model name : One\nflags : {flags}\n\nmodel name : Two\n")
    monkeypatch.setattr(machine.processor, "CPUINFO", str(path))
    monkeypatch.setattr(machine, "cores", lambda: 1)
    assert machine.described() == f"One, 1 core, {said}"


def test_versions_are_of_what_is_installed():
    said = machine.versions()
    assert said.startswith("Python 3.")
    assert "numpy " in said
    assert "None" not in said


def test_others_are_not_blamed_for_the_own_work(monkeypatch):
    monkeypatch.setattr(machine.os.path, "exists", lambda _: True)
    seconds = iter([100.0, 106.0])
    monkeypatch.setattr(machine, "_busy", lambda: next(seconds))
    own = iter([1.0, 5.0])
    monkeypatch.setattr(machine, "_own", lambda: next(own))
    clock = iter([10.0, 20.0])
    monkeypatch.setattr(machine.time, "perf_counter", lambda: next(clock))
    watch = machine.Watch(first=0.5)
    watch.look()
    said = watch.said()
    assert said.startswith("Load 0.5 when it began, ")
    assert "other programs used 0.20 of " in said
