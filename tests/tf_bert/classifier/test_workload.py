"""What is compiled without data is what a run with the same flags would compute."""

import keras
import pytest

from runtime.errors import SettingsError
from runtime.preflight.workload import BatchCut
from tf_bert.classifier import workload
from tf_bert.classifier.settings import BertClassifierStepSettings

SLICING = BatchCut(replicas=1, per_replica_batch=2)


@pytest.fixture
def trained(small_task):
    """Names of the weights that the compiled steps train."""

    def trained(part):
        settings = BertClassifierStepSettings(
            bert_config_file=f"{small_task.folder}/bert_config.json",
            max_seq_length=8,
            eval_batch_size=2,
            train=part,
        )
        model = workload.classifier_workload(settings, SLICING).build_model()
        assert isinstance(model, keras.Model)
        return {variable.path for variable in model.trainable_variables}

    return trained


def test_only_what_a_run_trains_is_trained(trained):
    everything, layers, head = trained("full"), trained("top:1"), trained("top:0")
    assert head < layers < everything
    assert not any("embeddings" in name for name in layers)
    assert any("layer_0" in name for name in layers)
    assert not any("layer_0" in name for name in head)


def test_what_no_run_trains_is_refused(trained):
    with pytest.raises(SettingsError, match="--train=top:2: the BERT has 1 layers"):
        trained("top:2")
    with pytest.raises(SettingsError, match="--train=head fits a logistic regression"):
        trained("head")
