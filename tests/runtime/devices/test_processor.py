import pytest

from runtime.devices import processor

CPUINFO = """\
processor\t: 0
model name\t: A processor with bf16 in its name
flags\t\t: fpu avx2 {}avx512f
bugs\t\t: spectre_v1

processor\t: 1
flags\t\t: fpu avx2 {}avx512f
"""


@pytest.fixture
def say(tmp_path):
    def say(text, *, backend="tensorflow"):
        path = tmp_path / "cpuinfo"
        path.write_text(text, encoding="utf-8")
        return processor.slow_bfloat16(str(path), backend=backend)

    return say


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_a_processor_without_bfloat16(say, backend):
    said = say(CPUINFO.format("", ""), backend=backend)
    assert "neither amx_bf16 nor avx512_bf16" in said
    assert "--precision=float32" in said


@pytest.mark.parametrize("flag", ["amx_bf16 ", "avx512_bf16 "])
def test_a_processor_with_bfloat16(say, flag):
    assert say(CPUINFO.format(flag, flag)) == ""


def test_with_avx512_jax_gains_nothing(say):
    said = say(CPUINFO.format("avx512_bf16 ", "avx512_bf16 "), backend="jax")
    assert "--backend=tensorflow" in said
    both = "amx_bf16 avx512_bf16 "
    assert say(CPUINFO.format(both, both), backend="jax") == ""


def test_where_no_line_says_it_nothing_is_said(say, tmp_path):
    assert say("processor\t: 0\nFeatures\t: fp asimd\n", backend="jax") == ""
    assert processor.slow_bfloat16(str(tmp_path / "none"), backend="jax") == ""


def test_this_machine_can_be_asked():
    flags = processor._flags(processor.CPUINFO)
    assert flags == set() or len(flags) > 5
