"""What a backend must be told before it starts, and what many tests share."""

import functools
import json
import os
import zlib

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
# Where the TPU's compiler is installed, JAX would look for a TPU.
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import numpy as np
import pytest

from runtime.devices.placement import Accelerator, Backend, Precision, place
from tests import fake_bucket as fake

GOLDEN = os.path.join(os.path.dirname(__file__), "golden/tf1_bert_tiny")
REPLICAS = 8
BACKEND = Backend(os.environ["KERAS_BACKEND"])

# A process has one backend; these files are about the other's.
collect_ignore_glob = ["*_tf.py"] if BACKEND is Backend.JAX else ["*_jax.py"]


# Fixtures by which a test runs on the backend.
BACKEND_FIXTURES = {"backend", "compiler", "gradients", "place_on"}


def pytest_addoption(parser):
    parser.addoption(
        "--backend-tests",
        action="store_true",
        help="only tests whose outcome depends on Keras' backend",
    )


# Kept from instructions that the processor has, TensorFlow's own bfloat16 products end
# in a segmentation fault: `tf.matmul` alone does, with TensorFlow 2.21 and AVX2.
NO_BFLOAT16 = BACKEND is Backend.TENSORFLOW and "ONEDNN_MAX_CPU_ISA" in os.environ


def pytest_collection_modifyitems(config, items):
    for item in items:
        if NO_BFLOAT16 and "bfloat16" in item.nodeid:
            item.add_marker(pytest.mark.skip(reason="ONEDNN_MAX_CPU_ISA is set"))
    if not config.getoption("--backend-tests"):
        return
    chosen = [item for item in items if depends_on_backend(item)]
    config.hook.pytest_deselected(items=[i for i in items if i not in set(chosen)])
    items[:] = chosen


def depends_on_backend(item):
    return (
        hasattr(item.module, "keras")
        or item.path.stem.endswith(f"_{BACKEND.value}")
        or not BACKEND_FIXTURES.isdisjoint(item.fixturenames)
    )


def keep_compilations():
    """On JAX most of the time is compilation: where it is kept, a run takes a third.

    Programs are made for the instructions of one CPU, so each kind has its folder.
    """
    told = os.environ.get("XLA_FLAGS", "")
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            told += next((line for line in file if line.startswith("flags")), "")
    name = f"../.pytest_cache/jax-{zlib.crc32(told.encode()):08x}"
    folder = os.path.join(os.path.dirname(__file__), name)
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", folder)


def make_virtual_devices():
    """Splits the CPU in eight, which can only be done before the backend starts."""
    if BACKEND is Backend.JAX:
        flags = os.environ.get("XLA_FLAGS", "")
        count = f"--xla_force_host_platform_device_count={REPLICAS}"
        os.environ["XLA_FLAGS"] = f"{flags} {count}".strip()
        return
    import tensorflow as tf

    [cpu] = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * REPLICAS
    )


keep_compilations()
make_virtual_devices()


@pytest.fixture(scope="session", autouse=True)
def dictionary_copies(tmp_path_factory):
    """Keeps the copies of MeCab's dictionaries of the tests out of the user's cache."""
    from processors.tokenization import mecab_copy

    with pytest.MonkeyPatch.context() as patch:
        elsewhere = functools.partial(
            mecab_copy.find_or_make, cache=str(tmp_path_factory.mktemp("copies"))
        )
        patch.setattr(mecab_copy, "find_or_make", elsewhere)
        yield


@pytest.fixture(scope="session")
def backend():
    """The backend that the whole session runs on."""
    return BACKEND


@pytest.fixture(scope="session")
def place_on():
    """Makes a placement on one virtual CPU or on all eight.

    TensorFlow's collective operations take but one number of replicas a process.
    """

    def make(replicas=1, *, precision=Precision.FLOAT32):
        return place(
            Accelerator.CPU,
            backend=BACKEND,
            precision=precision,
            devices=[f"CPU:{index}" for index in range(replicas)],
        )

    return make


