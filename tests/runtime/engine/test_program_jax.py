"""What XLA is told of a step."""

import re

import jax
import numpy as np
import pytest
from jax.sharding import Mesh

from runtime.devices.placement import AttentionBy, Precision, StepOptions
from runtime.devices.placement_jax import REPLICA_AXIS
from runtime.engine import program_jax
from runtime.engine.engine import DROPOUT_SEED
from runtime.engine.objectives import ClassificationObjective
from runtime.engine.optimizer_settings import OptimizerSettings
from runtime.engine.program_jax import JaxProgram, TrainState
from runtime.kernels import attention
from tests.runtime.engine import engine_runs
from tf_bert.classifier.heads import BertClassifier

USUAL = StepOptions()
FASTER = StepOptions(deterministic=False)


@pytest.fixture
def step(monkeypatch):
    """Lowers the training step of a small BERT as for some kind of device."""

    def lower(platform, *, precision=Precision.FLOAT32, options=USUAL):
        monkeypatch.setattr(program_jax, "_platform", lambda _: platform)
        model = BertClassifier(engine_runs.SMALL, num_labels=engine_runs.LABELS)
        model.build_variables()
        program = JaxProgram(
            model,
            mesh=Mesh(np.array(jax.devices("cpu")[:1]), (REPLICA_AXIS,)),
            objective=ClassificationObjective(),
            optimizer=OptimizerSettings(learning_rate=1e-3, num_train_steps=1),
            precision=precision,
            options=options,
        )
        [blocks, *_] = engine_runs.small_calls(pad_to=engine_runs.PadTo.PACK)
        seeds = np.zeros((*blocks["loss_weight"].shape[:3], 2), np.int32)
        tree = TrainState(program.initial_weights(), program.initial_slots())
        return program.train.lower(
            tree, {**blocks, DROPOUT_SEED: seeds}, np.zeros(3, np.int32)
        )

    return lower


def precisions(lowered):
    """The precisions of the step's matrix products."""
    products = re.findall(r"stablehlo\.dot_general.*", lowered.as_text())
    assert products
    found = [re.search(r"precision = \[(\w+)", product) for product in products]
    return {match[1] if match else "DEFAULT" for match in found}


@pytest.mark.parametrize(
    ("platform", "precision", "asked"),
    [
        ("gpu", Precision.FLOAT32, "HIGHEST"),
        ("tpu", Precision.FLOAT32, "HIGHEST"),
        ("gpu", Precision.TF32, "HIGH"),
        ("gpu", Precision.BFLOAT16, "DEFAULT"),
        ("cpu", Precision.FLOAT32, "DEFAULT"),
    ],
)
def test_matrix_products_are_as_precise_as_asked(step, platform, precision, asked):
    model = step(platform, precision=precision, options=FASTER)
    assert precisions(model) == {asked}


def test_attention_is_plain_where_that_is_asked_for(step, monkeypatch):
    attended = []

    def kernel(*arrays, **options):
        attended.append(len(arrays))
        return attention.plain(*arrays, **options)

    monkeypatch.setattr(program_jax.attention_gpu_jax, "attend", kernel)
    step("gpu")
    assert attended
    attended.clear()
    step("gpu", options=StepOptions(attention=AttentionBy.PLAIN))
    step("cpu")
    assert not attended


def test_a_gpu_is_told_to_give_the_same_bits(step, monkeypatch):
    assert program_jax.DETERMINISTIC == {"xla_gpu_deterministic_ops": True}
    step("gpu").compile()
    monkeypatch.setattr(program_jax, "DETERMINISTIC", {"xla_gpu_no_such_option": True})
    with pytest.raises(jax.errors.JaxRuntimeError, match="xla_gpu_no_such_option"):
        step("gpu").compile()
    step("gpu", options=FASTER).compile()
    step("cpu").compile()


def added_rows(lowered):
    """The step's additions of rows to a table, of which two may be of one entry."""
    scatters = re.findall(r"stablehlo\.scatter\"\(.*", lowered.as_text())
    return [each for each in scatters if "unique_indices = true" not in each]


def test_a_gpu_that_repeats_its_bits_adds_no_rows_to_a_table(step):
    assert added_rows(step("gpu", options=FASTER))
    assert not added_rows(step("gpu"))
