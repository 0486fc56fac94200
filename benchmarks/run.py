"""Every benchmark in a short form, one after the other, and a dated report of all.

    python benchmarks/run.py [--only=records,leakage] [--reports=FOLDER]

About ten minutes on two cores that do nothing else. The report names machine, versions
and load, and compares itself with the last one of the same processor and command:
speeds beside the peers, and digests of results. A benchmark whose peer is not installed
is left out with the reason, and so is one whose data is not below the folder that the
environment variable SHARED_DATA names. Those of a GPU are measured by
benchmarks/gpu.sh, and the memory of pre-training, by no peer, by benchmarks/memory.py.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.util
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

import machine
import report
import shipped
import tables
import turns
from absl import app, flags

_ONLY = flags.DEFINE_list("only", [], "Names of benchmarks; all.")
_REPORTS = flags.DEFINE_string(
    "reports",
    os.path.join(shipped.ROOT, "benchmarks/reports"),
    "Folder for the report, and of the last one.",
)

_VOCABULARY = "vocab/tohoku_v3_32768/vocab.txt"
_WORD_PIECES = "vocab/tohoku_v1_32k/vocab.txt"
_LAST_WORDS = 2000
_LONGEST = 600  # seconds; the longest takes about 100
_TORCH = ("torch", "transformers")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Benchmark:
    """One benchmark in its short form.

    Attributes:
        commands: What is called, {folder} and {data} filled in.
        needs: Modules of its peer.
        prepared: What is made before it, by name.
        data: Files below $SHARED_DATA/data.
    """

    commands: tuple[str, ...]
    needs: tuple[str, ...] = ()
    prepared: tuple[str, ...] = ()
    data: tuple[str, ...] = ()


_PAIRS = (
    "pairs.py --data={folder}/pairs --output_dir={folder}/pairs-runs"
    " --ways=vectors/dot --trains=head --epochs=2"
)

BENCHMARKS = {
    "bert_step": Benchmark(
        commands=(
            "bert_step.py --batch=8 --layers=4 --rows=natural --precisions=float32",
        ),
        needs=_TORCH,
    ),
    "mlm_step": Benchmark(
        commands=(
            "mlm_step.py --records={folder}/masked.tf_record --batch=16"
            " --bert_config_file=recipes/ja_mini.json --precisions=float32",
        ),
        needs=_TORCH,
        prepared=("sentences", "masked"),
    ),
    "lstm_lm": Benchmark(
        commands=("lstm_lm.py --batches=2 --precisions=float32",), needs=("torch",)
    ),
    "tokenizer_speed": Benchmark(
        commands=("tokenizer_speed.py --kinds=sentencepiece --lines=2500",),
        needs=("transformers",),
    ),
    "tokenizer_words": Benchmark(
        commands=(
            "tokenizer_speed.py --kinds=mecab,mecab-char,wordpiece --lines=2500"
            f" --mecab_vocab={{data}}/{_VOCABULARY}"
            f" --wordpiece_vocab={{data}}/{_WORD_PIECES}",
        ),
        needs=("transformers", "fugashi", "unidic_lite"),
        data=(_VOCABULARY, _WORD_PIECES),
    ),
    "workers": Benchmark(
        commands=(
            f"workers.py --lines=30000 --rounds=2 --mecab_vocab={{data}}/{_VOCABULARY}",
        ),
        needs=("fugashi", "unidic_lite"),
        data=(_VOCABULARY,),
    ),
    "encode_texts": Benchmark(commands=("encode_texts.py --texts=500",), needs=_TORCH),
    "answers": Benchmark(
        commands=(
            "answers.py --model={folder}/run --exported={folder}/exported/huggingface"
            " --most=100",
        ),
        needs=_TORCH,
        prepared=("run", "exported"),
    ),
    "step_overhead": Benchmark(
        commands=("step_overhead.py --steps=100 --devices=1",),
        needs=("tensorflow", "jax"),
    ),
    "records": Benchmark(commands=("records.py --rows=2000",), needs=("tensorflow",)),
    "checkpoint": Benchmark(
        commands=("checkpoint.py --every=10 --saves=1 --rounds=5",),
        needs=("tensorflow",),
    ),
    "leakage": Benchmark(
        commands=("leakage.py --texts=4000 --queries=800 --rounds=5",)
    ),
    "pairs": Benchmark(commands=(_PAIRS, f"{_PAIRS} --rates"), prepared=("pairs",)),
    "serving": Benchmark(
        commands=(
            "serving.py --model={folder}/run --clients=8 --seconds=3 --rounds=5",
        ),
        needs=("starlette", "uvicorn", "prometheus_client"),
        prepared=("run",),
    ),
    "titles": Benchmark(
        commands=("titles.py --texts=8 --pairs=4 --source=128 --tokens=16 --rounds=5",),
        needs=_TORCH,
    ),
}


def main(_: list[str]) -> None:
    """Runs the benchmarks and writes the report.

    Raises:
        SystemExit: A benchmark failed, or there is none of a name.
    """
    unknown = {*_ONLY.value} - {*BENCHMARKS}
    if unknown:
        raise SystemExit(f"no benchmark: {unknown}; there are {[*BENCHMARKS]}")
    watch = machine.Watch()
    outcomes = _measure(watch)
    _write(outcomes, about=_about(watch))
    if any(outcome.has_failed for outcome in outcomes):
        raise SystemExit(1)


def _measure(watch: machine.Watch) -> list[report.Outcome]:
    """Runs one benchmark after the other."""
    outcomes = []
    with tempfile.TemporaryDirectory() as folder:
        for name in _ONLY.value or BENCHMARKS:
            start = time.perf_counter()
            outcomes.append(_outcome(name, folder=folder))
            watch.look()
            said = outcomes[-1].left_out or "measured"
            print(f"{name}: {said}, {time.perf_counter() - start:.0f} s", flush=True)
    return outcomes


def _write(outcomes: list[report.Outcome], *, about: str) -> None:
    """Writes the report beside the last one, and prints it."""
    folder, command = _REPORTS.value, _command()
    then = report.last(folder, processor=machine.described(), command=command)
    said = report.page(outcomes, about=about, command=command, then=then)
    path = os.path.join(folder, time.strftime("%Y-%m-%d-%H%M%S") + report.SUFFIX)
    with open(path, "w", encoding="utf-8") as file:
        file.write(said)
    print(f"{said}\nwritten to {path}")


def _about(watch: machine.Watch) -> str:
    return (
        f"{time.strftime('%Y-%m-%d')}. Processor: {machine.described()}.\n"
        f"{machine.memory():.0f} GB of memory. {watch.said()}.\n{machine.versions()}."
    )


def _command() -> str:
    only = f" --only={shlex.quote(','.join(_ONLY.value))}" if _ONLY.value else ""
    return f"python benchmarks/run.py{only}"


def _outcome(name: str, *, folder: str) -> report.Outcome:
    """Runs one benchmark, if it can be."""
    benchmark = BENCHMARKS[name]
    if why := missing(benchmark):
        return report.Outcome(name=name, left_out=why)
    numbers = os.path.join(folder, f"{name}.json")
    try:
        for each in benchmark.prepared:
            _prepare(each, folder=folder)
        for command in benchmark.commands:
            _call(f"benchmarks/{command}", f"--json={numbers}", folder=folder)
    except subprocess.TimeoutExpired as error:
        why = f"failed: it took more than {error.timeout:.0f} s"
        return report.Outcome(name=name, left_out=why, has_ended=True)
    except subprocess.CalledProcessError as error:
        print(error.stderr[-_LAST_WORDS:], file=sys.stderr)
        last = turns.reason(error.stderr) or f"exit code {error.returncode}"
        return report.Outcome(name=name, left_out=f"failed: {last}", has_ended=True)
    with open(numbers, encoding="utf-8") as file:
        return report.Outcome(
            name=name, tables=tuple(map(tables.Table.from_json, file))
        )


def missing(benchmark: Benchmark) -> str:
    """Why a benchmark cannot run here, or nothing."""
    for module in benchmark.needs:
        if importlib.util.find_spec(module) is None:
            return f"{module} is not installed"
    for path in benchmark.data:
        if "SHARED_DATA" not in os.environ:
            return (
                f"needs {path} below the folder data of $SHARED_DATA, which is not set"
            )
        if not os.path.exists(os.path.join(_data(), path)):
            return f"$SHARED_DATA/data/{path} is not there"
    return ""


def _data() -> str:
    return os.path.join(os.environ.get("SHARED_DATA", ""), "data")


def _call(command: str, *flags: str, folder: str) -> None:
    """Runs a program of this repository."""
    words = shlex.split(command.format(folder=folder, data=_data()))
    environment = {
        **os.environ,
        "PYTHONPATH": shipped.ROOT,
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    environment.pop("KERAS_BACKEND", None)  # each says its own
    subprocess.run(
        [sys.executable, *words, *flags],
        cwd=shipped.ROOT,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
        timeout=_LONGEST,
    )


# -- what is made before --------------------------------------------------------------


@functools.cache
def _prepare(name: str, *, folder: str) -> None:
    """Makes it, once."""
    made = _PREPARED[name]
    if isinstance(made, str):
        _call(made, folder=folder)
    else:
        made(folder)


def _write_sentences(folder: str) -> None:
    """A sentence a line, a blank line between paragraphs."""
    texts = shipped.paragraphs()[:400]
    with open(f"{folder}/sentences.txt", "w", encoding="utf-8") as file:
        file.write("\n\n".join(text.replace("。", "。\n").strip() for text in texts))


def _write_pairs(folder: str) -> None:
    """Two sentences of one paragraph, or of two, in JSTS's columns."""
    os.makedirs(f"{folder}/pairs")
    sentences = shipped.sentences()
    for split, start in (("valid", 0), ("test", 2000)):
        some = sentences[start : start + 1200]
        with open(f"{folder}/pairs/{split}.json", "w", encoding="utf-8") as file:
            for place in range(0, len(some), 2):
                near = place // 2 % 2 == 0
                pair = {
                    "sentence1": some[place],
                    "sentence2": some[place + 1 if near else -place - 1],
                    "label": "near" if near else "far",
                }
                file.write(json.dumps(pair, ensure_ascii=False) + "\n")


_PREPARED: dict[str, str | Callable[[str], None]] = {
    "sentences": _write_sentences,
    "pairs": _write_pairs,
    "masked": "scripts/create_pretraining_data.py --input_file={folder}/sentences.txt"
    " --output_file={folder}/masked.tf_record --objective=mlm --dupe_factor=1"
    " --model_file=tf_bert/data/ja-mini/sentencepiece.model",
    "run": "scripts/run_classifier.py --task_name=company_news --do_train"
    " --init_checkpoint=bundled:ja-mini --learning_rate=2e-4 --num_train_epochs=1"
    " --backend=tensorflow --precision=float32 --output_dir={folder}/run",
    "exported": "scripts/export_model.py --model={folder}/run"
    " --output={folder}/exported --formats=huggingface",
}


if __name__ == "__main__":
    app.run(main)
