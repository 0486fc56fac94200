"""Says without a TPU whether a run will compile for one and fit into its memory.

    python scripts/tpu_check.py --topology=v5e-1 [flags of scripts/run_classifier.py]

`--pipeline=package.module:NAME` checks the steps of a
`runtime.preflight.workload.Pipeline` of your own. Exit code 0: everything compiles and
fits; 1: it does not.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

from absl import flags

from lstm_pretrain.classifier.settings import LstmClassifierSettings
from lstm_pretrain.language_model.settings import LanguageModelSettings
from runtime.devices.keras_backend import bind_keras
from runtime.devices.placement import Backend
from runtime.preflight import topologies
from runtime.preflight.compilation import ENVIRONMENT
from runtime.preflight.settings import CheckSettings
from runtime.preflight.workload import find_pipeline
from runtime.settings import flags_of
from scripts import command_line, console, flag_definitions
from tf_bert.classifier.settings import ClassifierSettings
from tf_bert.pairs.settings import BiEncoderSettings
from tf_bert.pretraining.settings import PretrainingSettings
from tf_bert.seq2seq.settings import Seq2SeqSettings

# The flags of pipelines that are known are, too, before any framework is loaded.
_PIPELINES: dict[str, tuple[type[Any], str]] = {
    "classifier": (ClassifierSettings, "tf_bert.classifier.workload:CLASSIFIER"),
    "pairs": (BiEncoderSettings, "tf_bert.pairs.workload:BI_ENCODER"),
    "pretraining": (PretrainingSettings, "tf_bert.pretraining.workload:PRETRAINING"),
    "seq2seq": (Seq2SeqSettings, "tf_bert.seq2seq.workload:SEQ2SEQ"),
    "lstm_language_model": (
        LanguageModelSettings,
        "lstm_pretrain.language_model.workload:LANGUAGE_MODEL",
    ),
    "lstm_classifier": (
        LstmClassifierSettings,
        "lstm_pretrain.classifier.workload:CLASSIFIER",
    ),
}
_WHERE = {name: place for name, (_, place) in _PIPELINES.items()}


def define_flags() -> None:
    """Defines the flags of the pipeline that the command line names."""
    early = command_line.peek(sys.argv, backend="jax", pipeline="classifier")
    os.environ.update(ENVIRONMENT)
    bind_keras(_backend(str(early["backend"])).value)
    name = str(early["pipeline"])
    if name in _PIPELINES:
        run_settings, _ = _PIPELINES[name]
    else:
        run_settings = find_pipeline(name, known=_WHERE).run_settings
    flag_definitions.define(run_settings)
    flag_definitions.define(CheckSettings, shared=flags_of(run_settings))


def main(argv: Sequence[str]) -> int:
    """Checks the steps that the flags describe; 0 where all is well."""
    del argv
    from runtime.preflight.check import TpuCheck
    from runtime.preflight.report import ReportOptions, TpuReport

    asked = flag_definitions.values(CheckSettings)
    pipeline = find_pipeline(asked.pipeline, known=_WHERE)
    check = TpuCheck(
        pipeline,
        flag_definitions.values(pipeline.settings),
        topology=topologies.find(asked.topology),
        backend=_backend(flags.FLAGS.backend.value),
        effort=asked.effort,
        cache_dir=asked.cache_dir,
    )
    wishes = ReportOptions(
        search=asked.search,
        train_examples=asked.train_examples,
        script=pipeline.script,
        flags=flag_definitions.given(pipeline.run_settings),
    )
    for line in (report := TpuReport(check, wishes)).lines():
        print(line, flush=True)
    return 0 if report.passed else 1


def _backend(name: str) -> Backend:
    return Backend.TENSORFLOW if name == Backend.TENSORFLOW.value else Backend.JAX


if __name__ == "__main__":
    sys.path.insert(0, "")  # for a pipeline of one's own, in the current folder
    console.run(main, define_flags=define_flags)
