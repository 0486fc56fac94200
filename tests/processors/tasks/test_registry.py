import subprocess
import sys
import textwrap

import pytest

from processors.base import DataProcessor
from processors.labels.targets import Objective
from processors.tasks import registry
from processors.tasks.cola import ColaProcessor
from processors.tasks.table import TsvProcessor
from processors.tasks.table_options import TableOptions
from runtime.errors import SettingsError

# As written for google-research/bert, but for the two imports.
OLD_PROCESSOR = """
import os

from processors.base import DataProcessor
from processors.example import InputExample


class OldProcessor(DataProcessor):
  def get_train_examples(self, data_dir):
    return self._create_examples(
        self._read_tsv(os.path.join(data_dir, "train.tsv")), "train")

  def get_dev_examples(self, data_dir):
    return self._create_examples(
        self._read_tsv(os.path.join(data_dir, "dev.tsv")), "dev")

  def get_labels(self):
    return ["0", "1"]

  def _create_examples(self, lines, set_type):
    examples = []
    for (i, line) in enumerate(lines):
      if i == 0:
        continue
      guid = "%s-%s" % (set_type, i)
      examples.append(
          InputExample(guid=guid, text_a=line[1], text_b=None, label=line[0]))
    return examples


class NoProcessor:
  pass
"""


@pytest.fixture
def own_module(tmp_path, monkeypatch):
    (tmp_path / "own_tasks_of_test.py").write_text(OLD_PROCESSOR)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield "own_tasks_of_test"
    sys.modules.pop("own_tasks_of_test", None)


def test_known_names():
    expected = (
        "aozora_pair authors chabsa cola company_news csv folder janli jnli json"
        " jsonl jsts lines livedoor livedoor_titles mnli mrpc pairs records stsb tfds"
        " tsv xnli"
    )
    assert registry.known() == expected.split()
    assert all(
        issubclass(registry.find(name), DataProcessor) for name in registry.known()
    )


def test_names_have_no_case():
    assert registry.find("CoLA") is ColaProcessor


def test_an_unknown_name_lists_the_known():
    with pytest.raises(SettingsError, match=r"one of aozora_pair, authors.*'sst2'"):
        registry.find("sst2")


def test_an_old_processor_works_as_it_is(own_module, tmp_path):
    (tmp_path / "train.tsv").write_text("label\ttext\n1\thello\n")
    processor = registry.create(f"{own_module}:OldProcessor")
    (example,) = processor.get_train_examples(str(tmp_path))
    assert (example.guid, example.text_a, example.label) == ("train-1", "hello", "1")
    assert processor.get_labels() == ["0", "1"]
    with pytest.raises(SettingsError, match="OldProcessor has no test split"):
        processor.get_test_examples(str(tmp_path))


def test_the_current_directory_is_looked_in_by_any_script(own_module, tmp_path):
    script = tmp_path / "scripts" / "show.py"
    script.parent.mkdir()
    script.write_text(
        textwrap.dedent(f"""
            import sys
            sys.path += {sys.path!r}
            from processors.tasks import registry
            print(registry.find("{own_module}:OldProcessor").__name__)
        """)
    )
    command = [sys.executable, "-I", str(script)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
    assert done.stdout.split() == [b"OldProcessor"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("no_such_module_here:Task", "cannot import.*no_such_module_here"),
        ("own_tasks_of_test:Task", r"own_tasks_of_test.*has no class 'Task'"),
        ("own_tasks_of_test:NoProcessor", "NoProcessor is no subclass of"),
        (":Task", "expected package.module:ClassName"),
        ("..own:Task", "expected package.module:ClassName"),
    ],
)
def test_what_is_wrong_with_an_own_class(own_module, name, words):
    with pytest.raises(SettingsError, match=words):
        registry.find(name)


@pytest.mark.parametrize(
    ("imported", "words"),
    [
        (
            "tokenization",
            "own_tasks_of_test was found, and what it imports was not: No module named"
            " 'tokenization'. tokenization is a file of google-research/bert, of which"
            " a processor needs nothing here: texts are str already, and DataProcessor"
            " and InputExample are those of processors.base and processors.example."
            " Take the import out.",
        ),
        (
            "no_such_module_here.part",
            "own_tasks_of_test was found, and what it imports was not: No module named"
            " 'no_such_module_here'.",
        ),
    ],
)
def test_what_an_own_module_imports_is_not_there(own_module, tmp_path, imported, words):
    (tmp_path / f"{own_module}.py").write_text(f"import {imported}\n{OLD_PROCESSOR}")
    with pytest.raises(SettingsError) as caught:
        registry.find(f"{own_module}:OldProcessor")
    assert str(caught.value) == f"task_name: {words}"


def test_a_module_in_a_package_that_is_not_there():
    with pytest.raises(SettingsError, match=r"cannot import the module.*looked for"):
        registry.find("processors.no_such_module_here:Task")


def test_options_reach_the_tasks_that_take_them(tmp_path):
    processor = registry.create("tsv", TableOptions(labels=("x", "y")))
    assert isinstance(processor, TsvProcessor)
    assert processor.get_labels() == ["x", "y"]
    assert isinstance(registry.create("cola", TableOptions()), ColaProcessor)


def test_options_are_refused_where_they_would_be_ignored():
    with pytest.raises(SettingsError, match="cola has its files, columns and labels"):
        registry.create("cola", TableOptions(text_a="sentence"))


def test_what_a_task_is_for_is_to_be_said():
    with pytest.raises(SettingsError, match="jsts have a number each: say --objective"):
        registry.create("jsts")
    with pytest.raises(SettingsError, match="jnli have one label each: leave"):
        registry.create("jnli", TableOptions(objective=Objective.REGRESSION))
    with pytest.raises(SettingsError, match="cola have one label each: leave"):
        registry.create("cola", TableOptions(multi_label=True))
