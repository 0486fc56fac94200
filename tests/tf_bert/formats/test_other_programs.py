"""The other programs themselves, beside ours: what each writes the other reads.

Needs `pip install -e '.[test-parity]'`; everything is made here, nothing downloaded.
"""

import math

import numpy as np
import pytest

from tf_bert.formats import find, hugging_face
from tf_bert.formats.convert import Conversion, convert
from tf_bert.formats.names import WeightsFormat

pytestmark = [
    pytest.mark.slow,
    # transformers and keras-hub warn of their own dependencies.
    pytest.mark.filterwarnings("default"),
]

OUTPUT = 2e-5  # absolute


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


@pytest.fixture(scope="module")
def transformers():
    return pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def keras_hub():
    return pytest.importorskip("keras_hub")


@pytest.fixture
def rows(golden):
    """Four rows of google-research/bert's golden batch."""
    names = ("input_ids", "segment_ids", "input_mask")
    return {name: golden[name][0][:4].astype(np.int32) for name in names}


def carry(source, output, to, **settings):
    convert(
        Conversion(
            input=str(source),
            output=str(output),
            to=to,
            do_lower_case=True,
            **settings,
        )
    )
    return str(output)


def load(transformers, kind, folder):
    """A model of theirs, all of whose weights come from the folder."""
    loader = getattr(transformers, kind)
    model, info = loader.from_pretrained(
        folder, output_loading_info=True, attn_implementation="eager"
    )
    assert not info["missing_keys"]
    assert not info["mismatched_keys"]
    return model.eval()


def ask(torch, model, rows):
    with torch.no_grad():
        return model(
            input_ids=torch.tensor(rows["input_ids"].astype(np.int64)),
            token_type_ids=torch.tensor(rows["segment_ids"].astype(np.int64)),
            attention_mask=torch.tensor(rows["input_mask"].astype(np.int64)),
        )


def ask_keras_hub(model, rows):
    return model(
        {
            "token_ids": rows["input_ids"],
            "segment_ids": rows["segment_ids"],
            "padding_mask": rows["input_mask"],
        }
    )


# Hugging Face ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["BertModel", "BertForPreTraining", "BertForMaskedLM"])
def test_transformers_reads_a_converted_tensorflow_checkpoint(
    torch, transformers, golden, golden_dir, rows, tmp_path, kind
):
    folder = carry(
        f"{golden_dir}/bert_model.ckpt", tmp_path, WeightsFormat.HUGGING_FACE
    )
    model = load(transformers, kind, folder)
    found = ask(torch, getattr(model, "bert", model), rows).last_hidden_state.numpy()
    mask = rows["input_mask"] > 0
    assert np.abs(found - golden["sequence_output"][:4])[mask].max() <= OUTPUT


def test_transformers_computes_the_originals_masked_lm(
    torch, transformers, golden, golden_dir, rows, tmp_path
):
    folder = carry(
        f"{golden_dir}/bert_model.ckpt", tmp_path, WeightsFormat.HUGGING_FACE
    )
    model = load(transformers, "BertForPreTraining", folder)
    logits = ask(torch, model, rows).prediction_logits
    places = torch.tensor(golden["masked_lm_positions"][0][:4].astype(np.int64))
    picked = torch.gather(logits, 1, places[..., None].expand(-1, -1, logits.shape[-1]))
    found = torch.log_softmax(picked, dim=-1).numpy()
    expected = golden["mlm_log_probs_first8"]
    found = found.reshape(-1, found.shape[-1])[: len(expected)]
    assert np.abs(found - expected.reshape(found.shape)).max() <= 1e-4


def test_transformers_reads_a_classifier(
    torch, transformers, golden_dir, keras_hub_dir, keras_hub_golden, tmp_path
):
    folder = carry(keras_hub_dir, tmp_path, WeightsFormat.HUGGING_FACE)
    model = load(transformers, "BertForSequenceClassification", folder)
    found = ask(torch, model, keras_hub_golden).logits.numpy()
    assert np.abs(found - keras_hub_golden["logits"]).max() <= OUTPUT
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    assert tokenizer.tokenize("W3 w44 x") == ["w3", "w44", "[UNK]"]


