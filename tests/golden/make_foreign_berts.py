"""Makes the folders huggingface_bert_tiny and kerashub_bert_tiny beside this file.

    pip install torch transformers keras-hub tensorflow
    python tests/golden/make_foreign_berts.py

Their README.txt say what is in them. Random weights, nothing downloaded.
"""

import os
import sys

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"w{n}" for n in range(45))]
LENGTHS = (12, 9, 5, 12)
LABELS = ("cold", "mild", "hot")


def inputs(*, segments):
    """Rows of random ids, padded with 0."""
    random = np.random.default_rng(7)
    ids = np.zeros((len(LENGTHS), max(LENGTHS)), np.int32)
    types, mask = np.zeros_like(ids), np.zeros_like(ids)
    for row, length in enumerate(LENGTHS):
        ids[row, :length] = [2, *random.integers(5, 50, length - 2), 3]
        types[row, length // 2 : length] = segments - 1
        mask[row, :length] = 1
    return {"input_ids": ids, "segment_ids": types, "input_mask": mask}


def make_huggingface(folder):
    import torch
    import transformers

    config = transformers.BertConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=24,
        max_position_embeddings=20,
        type_vocab_size=3,
        layer_norm_eps=1e-5,
        id2label=dict(enumerate(LABELS)),
        label2id={label: number for number, label in enumerate(LABELS)},
    )
    batch = inputs(segments=3)
    asked = {
        "input_ids": torch.tensor(batch["input_ids"].astype(np.int64)),
        "token_type_ids": torch.tensor(batch["segment_ids"].astype(np.int64)),
        "attention_mask": torch.tensor(batch["input_mask"].astype(np.int64)),
    }
    found = dict(batch)
    for kind, name, wanted in (
        (transformers.BertForSequenceClassification, "classifier", ["logits"]),
        (
            transformers.BertForPreTraining,
            "pretraining",
            ["prediction_logits", "seq_relationship_logits"],
        ),
    ):
        torch.manual_seed(len(name))
        model = kind._from_config(config, attn_implementation="eager").eval()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(0.3 * torch.randn(parameter.shape))
            outputs = {**model.bert(**asked), **model(**asked)}
        model.save_pretrained(os.path.join(folder, name))
        for output in ("last_hidden_state", "pooler_output", *wanted):
            found[f"{name}/{output}"] = outputs[output].numpy()
    np.savez_compressed(os.path.join(folder, "golden.npz"), **found)


def make_kerashub(folder):
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    import keras
    import keras_hub

    keras.utils.set_random_seed(3)
    tokenizer = keras_hub.models.BertTokenizer(vocabulary=WORDS, lowercase=True)
    backbone = keras_hub.models.BertBackbone(
        vocabulary_size=len(WORDS),
        num_layers=2,
        num_heads=4,
        hidden_dim=16,
        intermediate_dim=24,
        max_sequence_length=20,
        num_segments=3,
    )
    classifier = keras_hub.models.BertTextClassifier(
        backbone=backbone,
        num_classes=len(LABELS),
        preprocessor=keras_hub.models.BertTextClassifierPreprocessor(
            tokenizer, sequence_length=max(LENGTHS)
        ),
    )
    random = np.random.default_rng(5)
    for variable in classifier.trainable_variables:
        noise = 0.3 * random.standard_normal(variable.shape)
        variable.assign_add(noise.astype(np.float32))
    batch = inputs(segments=3)
    asked = {
        "token_ids": batch["input_ids"],
        "segment_ids": batch["segment_ids"],
        "padding_mask": batch["input_mask"],
    }
    classifier.save_to_preset(folder)
    found = {name: np.asarray(value) for name, value in backbone(asked).items()}
    found["logits"] = np.asarray(classifier(asked))
    np.savez_compressed(os.path.join(folder, "golden.npz"), **batch, **found)


if __name__ == "__main__":
    for make, name in (
        (make_huggingface, "huggingface_bert_tiny"),
        (make_kerashub, "kerashub_bert_tiny"),
    ):
        if name in sys.argv[1:] or len(sys.argv) == 1:
            make(os.path.join(HERE, name))
