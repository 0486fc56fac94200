"""A task that a tiny encoder-decoder learns: a title is the start of its text."""

import json

import numpy as np

CHARACTERS = "山川空海森風月日雲雪"
TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *CHARACTERS)
CONFIG = {
    "vocab_size": len(TOKENS),
    "hidden_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 32,
    "type_vocab_size": 2,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
    "initializer_range": 0.1,
}
SIZES = {"train": 96, "dev": 21, "test": 10}


def write(folder, *, config=CONFIG, tokens=TOKENS):
    """Writes data, vocabulary and sizes; returns what a run is told of them."""
    random = np.random.RandomState(0)
    for split, count in SIZES.items():
        rows = []
        for _ in range(count):
            text = "".join(random.choice(list(CHARACTERS), random.randint(4, 14)))
            rows.append({"story": text, "title": text[: random.randint(2, 4)]})
        lines = [json.dumps(row, ensure_ascii=False) for row in rows]
        (folder / f"{split}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (folder / "vocab.txt").write_text("\n".join(tokens) + "\n", encoding="utf-8")
    (folder / "bert_config.json").write_text(json.dumps(config))
    return {
        "task_name": "jsonl",
        "data_dir": str(folder),
        "text_a": "story",
        "text_b": "title",
        "vocab_file": str(folder / "vocab.txt"),
        "bert_config_file": str(folder / "bert_config.json"),
        "max_seq_length": 16,
        "max_target_length": 6,
        "train_batch_size": 16,
        "learning_rate": 5e-3,
        "num_beams": 2,
        "output_dir": str(folder / "out"),
    }
