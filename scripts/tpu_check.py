"""Says without a TPU whether a run will compile for one and fit into its memory.

    python scripts/tpu_check.py --topology=v5e-1 [flags of scripts/run_classifier.py]

`--pipeline=package.module:NAME` checks the steps of a `runtime.workload.Pipeline` of
your own. Exit code 0: everything compiles and fits; 1: it does not.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from absl import flags

from runtime import storage
from runtime.placement import Backend, bind_keras
from runtime.preflight import topologies
from runtime.preflight.compilation import ENVIRONMENT, Effort
from runtime.workload import find_pipeline
from scripts import console, flag_definitions

_PIPELINES = {
    "classifier": "tf_bert.workload:CLASSIFIER",
    "lstm_language_model": "lstm_pretrain.workload:LANGUAGE_MODEL",
    "lstm_classifier": "lstm_pretrain.workload:CLASSIFIER",
}

_TOPOLOGY = flags.DEFINE_string(
    "topology", "v5e-1", f"The TPU: {', '.join(topologies.TOPOLOGIES)}."
)
_SEARCH = flags.DEFINE_bool("search", True, "Whether to look for the largest batch.")
_EXAMPLES = flags.DEFINE_integer(
    "train_examples", None, "Training examples, to bound the time of the whole run."
)
_EFFORT = flags.DEFINE_enum_class(
    "effort",
    Effort.QUICK,
    Effort,
    "quick compiles in less than half the time, to up to a tenth more memory.",
)
_CACHE = storage.user_cache("tpu_check")
_CACHE_DIR = flags.DEFINE_string("cache_dir", _CACHE, "Where answers are kept.")


def define_flags() -> None:
    """Defines the flags of the pipeline that the command line names."""
    early = flags.FlagValues()  # type: ignore[no-untyped-call]
    flags.DEFINE_string("backend", Backend.JAX.value, "", flag_values=early)
    _define_pipeline(early)
    early(sys.argv, known_only=True)
    os.environ.update(ENVIRONMENT)
    # Keras takes its backend from here when the pipeline imports it.
    bind_keras(_backend(early.backend))
    _define_pipeline(flags.FLAGS)
    flag_definitions.define(
        find_pipeline(early.pipeline, known=_PIPELINES).run_settings
    )


def main(argv: Sequence[str]) -> int:
    """Checks the steps that the flags describe; 0 where all is well."""
    del argv
    from runtime.preflight.check import TpuCheck
    from runtime.preflight.report import TpuReport, Wishes

    pipeline = find_pipeline(flags.FLAGS.pipeline, known=_PIPELINES)
    check = TpuCheck(
        pipeline,
        flag_definitions.values(pipeline.settings),
        topology=topologies.find(_TOPOLOGY.value),
        backend=_backend(flags.FLAGS.backend.value),
        effort=_EFFORT.value,
        cache_dir=_CACHE_DIR.value,
    )
    wishes = Wishes(
        search=_SEARCH.value,
        train_examples=_EXAMPLES.value,
        script=pipeline.script,
        flags=flag_definitions.given(pipeline.run_settings),
    )
    for line in (report := TpuReport(check, wishes)).lines():
        print(line, flush=True)
    return 0 if report.passed else 1


def _define_pipeline(values: flags.FlagValues) -> None:
    text = f"Whose steps: {', '.join(_PIPELINES)}, or package.module:NAME of your own."
    flags.DEFINE_string("pipeline", "classifier", text, flag_values=values)


def _backend(name: str) -> Backend:
    return Backend.TENSORFLOW if name == Backend.TENSORFLOW.value else Backend.JAX


if __name__ == "__main__":
    sys.path.insert(0, "")  # for a pipeline of one's own, in the current folder
    console.run(main, define_flags=define_flags)
