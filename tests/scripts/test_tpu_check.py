"""The TPU compiler answers on a machine without a TPU; it must be installed."""

import importlib.util
import os
import re
import subprocess
import sys

import pytest

ROOT = os.path.join(os.path.dirname(__file__), "../..")
BERT = "recipes/bert_tiny.json"
HAS_COMPILER = importlib.util.find_spec("libtpu") is not None

needs_compiler = pytest.mark.skipif(
    not HAS_COMPILER, reason="libtpu is not installed: pip install '.[tpu-check]'"
)
pytestmark = pytest.mark.slow


def check(*flags, cache):
    done = subprocess.run(
        [sys.executable, "scripts/tpu_check.py", f"--cache_dir={cache}", *flags],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": "."},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@needs_compiler
@pytest.mark.parametrize("topology", ["v2-8", "v5e-1", "v6e-1"])
@pytest.mark.parametrize("backend", ["jax", "tensorflow"])
def test_a_small_bert_fits(topology, backend, tmp_path):
    code, out, err = check(
        f"--topology={topology}",
        f"--backend={backend}",
        f"--bert_config_file={BERT}",
        "--precision=bfloat16",
        "--train_examples=1000",
        "--nosearch",
        cache=tmp_path,
    )
    assert code == 0, out + err
    assert "training step" in out
    assert "evaluation step" in out
    assert "To run it: python scripts/run_classifier.py --" in out
    assert "--accelerator=tpu" in out
    assert f"--backend={backend}" in out
    [flops] = re.findall(r"([\d.e+-]+) TFLOP", out)
    assert float(flops) > 0
    assert "93 updates" in out


@needs_compiler
@pytest.mark.parametrize("precision", ["bfloat16", "float32"])
def test_attention_in_one_kernel_takes_less_memory(precision, tmp_path):
    def memory(topology, *, batch):
        code, out, err = check(
            f"--topology={topology}",
            f"--precision={precision}",
            f"--train_batch_size={batch}",
            "--backend=jax",
            "--bert_config_file=recipes/ja_mini.json",
            "--max_seq_length=512",
            "--nosearch",
            cache=tmp_path,
        )
        assert code == 0, out + err
        return float(re.findall(r"training step.* fits, ([\d.]+) of", out)[0])

    # A v3 has no kernel; 8 of its cores take 8 times the batch.
    assert memory("v5e-1", batch=32) < memory("v3-8", batch=256)


@needs_compiler
def test_the_second_time_the_answer_is_remembered(tmp_path):
    flags = ("--topology=v5e-1", f"--bert_config_file={BERT}", "--nosearch")
    first = check(*flags, cache=tmp_path)
    kept = sorted(os.listdir(tmp_path))
    assert check(*flags, cache=tmp_path) == first
    assert sorted(os.listdir(tmp_path)) == kept
    assert len(kept) == 2


@needs_compiler
@pytest.mark.parametrize("backend", ["jax", "tensorflow"])
def test_a_recurrent_model_of_ones_own(backend, tmp_path):
    code, out, err = check(
        "--pipeline=tests.runtime.preflight.pipelines:RECURRENT",
        f"--backend={backend}",
        "--train_batch_size=64",
        cache=tmp_path,
    )
    assert code == 0, out + err
    assert "largest batch that fits" in out


@needs_compiler
def test_what_does_not_fit_is_reported_with_what_does(tmp_path):
    code, out, err = check(
        "--pipeline=tests.runtime.preflight.pipelines:RECURRENT",
        "--train_batch_size=4000000",
        cache=tmp_path,
    )
    assert code == 1, out + err
    assert "DOES NOT FIT" in out
    [largest] = re.findall(r"largest batch that fits: (\d+)", out)
    assert 0 < int(largest) < 4000000


@needs_compiler
@pytest.mark.parametrize("backend", ["jax", "tensorflow"])
def test_an_unsupported_operation_is_named_with_its_layer(backend, tmp_path):
    code, out, _ = check(
        "--pipeline=tests.runtime.preflight.pipelines:UNSUPPORTED",
        f"--backend={backend}",
        cache=tmp_path,
    )
    assert code == 1
    [line] = [line for line in out.splitlines() if "does not compile" in line]
    assert "spectrum" in line
    assert "eig" in line.lower()


def test_a_batch_that_does_not_divide_is_refused(tmp_path):
    if not HAS_COMPILER:
        pytest.skip("libtpu is not installed: pip install '.[tpu-check]'")
    code, _, err = check(
        "--topology=v2-8",
        f"--bert_config_file={BERT}",
        "--train_batch_size=30",
        cache=tmp_path,
    )
    assert code == 1
    assert "nearest that does is 32" in err


def test_an_unknown_topology_is_refused_with_the_known(tmp_path):
    code, _, err = check("--topology=v9", f"--bert_config_file={BERT}", cache=tmp_path)
    assert code == 1
    assert "v5e-1" in err


def test_an_unknown_pipeline_is_refused_with_the_known(tmp_path):
    code, _, err = check("--pipeline=nothing:AT_ALL", cache=tmp_path)
    assert code == 1
    assert "classifier" in err


@needs_compiler
@pytest.mark.parametrize("backend", ["jax", "tensorflow"])
def test_an_encoder_decoder_that_searches(backend, tmp_path):
    code, out, err = check(
        "--pipeline=seq2seq",
        "--topology=v5e-1",
        f"--backend={backend}",
        f"--bert_config_file={BERT}",
        "--max_source_length=64",
        "--max_target_length=16",
        "--nosearch",
        cache=tmp_path,
    )
    assert code == 0, out + err
    for step in ("training step", "evaluation step", "search step"):
        assert step in out
    assert "To run it: python scripts/run_seq2seq.py --" in out
