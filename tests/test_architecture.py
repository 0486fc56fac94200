"""The rules that keep the house in order, read from the source by its syntax tree.

Which floor may import which is import-linter's business; see setup.cfg.
"""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FLOORS = ("runtime", "processors", "pipelines", "tf_bert", "lstm_pretrain", "scripts")
FRAMEWORKS = {"tensorflow": "_tf.py", "jax": "_jax.py"}

PATH_MODULES = {"pathlib", "shutil", "tempfile"}
# What of modules that reach for files says nothing about any.
PATHLESS = {
    "glob": {"escape", "has_magic"},
    "io": {"BufferedIOBase", "BufferedReader", "BytesIO", "SEEK_END", "StringIO"},
    "os": {"_exit", "environ", "getpid", "kill"},
}

# Loading with these runs what a file says.
EXECUTING_MODULES = {"pickle", "marshal", "shelve", "dill", "joblib", "yaml"}
FORBIDDEN_SETTINGS = {"allow_pickle": True, "safe_mode": False}

# What all data sets share; each other file of the room declares one.
ABOUT_TASKS = {
    f"processors/tasks/{name}.py"
    for name in ("lists", "registry", "settings", "source_target", "table_options")
}

# Test files that are named after several modules, or after none of the tree.
GROUPED_TESTS = {
    "test_architecture.py",
    "test_loss_traces.py",  # of every pipeline
    "test_package.py",
    "test_rounding.py",  # the tests' own bounds
    "test_without_tensorflow.py",
    "processors/readers/test_hostile_rows.py",  # tables and JSON
    "processors/tasks/test_japanese_pairs.py",  # janli, jnli
    "processors/tasks/test_glue.py",  # cola, mnli, mrpc, xnli
    "scripts/test_documented_commands.py",  # of all pages
    "scripts/test_effects_of_flags.py",  # every script, as far as it reaches
    "scripts/test_ja_mini.py",  # a recipe, killed midway
    "scripts/test_notebook.py",  # a run in a kernel, interrupted
    "scripts/test_rejected_rows.py",  # every script that reads rows
    "scripts/test_reliability.py",  # whole runs, disturbed
    "lstm_pretrain/test_workload.py",  # of both pipelines
    "pipelines/test_new_model.py",  # the contract of a new one, on a text CNN
    "pipelines/test_targets.py",  # whole runs of either model on labels and numbers
    "tf_bert/classifier/test_transformers.py",  # beside transformers
    "runtime/training/test_faults.py",  # a short run in a bucket
    "runtime/checkpoints/test_kills.py",  # keeper and storage, killed
    "tf_bert/formats/test_other_programs.py",  # convert, beside the others
    "tf_bert/formats/test_minilm.py",  # a real BERT, through all of it
    "tf_bert/classifier/test_long_texts.py",  # whole runs on them
    "tf_bert/classifier/test_records.py",  # whole runs on them
    "tf_bert/classifier/test_parity.py",  # beside google-research/bert
    "tf_bert/pretraining/test_parity.py",  # and in pre-training
    "tf_bert/seq2seq/test_parity.py",  # beside transformers
    "tf_bert/seq2seq/test_transformers.py",  # folders that it reads
}


def python_files(*folders: str) -> list[str]:
    """Paths below the root, with `/`."""
    found = []
    for top in folders:
        for folder, _, names in os.walk(os.path.join(ROOT, top)):
            paths = [os.path.join(folder, name) for name in names]
            found += [os.path.relpath(p, ROOT) for p in paths if p.endswith(".py")]
    return sorted(path.replace(os.sep, "/") for path in found)


def read(path: str) -> str:
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def nodes(source: str) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(source))


def imported_packages(source: str) -> set[str]:
    """Top-level names of all imports, those inside functions included."""
    found = set()
    for node in nodes(source):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


def relative_imports(source: str) -> list[int]:
    """Lines of `from . import x` and the like."""
    return [
        node.lineno
        for node in nodes(source)
        if isinstance(node, ast.ImportFrom) and node.level
    ]


def path_touches(source: str) -> list[str]:
    """What in a module reaches for files by itself."""
    found = sorted(imported_packages(source) & PATH_MODULES)
    names = module_names(source)
    for node in nodes(source):
        if isinstance(node, ast.Name) and node.id == "open":
            found.append(f"line {node.lineno}: open")
        elif isinstance(node, ast.ImportFrom) and node.module:
            module = node.module.partition(".")[0]
            if module in PATHLESS:
                found.append(f"line {node.lineno}: from {node.module}")
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module = names.get(node.value.id, "")
            if node.attr not in PATHLESS.get(module, {node.attr}):
                found.append(f"line {node.lineno}: {module}.{node.attr}")
    return found