def test_transformers_reads_our_shards(
    torch, transformers, hugging_face_dir, hugging_face_golden, tmp_path
):
    source = find.open_source(f"{hugging_face_dir}/classifier")
    hugging_face.write(
        str(tmp_path),
        source,
        names=list(source.shapes()),
        config=source.config,
        special=source.special_ids,
        shard_bytes=4000,
    )
    assert (tmp_path / "model-00002-of-00007.safetensors").exists()
    model = load(transformers, "BertForSequenceClassification", str(tmp_path))
    found = ask(torch, model, hugging_face_golden).logits.numpy()
    assert np.abs(found - hugging_face_golden["classifier/logits"]).max() <= OUTPUT


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_what_transformers_stores_in_half_the_bits(
    torch, transformers, hugging_face_dir, tmp_path, dtype
):
    model = load(
        transformers, "BertForSequenceClassification", f"{hugging_face_dir}/classifier"
    ).to(getattr(torch, dtype))
    model.save_pretrained(tmp_path, max_shard_size="4KB")
    source = find.open_source(str(tmp_path))
    for name in ("bert/embeddings/word_embeddings", "output_weights"):
        theirs = {
            "bert/embeddings/word_embeddings": model.bert.embeddings.word_embeddings,
            "output_weights": model.classifier,
        }[name].weight
        np.testing.assert_array_equal(
            source.read(name), theirs.detach().float().numpy()
        )


# KerasHub ----------------------------------------------------------------------------


def test_keras_hub_reads_a_converted_tensorflow_checkpoint(
    keras_hub, golden, golden_dir, rows, tmp_path
):
    folder = carry(f"{golden_dir}/bert_model.ckpt", tmp_path, WeightsFormat.KERAS_HUB)
    backbone = keras_hub.models.Backbone.from_preset(folder)
    found = ask_keras_hub(backbone, rows)
    mask = rows["input_mask"] > 0
    sequence = np.asarray(found["sequence_output"]) - golden["sequence_output"][:4]
    assert np.abs(sequence)[mask].max() <= OUTPUT
    pooled = np.asarray(found["pooled_output"]) - golden["pooled_output"][:4]
    assert np.abs(pooled).max() <= OUTPUT


def test_keras_hub_has_the_masked_lm_head(
    keras_hub, golden, golden_dir, rows, tmp_path
):
    """Its head is erf GELU with epsilon 1e-5, unlike the encoder below it."""
    folder = carry(
        f"{golden_dir}/bert_model.ckpt",
        tmp_path,
        WeightsFormat.KERAS_HUB,
        allow_inexact=True,
    )
    places = golden["masked_lm_positions"][0][:4]
    model = keras_hub.models.MaskedLM.from_preset(folder)
    logits = np.asarray(
        model(
            {
                "token_ids": rows["input_ids"],
                "segment_ids": rows["segment_ids"],
                "padding_mask": rows["input_mask"],
                "mask_positions": places,
            }
        )
    )
    read = find.open_source(f"{golden_dir}/bert_model.ckpt").read
    top = "cls/predictions/transform"
    hidden = np.take_along_axis(
        golden["sequence_output"][:4].astype(np.float64), places[..., None], axis=1
    )
    wide = hidden @ read(f"{top}/dense/kernel") + read(f"{top}/dense/bias")
    wide = 0.5 * wide * (1 + np.vectorize(math.erf)(wide / np.sqrt(2)))
    wide -= wide.mean(axis=-1, keepdims=True)
    wide /= np.sqrt((wide**2).mean(axis=-1, keepdims=True) + 1e-5)
    wide = wide * read(f"{top}/LayerNorm/gamma") + read(f"{top}/LayerNorm/beta")
    words = read("bert/embeddings/word_embeddings")
    expected = wide @ words.T + read("cls/predictions/output_bias")
    assert np.abs(logits - expected).max() <= 1e-4


def test_keras_hub_reads_a_classifier(
    keras_hub, outputs_of, golden_dir, hugging_face_golden, keras_hub_dir, tmp_path
):
    there = carry(keras_hub_dir, tmp_path / "there", WeightsFormat.HUGGING_FACE)
    back = carry(there, tmp_path / "back", WeightsFormat.KERAS_HUB)
    model = keras_hub.models.TextClassifier.from_preset(back)
    found = np.asarray(ask_keras_hub(model, hugging_face_golden))
    ours = outputs_of(keras_hub_dir, hugging_face_golden)["logits"]
    assert np.abs(found - ours).max() <= OUTPUT
    assert model.predict(["w3 w44"]).shape == (1, 3)


def test_what_keras_hub_stores_in_half_the_bits(keras_hub, keras_hub_dir, tmp_path):
    backbone = keras_hub.models.Backbone.from_preset(keras_hub_dir, dtype="bfloat16")
    backbone.save_to_preset(str(tmp_path))
    found = find.open_source(str(tmp_path)).read("bert/pooler/dense/kernel")
    theirs = backbone.get_layer("pooled_dense").kernel
    np.testing.assert_array_equal(found, np.asarray(theirs).astype(np.float32))
