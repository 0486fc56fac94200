import numpy as np
import pytest

from processors.batches.batch_shape import BatchShape, PadTo
from processors.batches.batches import EvalBatches, stack
from processors.batches.features import Features
from processors.batches.token_dataset import TokenDataset
from processors.tokenization.units import Units

VOCABULARY = 23


@pytest.fixture(scope="session")
def texts():
    """Token ids of 12 texts of 2 to 9 tokens, labelled in turn."""
    random = np.random.default_rng(3)
    rows = []
    for number in range(12):
        ids = random.integers(1, VOCABULARY, random.integers(2, 10)).astype(np.int32)
        rows.append(Features(ids, np.zeros_like(ids), number % 3))
    return TokenDataset.from_features(rows)


@pytest.fixture(scope="session")
def arrays_of(texts):
    """The 12 texts as batch arrays `[1, 1, 1, ...]`, padded in some way to 16."""

    def make(pad_to):
        shape = BatchShape(per_replica_batch=12, max_seq_length=16, pad_to=pad_to)
        return stack(list(EvalBatches(texts, shape=shape)))

    return make


@pytest.fixture(scope="session")
def words_task(tmp_path_factory):
    """A folder with a `tsv` task whose first word names the label."""
    folder = tmp_path_factory.mktemp("words_task")
    random = np.random.default_rng(0)
    words = [f"w{number}" for number in range(30)]
    for split, count in {"train": 60, "dev": 30, "test": 20}.items():
        lines = ["text\tlabel"]
        for number in range(count):
            label = ("cold", "hot")[number % 2]
            chosen = random.choice(words, random.integers(2, 9))
            lines.append(f"{label} {' '.join(chosen)}\t{label}")
        (folder / f"{split}.tsv").write_text("\n".join(lines) + "\n")
    return {
        "task_name": "tsv",
        "data_dir": str(folder),
        "units": Units.WHITESPACE,
        "max_seq_length": 12,
        "embedding_size": 6,
        "hidden_size": 8,
        "train_batch_size": 8,
        "eval_batch_size": 8,
        "pad_to": PadTo.MAX,  # one shape, one compilation
    }
