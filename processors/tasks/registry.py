"""Task names and the processors they stand for.

A user's own processor needs no entry: `package.module:ClassName` imports it, the
current directory included.
"""

from __future__ import annotations

import importlib
import sys

from processors.base import DataProcessor
from processors.labels.targets import Targets
from processors.tasks.aozora_pair import AozoraPairProcessor
from processors.tasks.authors import AuthorsProcessor
from processors.tasks.chabsa import ChabsaOpinionsProcessor, ChabsaProcessor
from processors.tasks.cola import ColaProcessor
from processors.tasks.company_news import CompanyNewsProcessor
from processors.tasks.folder import FolderProcessor
from processors.tasks.janli import JanliProcessor
from processors.tasks.jnli import JnliProcessor
from processors.tasks.jsts import JstsProcessor
from processors.tasks.lines import LinesProcessor
from processors.tasks.livedoor import LivedoorProcessor
from processors.tasks.livedoor_titles import LivedoorTitlesProcessor
from processors.tasks.mnli import MnliProcessor
from processors.tasks.mrpc import MrpcProcessor
from processors.tasks.pairs import PairsProcessor
from processors.tasks.records import RECORDS_ALONE, RecordsProcessor
from processors.tasks.stsb import StsbProcessor
from processors.tasks.table import (
    CsvProcessor,
    JsonlProcessor,
    JsonProcessor,
    OptionsProcessor,
    TsvProcessor,
)
from processors.tasks.table_options import TARGETS, TableOptions
from processors.tasks.tfds import TfdsProcessor
from processors.tasks.xnli import XnliProcessor
from runtime.errors import SettingsError

_TASKS: dict[str, type[DataProcessor]] = {
    "aozora_pair": AozoraPairProcessor,
    "authors": AuthorsProcessor,
    "chabsa": ChabsaProcessor,
    "cola": ColaProcessor,
    "company_news": CompanyNewsProcessor,
    "csv": CsvProcessor,
    "folder": FolderProcessor,
    "janli": JanliProcessor,
    "jnli": JnliProcessor,
    "jsts": JstsProcessor,
    "lines": LinesProcessor,
    "json": JsonProcessor,
    "jsonl": JsonlProcessor,
    "livedoor": LivedoorProcessor,
    "livedoor_titles": LivedoorTitlesProcessor,
    "mnli": MnliProcessor,
    "mrpc": MrpcProcessor,
    "pairs": PairsProcessor,
    RECORDS_ALONE: RecordsProcessor,
    "stsb": StsbProcessor,
    "tfds": TfdsProcessor,
    "tsv": TsvProcessor,
    "xnli": XnliProcessor,
}

# What a task is under other targets than those of its entry above.
_UNDER_TARGETS: dict[tuple[str, Targets], type[DataProcessor]] = {
    ("chabsa", Targets.LABELS): ChabsaOpinionsProcessor,
}

_OTHER_TARGETS = {
    Targets.LABEL: "task_name: the texts of {} have one label each: leave"
    " --multi_label and --objective out.",
    Targets.LABELS: "task_name: the texts of {} have any number of labels: say"
    " --multi_label, and no --objective.",
    Targets.NUMBER: "task_name: the texts of {} have a number each: say"
    " --objective=regression, and no --multi_label.",
}

# What processors written for google-research/bert import.
_ORIGINAL_MODULES = {"modeling", "optimization", "run_classifier", "tokenization"}


def known() -> list[str]:
    """Returns the names of the tasks that come with the toolkit."""
    return sorted(_TASKS)


def find(task_name: str) -> type[DataProcessor]:
    """Returns the processor class that a task name stands for.

    Args:
        task_name: A known name in any case, or `package.module:ClassName`.

    Raises:
        SettingsError: there is no such task, module or class.
    """
    if ":" in task_name:
        return _import_class(task_name)
    try:
        return _TASKS[task_name.lower()]
    except KeyError:
        raise SettingsError(
            f"task_name: expected one of {', '.join(known())}, or"
            f" package.module:ClassName for a processor of your own; got {task_name!r}."
        ) from None


def create(task_name: str, options: TableOptions | None = None) -> DataProcessor:
    """Returns the processor of a task, ready to read.

    Args:
        task_name: As for `find`.
        options: Files, columns and labels for the tasks that leave them open (those
            of a subclass of OptionsProcessor); None takes their defaults.

    Raises:
        SettingsError: there is no such task, or it takes no such options.
    """
    options = options or TableOptions()
    known = (task_name.lower(), options.targets)
    processor = _UNDER_TARGETS.get(known) or find(task_name)
    if issubclass(processor, OptionsProcessor):
        return processor(options)
    if options.changed().difference(TARGETS):
        raise SettingsError(
            f"task_name: {task_name} has its files, columns and labels built in; they"
            " can be chosen for csv, folder, json, jsonl, pairs, records, tfds and tsv."
        )
    made = processor()
    refuse_other_targets(made, options.targets, task=task_name)
    return made


def refuse_other_targets(
    processor: DataProcessor, targets: Targets, *, task: str
) -> None:
    """Refuses a task whose examples are told apart by something else than asked for.

    Args:
        processor: The task.
        targets: What was asked for.
        task: Its name.

    Raises:
        SettingsError: Says what to ask for.
    """
    if processor.targets is not targets:
        raise SettingsError(_OTHER_TARGETS[processor.targets].format(task))


def _import_class(task_name: str) -> type[DataProcessor]:
    module_name, _, class_name = task_name.partition(":")
    if not all(part.isidentifier() for part in module_name.split(".")):
        raise SettingsError(
            f"task_name: expected package.module:ClassName, got {task_name!r}."
        )
    if "" not in sys.path:
        sys.path.append("")  # "" is the current directory, at each import anew
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise _not_importable(task_name, error) from error
    processor = getattr(module, class_name, None)
    if not isinstance(processor, type):
        raise SettingsError(
            f"task_name: {module_name} ({module.__file__}) has no class {class_name!r}."
        )
    if not issubclass(processor, DataProcessor):
        raise SettingsError(
            f"task_name: {task_name} is no subclass of processors.base.DataProcessor."
        )
    return processor


def _not_importable(task_name: str, error: ImportError) -> SettingsError:
    module_name = task_name.partition(":")[0]
    if error.name is None or f"{module_name}.".startswith(f"{error.name}."):
        return SettingsError(
            f"task_name: cannot import the module of {task_name!r}: {error}. It is"
            " looked for among the installed packages and in the current directory."
        )
    hint = ""
    if error.name in _ORIGINAL_MODULES:
        hint = (
            f" {error.name} is a file of google-research/bert, of which a processor"
            " needs nothing here: texts are str already, and DataProcessor and"
            " InputExample are those of processors.base and processors.example. Take"
            " the import out."
        )
    return SettingsError(
        f"task_name: {module_name} was found, and what it imports was not: {error}."
        f"{hint}"
    )
