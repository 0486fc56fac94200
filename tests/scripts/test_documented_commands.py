"""Every command of the READMEs and the pages is run here, or says why it is not.

The Markdown itself is read. The commands of a page run in their order, as printed, in
a folder that looks like a checkout and holds the files that the page speaks of; flags
that make them short are added. The others are parsed by what they start.
"""

import dataclasses
import glob
import gzip
import itertools
import json
import os
import re
import shlex
import shutil
import subprocess
import sys

import pytest

from processors.corpora import livedoor
from processors.tasks.authors import AuthorsProcessor
from runtime.settings import flags_of
from tests.processors.tasks import test_livedoor
from tests.scripts.test_effects_of_flags import BESIDES, SETTINGS

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
PAGES = sorted(
    os.path.relpath(path, ROOT)
    for pattern in ("*.md", "docs/*.md", "benchmarks/reports/*.md")
    for path in glob.glob(os.path.join(ROOT, pattern))
)
PROGRAMS = ("bash", "echo", "pip", "python", "pytest", "sha256sum", "source", ".ci/run")
PROGRAM = re.compile(rf"([A-Z_]+=\S+ )*({'|'.join(map(re.escape, PROGRAMS))})( |$)")

# What a command begins with -> why it is not run.
NOT_RUN = {
    "bash scripts/quickstart.sh": "installs packages; CONTRIBUTING.md has its recipe",
    "bash scripts/test.sh": "runs this test",
    ".ci/run": "runs this test",
    "bash scripts/try_wheel.sh": "installs packages; see test_package.py",
    "pip install": "installs packages; test_requirements.py resolves each set",
    "source .venv/bin/activate": "what the quickstart makes",
    "pytest": "tests are run by scripts/test.sh",
    "python -m sphinx": "test_docs.py builds the site",
    "python scripts/doctor.py --output_dir=gs:": "needs a bucket; see test_bucket.py",
    "python scripts/run_classifier.py --task_name=tfds": "needs a set that TensorFlow"
    " Datasets has prepared; test_tfds.py makes one",
    "python scripts/lstm_experiment.py --preset=original": "days; the demo is run",
    "python scripts/tpu_check.py": "needs the TPU's compiler; see test_tpu_check.py",
    "echo 営業利益は前年を大きく上回った": "asks the run of the quickstart",
    "python scripts/run_seq2seq.py --flagfile=recipes/narou": "names your BERT",
    "python scripts/serve.py": "serves until it is stopped; see test_server.py",
    "python scripts/export_model.py": "needs other programs; see test_export.py",
    "python scripts/report.py gs:": "needs a bucket; see test_bucket.py",
    "MLFLOW_TRACKING_URI=": "needs a tracker; see test_mlflow_run.py",
    "python benchmarks/": "takes minutes",
    "PYTHONPATH=. python benchmarks/": "takes minutes",
}

# Script -> flags that make its run short.
SHORT = {
    "scripts/run_classifier.py": "--max_steps=2",
    "scripts/run_seq2seq.py": "--max_steps=2",
    "scripts/run_pretraining.py": "--num_train_steps=2 --num_warmup_steps=1",
    "scripts/pretrain_lstm.py": "--max_steps=2",
    "scripts/finetune_lstm.py": "--max_steps=2",
    "scripts/lstm_experiment.py": "--lm_epochs=1 --num_train_epochs=1 --seeds=1"
    " --train_sizes=24",
    "scripts/train_tokenizer.py": "--vocab_size=2400",
}

# Flags of other programs, and those that absl gives every script.
OTHER_FLAGS = {
    "all",
    "editable",
    "flagfile",
    "help",
    "fail-on-warning",
    "nitpicky",
    "no-binary",
}


@dataclasses.dataclass(frozen=True)
class Command:
    """A command, on one line."""

    page: str
    text: str

    @property
    def started(self):
        """The file of the checkout that it starts, or nothing."""
        words = shlex.split(self.text)
        return next((word for word in words if word.endswith((".py", ".sh"))), "")

    @property
    def reason(self):
        starts = [start for start in NOT_RUN if self.text.startswith(start)]
        return NOT_RUN[starts[0]] if starts else None


