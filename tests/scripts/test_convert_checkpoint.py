import os
import subprocess
import sys

import pytest

ROOT = os.path.join(os.path.dirname(__file__), "../..")


@pytest.fixture
def main(golden_dir, tmp_path):
    def run(**flags):
        flags = {
            "input": f"{golden_dir}/bert_model.ckpt",
            "output": tmp_path / "made",
            "to": "huggingface",
        } | flags
        script = os.path.join(ROOT, "scripts/convert_checkpoint.py")
        return subprocess.run(
            [sys.executable, script, *(f"--{k}={v}" for k, v in flags.items())],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": ROOT},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_it_converts_and_says_what(main, tmp_path):
    done = main()
    assert done.returncode == 0
    assert "  bert/pooler/dense/bias (64,) -> bert.pooler.dense.bias" in done.stdout
    assert "Written and read back equal: 62 variables" in done.stdout
    assert sorted(os.listdir(tmp_path / "made")) == ["config.json", "model.safetensors"]


def test_errors_are_sentences(main, tmp_path):
    done = main(input=tmp_path / "none")
    assert done.returncode == 1
    assert f"error: {tmp_path}/none: there is no such file or folder" in done.stderr
    assert "Traceback" not in done.stderr
    done = main(to="onnx")
    assert done.returncode == 1
    assert "tf1, huggingface, kerashub, native" in (
        done.stderr.replace("|", ", ").replace("<", "")
    )