def executing(source: str) -> list[str]:
    """What in a module could execute what a file holds."""
    found = sorted(imported_packages(source) & EXECUTING_MODULES)
    for node in nodes(source):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id in {"eval", "exec", "compile", "__import__"}:
                found.append(f"line {node.lineno}: {node.func.id}")
        elif isinstance(node, ast.keyword) and node.arg in FORBIDDEN_SETTINGS:
            if not is_literally(node.value, not FORBIDDEN_SETTINGS[node.arg]):
                found.append(f"line {node.value.lineno}: {node.arg}")
        elif isinstance(node, ast.Attribute) and "unsafe_deseriali" in node.attr:
            found.append(f"line {node.lineno}: {node.attr}")
    return found


def is_literally(node: ast.AST, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


def module_names(source: str) -> dict[str, str]:
    """What each imported module is called in the source -> its own name."""
    return {
        alias.asname or alias.name: alias.name
        for node in nodes(source)
        if isinstance(node, ast.Import)
        for alias in node.names
    }


def line_count(path: str) -> int:
    return len(read(path).splitlines())


LIBRARY = python_files(*FLOORS)


@pytest.mark.parametrize(("framework", "suffix"), FRAMEWORKS.items())
def test_only_files_named_after_a_framework_import_it(framework, suffix):
    guilty = [
        path
        for path in LIBRARY
        if framework in imported_packages(read(path)) and not path.endswith(suffix)
    ]
    assert guilty == []


def test_only_storage_touches_paths():
    touches = {path: path_touches(read(path)) for path in LIBRARY}
    for name in ("__init__", "local", "download_cache", "scratch_file"):
        assert touches.pop(f"runtime/storage/{name}.py")
    assert {path: found for path, found in touches.items() if found} == {}


def test_nothing_that_is_loaded_can_execute_code():
    guilty = {path: executing(read(path)) for path in LIBRARY}
    assert {path: found for path, found in guilty.items() if found} == {}


def test_imports_are_absolute():
    everything = LIBRARY + python_files("tests", "benchmarks")
    assert [path for path in everything if relative_imports(read(path))] == []


def test_files_stay_short():
    everything = LIBRARY + python_files("tests", "benchmarks")
    assert {p: n for p in everything if (n := line_count(p)) >= 500} == {}


def test_tasks_stay_under_80_lines():
    tasks = [p for p in python_files("processors/tasks") if p not in ABOUT_TASKS]
    assert tasks
    assert {p: n for p in tasks if (n := line_count(p)) >= 80} == {}


STARTS = 'if __name__ == "__main__":'


def test_scripts_stay_under_100_lines():
    scripts = [p for p in python_files("scripts") if STARTS in read(p)]
    assert scripts
    assert {p: n for p in scripts if (n := line_count(p)) >= 100} == {}


def test_tests_lie_where_their_subject_lies():
    """tests/a/test_b.py tests a/b.py or the package a/b.

    tests/a/test_b_contract.py tests what every b of the room a must fulfil.
    """
    strays = []
    for path in python_files("tests"):
        inside = path.removeprefix("tests/")
        folder, name = os.path.split(inside)
        is_contract = name.endswith("_contract.py")
        if not name.startswith("test_") or is_contract or inside in GROUPED_TESTS:
            continue
        subject = os.path.join(ROOT, folder, name.removeprefix("test_"))
        if not (os.path.exists(subject) or os.path.isdir(subject[: -len(".py")])):
            strays.append(path)
    assert strays == []


def test_scripts_start_without_what_takes_seconds_to_load():
    """Else `--help`, and every mistake on a command line, would wait for it."""
    scripts = [path for path in LIBRARY if path.startswith("scripts/")]
    modules = [path[: -len(".py")].replace("/", ".") for path in scripts]
    slow = "{'scipy', 'sklearn', 'matplotlib', 'keras', 'tensorflow', 'jax'}"
    program = (
        f"import {', '.join(modules)}, sys\nprint(*sorted({slow} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == []


def test_settings_and_data_load_without_a_framework():
    """Keras takes its backend when it is first imported: not before a placement."""
    modules = [
        path[: -len(".py")].replace("/", ".").removesuffix(".__init__")
        for path in LIBRARY
        if path.startswith(("processors/", "pipelines/"))
    ]
    modules += ["scripts.run_classifier", "tf_bert.classifier.preparation"]
    modules += ["runtime.engine.engine"]
    modules += [
        "scripts.score_pairs",
        "scripts.run_pretraining",
        "scripts.extract_features",
    ]
    modules += ["scripts.generate"]
    modules += ["scripts.finetune_lstm", "lstm_pretrain.language_model.preparation"]
    modules += ["scripts.run_seq2seq"]
    program = (
        f"import {', '.join(modules)}, sys\n"
        "print(*sorted({'keras', 'tensorflow', 'jax'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == []


@pytest.mark.parametrize("path", python_files("benchmarks"))
def test_benchmarks_write_to_no_fixed_place(path):
    texts = [n.value for n in nodes(read(path)) if isinstance(n, ast.Constant)]
    fixed = ("/tmp", "/dev/shm", "/var", "~", "runs/")
    assert not [t for t in texts if isinstance(t, str) and t.startswith(fixed)]


def test_a_page_shows_the_rooms_as_they_are():
    tree = read("docs/architecture.md").partition("\nruntime/  ")[2].partition("```")[0]
    shown = re.findall(r"^ *(\w+)/", "runtime/" + tree, re.MULTILINE)
    rooms = [os.path.dirname(path) for path in LIBRARY if path.endswith("__init__.py")]
    plain = {"data", "recipes", "requirements", "docs", "notebooks", "tests"}
    plain.add("benchmarks")
    assert set(shown) - plain == {os.path.basename(room) for room in rooms}
    benchmarks = [os.path.basename(path) for path in python_files("benchmarks")]
    assert sorted(re.findall(r"\w+\.py\b", tree)) == benchmarks


def test_the_readme_shows_the_top_of_the_tree():
    tree = read("README.md").partition("\nruntime/  ")[2].partition("```")[0]
    shown = re.findall(r"^(\w+)/", "runtime/" + tree, re.MULTILINE)
    assert {*FLOORS, "recipes", "requirements", "docs", "notebooks", "tests"} == set(
        shown
    )


@pytest.mark.parametrize("path", [p for p in LIBRARY if p.endswith("__init__.py")])
def test_a_room_names_its_modules(path):
    room = os.path.dirname(path)
    named = re.findall(r"\b\w+\.py\b", ast.get_docstring(ast.parse(read(path))))
    modules = [os.path.basename(p) for p in LIBRARY if os.path.dirname(p) == room]
    assert sorted(named) == sorted(set(modules) - {"__init__.py"})


class TestTheRulesThemselves:
    """A rule that cannot fail holds nothing."""

    def test_imports_are_found_inside_functions(self):
        source = "def f():\n    from jax.numpy import sum\n    import os.path"
        assert imported_packages(source) == {"jax", "os"}

    @pytest.mark.parametrize(
        "source",
        [
            "open('x')",
            "import os\nos.path.exists('x')",
            "import os\nos.remove('x')",
            "from os import remove",
            "from os.path import join",
            "import os as o\no.remove('x')",
            "import glob\nglob.glob('x')",
            "import pathlib",
            "def f():\n    import shutil",
            "import io\nio.open('x')",
        ],
    )
    def test_path_touches_are_found(self, source):
        assert path_touches(source)

    @pytest.mark.parametrize(
        "source",
        [
            "import os\nos.environ['A'] = 'b'\nos.getpid()",
            "import tarfile\ntarfile.open(fileobj=None)",
            "import io\nio.BytesIO()",
            "import glob as globbing\nglobbing.has_magic('x')",
            "from runtime import storage\nstorage.open_read('x')",
        ],
    )
    def test_what_touches_no_path_is_left_alone(self, source):
        assert path_touches(source) == []

    @pytest.mark.parametrize(
        "source",
        [
            "import pickle",
            "eval('1')",
            "np.load(f, allow_pickle=True)",
            "np.load(f, allow_pickle=trusted)",
            "keras.saving.load_model(f, safe_mode=False)",
            "keras.config.enable_unsafe_deserialization()",
        ],
    )
    def test_what_could_execute_is_found(self, source):
        assert executing(source)

    @pytest.mark.parametrize(
        "source",
        ["np.load(f, allow_pickle=False)", "re.compile('x')", "model.eval()"],
    )
    def test_what_executes_nothing_is_left_alone(self, source):
        assert executing(source) == []

    def test_relative_imports_are_found(self):
        assert relative_imports("from . import a\nfrom .b import c\nimport d") == [1, 2]