def read(page):
    with open(os.path.join(ROOT, page), encoding="utf-8") as file:
        return file.read()


def blocks(page, language):
    """What stands between the fences of a page in this language."""
    fences = re.findall(r"^```(\S*)\n(.*?)^```$", read(page), re.DOTALL | re.MULTILINE)
    return [block for each, block in fences if each == language]


def fenced(page):
    """The commands in the fences of a page, each on one line."""
    for block in [*blocks(page, "bash"), *blocks(page, "")]:
        for line in block.replace("\\\n", " ").splitlines():
            text = " ".join(line.partition("  # ")[0].split())
            if PROGRAM.match(text):
                yield Command(page, text)


def in_sentences(page):
    """The commands in the sentences of a page; the name of a program alone is none."""
    prose = re.sub(r"^```.*?^```$", "", read(page), flags=re.DOTALL | re.MULTILINE)
    for code in re.findall(r"`([^`]+)`", prose):
        text = " ".join(code.split())
        if PROGRAM.match(text) and (" " in text or text == ".ci/run"):
            yield Command(page, text)


def commands(page):
    return [*fenced(page), *in_sentences(page)]


ALL = {command.text: command for page in PAGES for command in commands(page)}
RUN = [command for command in ALL.values() if command.reason is None]
PARSED = [
    command
    for command in ALL.values()
    if command.reason and re.match(r"(\S+=\S+ )*python \w+/\w+\.py", command.text)
]


# The files that pages speak of ------------------------------------------------------


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def paragraphs(count):
    folder = AuthorsProcessor.default_data_dir
    examples = AuthorsProcessor().get_train_examples(folder)
    return [example.text_a for example in examples[:count]]


def reviews(folder):
    """A table of a hundred rows, and the same as splits; new texts without labels."""
    rows = [
        f"{text[:40]}\t{'good' if number % 2 else 'bad'}\n"
        for number, text in enumerate(paragraphs(100))
    ]
    for name in ("reviews", "train", "dev", "test"):
        write(folder / f"FOLDER/{name}.tsv", "review\tverdict\n" + "".join(rows))
    write(folder / "NEW/test.tsv", "review\n面白い。\n")


def news(folder):
    (folder / "FOLDER").mkdir()
    articles = {
        f"text/{category}/{category}-{number}.txt": f"url\ndate\ntitle\n{number}\n"
        for category in livedoor.CATEGORIES
        for number in range(10)
    }
    test_livedoor.write_archive(folder / "FOLDER", articles)


def opinions_and_numbers(folder):
    """chABSA as it is unpacked, eight companies, beside JSTS."""
    shutil.copytree(os.path.join(ROOT, "tests/golden/jsts"), folder / "FOLDER")
    kinds = [["positive"], ["negative"], ["positive", "neutral"], []]
    sentences = [
        {
            "sentence_id": number,
            "sentence": text,
            "opinions": [{"polarity": each} for each in kinds[number % len(kinds)]],
        }
        for number, text in enumerate(paragraphs(80))
    ]
    for number in range(8):
        report = {"header": {"document_id": f"E{number}"}}
        report["sentences"] = sentences[number * 10 : number * 10 + 10]
        write(folder / f"FOLDER/e{number}_ann.json", json.dumps(report))


def lines(folder):
    for name in ("train", "dev"):
        write(folder / f"FOLDER/{name}.txt", "\n".join(paragraphs(40)))


def corpus(folder):
    write(folder / "corpus/one.txt", "\n".join(paragraphs(200)))


def texts(folder):
    write(folder / "texts.txt", "\n".join(paragraphs(3)))


def news_and_texts(folder):
    news(folder)
    texts(folder)


def weights(folder):
    golden = "tests/golden/huggingface_bert_tiny/pretraining"
    shutil.copytree(os.path.join(ROOT, golden), folder / "FOLDER")


