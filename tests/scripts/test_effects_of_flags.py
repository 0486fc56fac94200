"""Each flag that a script defines is read by code that the script reaches.

What checks a value, counts it or writes it down does nothing with it.
"""

import ast
import dataclasses
import re

import pytest

from lstm_pretrain.classifier.settings import (
    ClassifierStepSettings,
    LstmClassifierSettings,
)
from lstm_pretrain.experiment.settings import ExperimentSettings
from lstm_pretrain.language_model.settings import (
    LanguageModelSettings,
    LanguageModelStepSettings,
)
from lstm_pretrain.model.config import LstmConfig
from pipelines.classification.conversion import ConversionSettings
from pipelines.classification.seeds import SeedSettings
from pipelines.exporting.settings import ExportSettings
from pipelines.serving.serve_settings import ServeSettings
from pipelines.serving.settings import PredictionSettings
from processors.pretraining.settings import PretrainingDataSettings
from processors.tasks.table_options import TableOptions
from processors.tokenization.trainer import TrainingSettings
from runtime.doctor.diagnosis import DoctorSettings
from runtime.preflight.settings import CheckSettings
from runtime.settings import flags_of
from runtime.tracking.settings import TrackSettings
from scripts import (
    convert_checkpoint,
    make_aozora_corpus,
    make_authors_data,
    make_bundled_model,
    make_company_news,
    report,
)
from tests.scripts.conftest import scripts
from tests.scripts.reached_code import Reached, clear_caches
from tf_bert.classifier.settings import BertClassifierStepSettings
from tf_bert.pairs.scoring_settings import ScoringSettings
from tf_bert.pairs.settings import BiEncoderSettings, BiEncoderStepSettings
from tf_bert.pretraining.settings import PretrainingSettings, PretrainingStepSettings
from tf_bert.seq2seq.generation.settings import WritingSettings
from tf_bert.seq2seq.settings import Seq2SeqSettings, Seq2SeqStepSettings
from tf_bert.vectors.settings import ExtractionSettings

SETTINGS = {
    "convert_checkpoint": convert_checkpoint.CheckpointConversionSettings,
    "create_pretraining_data": PretrainingDataSettings,
    "create_tfrecords": ConversionSettings,
    "doctor": DoctorSettings,
    "export_model": ExportSettings,
    "extract_features": ExtractionSettings,
    "generate": WritingSettings,
    "finetune_lstm": LstmClassifierSettings,
    "lstm_experiment": ExperimentSettings,
    "make_aozora_corpus": make_aozora_corpus.AozoraCorpusSettings,
    "make_authors_data": make_authors_data.AuthorsSettings,
    "make_bundled_model": make_bundled_model.BundleSettings,
    "make_company_news": make_company_news.CompanyNewsSettings,
    "predict": PredictionSettings,
    "pretrain_lstm": LanguageModelSettings,
    "run_classifier": BiEncoderSettings,  # with those of either architecture
    "run_pretraining": PretrainingSettings,
    "score_pairs": ScoringSettings,
    "run_seq2seq": Seq2SeqSettings,
    "report": report.ReportSettings,
    "serve": ServeSettings,
    "train_tokenizer": TrainingSettings,
    # Shows the flags of a run in the command to start it; these are its own.
    "tpu_check": CheckSettings,
}

STEPS = [
    ("tf_bert.classifier.workload", BertClassifierStepSettings, set()),
    ("tf_bert.pairs.workload", BiEncoderStepSettings, set()),
    ("tf_bert.pretraining.workload", PretrainingStepSettings, set()),
    ("tf_bert.seq2seq.workload", Seq2SeqStepSettings, set()),
    ("lstm_pretrain.classifier.workload", ClassifierStepSettings, set()),
    # A task may have labels; a language model does not learn them.
    ("lstm_pretrain.language_model.workload", LanguageModelStepSettings, {"labels"}),
]

# Settings that a script makes of those that its flags make.
MADE = {"lstm_experiment": LanguageModelSettings}

# What a script is told besides.
BESIDES = {
    "run_classifier": (SeedSettings, TrackSettings),
    "finetune_lstm": (SeedSettings, TrackSettings),
    "run_pretraining": (TrackSettings,),
    "pretrain_lstm": (TrackSettings,),
}

# Read where it is checked: `mlm_prob` is put into `masked_lm_prob`.
EXCUSED = {"create_pretraining_data": {"mlm_prob"}}

# The check has its own of the first two, compiles no prediction, and its examples are
# all of one length.
NOT_OF_STEPS = {"accelerator", "backend", "predict_batch_size", "group_by_length"}