@pytest.fixture(scope="session")
def golden():
    """What google-research/bert computed; see golden/tf1_bert_tiny/README.txt."""
    with np.load(os.path.join(GOLDEN, "golden.npz")) as file:
        return dict(file)


@pytest.fixture(scope="session")
def golden_dir():
    """Folder of google-research/bert's checkpoints and numbers."""
    return GOLDEN


@pytest.fixture(scope="session")
def gradients():
    """Differentiates: `gradients(function, *arrays)` gives one array for each."""
    return _tensorflow_gradients if BACKEND is Backend.TENSORFLOW else _jax_gradients


def _tensorflow_gradients(function, *values):
    import tensorflow as tf

    tensors = [tf.convert_to_tensor(value) for value in values]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        result = function(*tensors)
    return [tf.convert_to_tensor(g).numpy() for g in tape.gradient(result, tensors)]


def _jax_gradients(function, *values):
    import jax

    found = jax.grad(function, argnums=tuple(range(len(values))))(*values)
    return [np.asarray(each) for each in found]


@pytest.fixture
def fake_bucket(monkeypatch):
    """A bucket `my-bucket` on the loopback that gs:// paths lead to."""
    pytest.importorskip("google.cloud.storage")
    with fake.serve() as server:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.address)
        monkeypatch.delenv("GOOGLE_CLOUD_PROJECT", raising=False)
        yield server


@pytest.fixture(scope="session")
def compiler():
    """What makes kernels on the backend; JAX compiles whole steps instead."""
    if BACKEND is Backend.TENSORFLOW:
        from runtime.kernels import fusion_tf

        return fusion_tf
    return JitCompiler


class JitCompiler:
    """Each function by itself, as a stand-in for the whole step."""

    @staticmethod
    def fused(function):
        import jax

        return jax.jit(function)

    kernel = fused


class SmallTask:
    """A folder with a `tsv` task on pairs, its vocabulary and a very small BERT.

    The first text of an example names its label among random words.
    """

    labels = ("hot", "cold", "mild")

    def __init__(self, folder):
        self.folder = folder
        self.counts = {"train": 90, "dev": 67, "test": 11}
        self.words = [f"w{number}" for number in range(40)]
        special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        self.vocabulary = [*special, *self.labels, *self.words]
        self.sizes = {
            "vocab_size": len(self.vocabulary),
            "hidden_size": 16,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "intermediate_size": 32,
            "max_position_embeddings": 24,
            "type_vocab_size": 2,
            "initializer_range": 0.1,
        }

    def settings(self):
        """What the task and the model take, by flag."""
        return {
            "task_name": "tsv",
            "data_dir": self.folder,
            "text_b": "second",
            "labels": self.labels,
            "vocab_file": f"{self.folder}/vocab.txt",
            "bert_config_file": f"{self.folder}/bert_config.json",
            "max_seq_length": 16,
        }

    def write(self):
        for seed, split in enumerate(self.counts):
            self.write_split(f"{self.folder}/{split}.tsv", split=split, seed=seed)
        with open(f"{self.folder}/vocab.txt", "w", encoding="utf-8") as file:
            file.write("\n".join(self.vocabulary) + "\n")
        with open(f"{self.folder}/bert_config.json", "w", encoding="utf-8") as file:
            json.dump(self.sizes, file)

    def write_split(self, path, *, split, seed, columns=("text", "second", "label")):
        random = np.random.default_rng(seed)
        lines = ["\t".join(columns)]
        for _ in range(self.counts[split]):
            label = str(random.choice(self.labels))
            words = random.choice(self.words, random.integers(1, 8))
            cells = {
                "text": " ".join([label, *words]),
                "second": " ".join(random.choice(self.words, 3)),
                "label": label,
            }
            lines.append("\t".join(cells[name] for name in columns))
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")


@pytest.fixture(scope="session")
def small_task(tmp_path_factory):
    """A task that a run finishes within seconds; not to be changed."""
    task = SmallTask(str(tmp_path_factory.mktemp("small_task")))
    task.write()
    return task