def documents(folder):
    """Text of words, their vocabulary, sizes of a BERT, and the held-out records."""
    words = [f"w{number}" for number in range(60)]
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    write(folder / "vocab.txt", "\n".join([*special, *words]))
    sentences = [" ".join(words[n : n + 9]) for n in range(50)]
    text = "\n\n".join("\n".join(sentences[n::5]) for n in range(5))
    write(folder / "corpus.txt", text)
    sizes = {"vocab_size": 65, "hidden_size": 16, "num_hidden_layers": 1}
    sizes |= {"num_attention_heads": 2, "intermediate_size": 32}
    write(folder / "bert_config.json", json.dumps(sizes))
    [making, *_] = fenced("docs/pretraining.md")
    run(making.text.replace("train.tf_record", "dev.tf_record"), folder=folder)


def pairs(folder):
    """Twenty texts by id, and labelled pairs of them."""
    texts = dict(enumerate(paragraphs(20)))
    labelled = [[one, (one + 7) % 20, str(one % 2)] for one in range(20)]
    for path in (folder / "FOLDER", folder):
        write(path / "texts.json", json.dumps(texts))
        write(path / "pairs.json", json.dumps(labelled))


def runs(folder):
    """A trained run under the names that pages call it by, and texts to ask it."""
    reviews(folder)
    [training] = [c for c in fenced("README.md") if "run_classifier.py" in c.text]
    named = training.text.replace("runs/reviews", "runs/quickstart")
    run(f"{named} --max_steps=2", folder=folder)
    for name in ("one", "two", "x"):
        shutil.copytree(folder / "runs/quickstart", folder / "runs" / name)
    with gzip.open(folder / "new.txt.gz", "wt", encoding="utf-8") as file:
        file.write("\n".join(paragraphs(3)))
    bodies = [json.dumps({"body": text}) for text in paragraphs(3)]
    write(folder / "new.jsonl", "\n".join(bodies))


FILES = {
    "README.md": reviews,
    "docs/pairs.md": pairs,
    "docs/predict.md": runs,
    "docs/report.md": runs,
    "docs/titles.md": news_and_texts,
    "docs/lstm.md": lines,
    "docs/pretraining.md": documents,
    "docs/processors.md": news,
    "docs/records.md": reviews,
    "docs/targets.md": opinions_and_numbers,
    "docs/tokenizers.md": corpus,
    "docs/vectors.md": texts,
    "docs/weights.md": weights,
}


# Running ----------------------------------------------------------------------------


@pytest.fixture
def checkout(tmp_path):
    """A folder with the folders of the checkout; what is written stays beside them."""
    for name in ("processors", "recipes", "scripts", "benchmarks"):
        (tmp_path / name).symlink_to(os.path.join(ROOT, name))
    return tmp_path