NO_EFFECT = re.compile(r"problems$|^_missing$|^_counts$|^__post_init__$|^as_json$")
# What code calls the settings of a run.
CALLED = {"settings", "_settings", "asked", "self"}


def names_read(units, *, kinds):
    """Attributes of settings, and names by which `getattr` may read them."""
    found = set()
    for unit in units:
        for node in unit.nodes:
            if isinstance(node, ast.Attribute) and is_settings(node.value, unit, kinds):
                found.add(node.attr)
            elif isinstance(node, ast.Constant) and unit.name:
                found.add(node.value)
    return found


def is_settings(node, unit, kinds):
    if isinstance(node, ast.Name) and node.id == "self":
        return unit.owner in kinds
    name = getattr(node, "attr", None) or getattr(node, "id", None)
    return name in CALLED


def unread(modules, *kinds):
    """Fields of the first settings that nothing of what is reached reads.

    Those of the others are the same, handed on.
    """
    settings = kinds[0]
    units = Reached(modules, ignored=lambda name: bool(NO_EFFECT.search(name))).units
    names = {base.__name__ for kind in kinds for base in kind.__mro__}
    read = names_read(units, kinds=names)
    called = {unit.name for unit in units}
    if "table_options" in called:  # hands them on by `getattr`
        read |= {field.name for field in dataclasses.fields(TableOptions)}
    if "asked_sizes" in called:
        read |= {field.name for field in dataclasses.fields(LstmConfig)}
    return {field.name for field in flags_of(settings).values()} - read


@pytest.mark.parametrize("script", SETTINGS)
def test_every_flag_is_read(script):
    kinds = [SETTINGS[script], *filter(None, [MADE.get(script)])]
    found = unread([f"scripts.{script}"], *kinds)
    assert found - EXCUSED.get(script, set()) == set()


@pytest.mark.parametrize("script", BESIDES)
def test_every_flag_besides_is_read(script):
    for settings in BESIDES[script]:
        assert unread([f"scripts.{script}"], settings) == set()


@pytest.mark.parametrize(("module", "settings", "excused"), STEPS)
def test_every_setting_of_compiled_steps_is_read(module, settings, excused):
    checks = ["runtime.preflight.check", "runtime.preflight.report"]
    assert unread([module, *checks], settings) <= NOT_OF_STEPS | excused


def test_no_script_and_no_flag_is_left_out(script_flags):
    assert set(SETTINGS) == {path[len("scripts/") : -len(".py")] for path in scripts()}
    for script, settings in SETTINGS.items():
        defined = set(script_flags[f"scripts/{script}.py"]["flags"])
        others = {"preset"} if script == "lstm_experiment" else set()
        others.update(*(flags_of(kind) for kind in BESIDES.get(script, ())))
        others |= {"master", "use_one_hot_embeddings"} & defined  # retired
        if script != "tpu_check":
            assert defined == set(flags_of(settings)) | others, script


@dataclasses.dataclass
class Example:
    number: int = 1


class TestTheRuleItself:
    """A rule that cannot fail holds nothing."""

    @pytest.fixture
    def reads(self, tmp_path, monkeypatch):
        monkeypatch.setattr("tests.scripts.reached_code.ROOT", str(tmp_path))

        def reads(**sources):
            for name, source in sources.items():
                (tmp_path / f"{name}.py").write_text(source)
            clear_caches()
            units = Reached(["start"], ignored=lambda name: name == "problems").units
            clear_caches()
            return names_read(units, kinds={"Example"})

        return reads

    def test_what_a_called_function_reads(self, reads):
        start = "import other\ndef main(settings):\n    other.run(settings)"
        other = "def run(settings):\n    print(settings.number)"
        assert "number" in reads(start=start, other=other)

    def test_what_a_function_that_nobody_calls_reads(self, reads):
        start = "import other\ndef main(settings):\n    other.run(settings)"
        other = "def run(settings): pass\ndef more(settings):\n    settings.number"
        assert "number" not in reads(start=start, other=other)

    def test_what_a_method_reads(self, reads):
        start = "from other import Run\ndef main(settings):\n    Run(settings).train()"
        other = (
            "class Run:\n    def train(self):\n        self._settings.number\n"
            "class Idle:\n    def train(self):\n        self._settings.text\n"
        )
        assert reads(start=start, other=other) >= {"number"}
        assert "text" not in reads(start=start, other=other)

    def test_what_a_check_reads(self, reads):
        start = "def problems(settings):\n    settings.number"
        assert "number" not in reads(start=start)

    def test_what_others_are_called(self, reads):
        assert "number" not in reads(start="def main(batch):\n    batch.number")