def run(text, *, folder):
    """Runs a command of a shell, whose `python` is the one that runs this."""
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]]),
        "PYTHONPATH": os.pathsep.join([ROOT, *filter(None, sys.path)]),
    }
    environment.pop("KERAS_BACKEND", None)  # tests choose it, users do not
    done = subprocess.run(
        ["bash", "-c", text],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{text}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def run_page(page, *, folder):
    """What each script of a page says."""
    if page in FILES:
        FILES[page](folder)
    return {
        command.started: run(
            f"{command.text} {SHORT.get(command.started, '')}", folder=folder
        )
        for command in RUN
        if command.page == page
    }


QUICK = ["docs/records.md", "docs/tokenizers.md", "docs/weights.md"]
SLOW = sorted({command.page for command in RUN} - {*QUICK, "README.md"})


@pytest.mark.parametrize("page", QUICK)
def test_the_commands_of_a_page(page, checkout):
    run_page(page, folder=checkout)


@pytest.mark.slow
@pytest.mark.parametrize("page", SLOW)
def test_the_trainings_of_a_page(page, checkout):
    run_page(page, folder=checkout)


def test_the_readme_leads_from_a_table_to_predictions(checkout):
    said = run_page("README.md", folder=checkout)
    reports = {"eval_results.txt", "predictions.tsv", "data_report.txt"}
    assert reports <= set(os.listdir(checkout / "runs/reviews"))
    label, probability, text = said["scripts/predict.py"].rstrip().split("\t")
    assert label in {"good", "bad"}
    assert 0.5 <= float(probability) <= 1
    assert text == "面白い話だった"


@pytest.mark.slow
def test_the_processor_and_the_cell_of_the_readme(checkout):
    processor, cell = blocks("README.md", "python")
    reviews(checkout)
    write(checkout / "reviews.py", processor)
    [making] = fenced("docs/records.md")
    named = making.text.replace("=tsv", "=reviews:ReviewsProcessor")
    run(named.replace("--text_a=review --label=verdict", ""), folder=checkout)
    write(checkout / "cell.py", cell)
    accuracy, answer = run("python cell.py", folder=checkout).split()[-2:]
    assert float(accuracy) > 0.4
    assert answer in {"['good']", "['bad']"}


@pytest.mark.parametrize("command", PARSED, ids=lambda command: command.text[:60])
def test_what_is_not_run_is_understood(command, checkout):
    run(f"{command.text} --only_check_args", folder=checkout)


# What pages say ---------------------------------------------------------------------


def test_each_reason_is_that_of_a_command():
    left_over = [s for s in NOT_RUN if not any(text.startswith(s) for text in ALL)]
    assert left_over == []


def test_what_is_started_is_there():
    started = {command.started for command in ALL.values()} - {""}
    missing = [name for name in started if not os.path.exists(os.path.join(ROOT, name))]
    assert missing == []


@pytest.mark.parametrize("page", PAGES)
def test_a_fence_of_commands_holds_nothing_else(page):
    lines = [
        line
        for block in blocks(page, "bash")
        for line in block.replace("\\\n", " ").splitlines()
    ]
    assert [line for line in lines if line and not PROGRAM.match(line)] == []


@pytest.mark.parametrize("page", sorted({*PAGES} - {"CHANGELOG.md"}))
def test_a_page_names_flags_that_there_are(page):
    kinds = [*SETTINGS.values(), *itertools.chain(*BESIDES.values())]
    known = {name for kind in kinds for name in flags_of(kind)} | OTHER_FLAGS
    known |= {"master", "preset"}  # of one script each
    # Those of benchmarks are parsed above.
    text = re.sub(r"python benchmarks/(?:[^`\n]|\\\n)*", "", read(page))
    text = re.sub(r"^- .*benchmarks/.*$", "", text, flags=re.MULTILINE)
    named = set(re.findall(r"(?<![\w-])--(?:\[no\])?([a-z][\w-]*)", text))
    unknown = {name for name in named if not {name, name.removeprefix("no")} & known}
    benchmarks = page.startswith("benchmarks/")  # whose flags are parsed above
    assert benchmarks or unknown == set()


def test_what_pip_installs_is_offered():
    with open(os.path.join(ROOT, "setup.cfg"), encoding="utf-8") as file:
        setup = file.read()
    installs = [text for text in ALL if "pip install" in text]
    extras = {e for text in installs for e in re.findall(r"\.\[([\w,-]+)\]", text)}
    for extra in {each for group in extras for each in group.split(",")}:
        assert f"\n{extra} =\n" in setup
    for pins in {p for text in installs for p in re.findall(r"requirements/\S+", text)}:
        assert os.path.exists(os.path.join(ROOT, pins)), pins


class TestReadingItself:
    """A test that finds no command finds no fault."""

    def test_pages_and_commands_are_found(self):
        assert {"README.md", "README.ja.md", "docs/weights.md"} <= set(PAGES)
        assert len(ALL) > 40
        assert {"docs/lstm.md", "docs/weights.md"} < {command.page for command in RUN}

    def test_a_command_may_go_on_in_the_next_line(self):
        [text] = [command.text for command in fenced("docs/tokenizers.md")]
        assert "--mecab_dic=unidic_lite --input='corpus/*.txt' --vocab_size" in text
