import os
import shutil
import struct

import google_crc32c
import numpy as np
import pytest

from runtime.errors import CheckpointError
from runtime.files import tf_checkpoint
from runtime.files.protobuf import field_bytes, field_varint
from runtime.files.tf_checkpoint import TensorBundle
from runtime.files.tfrecord import masked_crc

GOLDEN = os.path.join(os.path.dirname(__file__), "../../golden/tf1_bert_tiny")
FINE_TUNED = os.path.join(GOLDEN, "model.ckpt-20")


@pytest.fixture
def tf():
    return pytest.importorskip("tensorflow")


@pytest.fixture
def copied(tmp_path):
    """The fine-tuned golden checkpoint, to be damaged."""
    for name in os.listdir(GOLDEN):
        if name.startswith("model.ckpt-20") or name == "checkpoint":
            shutil.copy(os.path.join(GOLDEN, name), tmp_path)
    return str(tmp_path / "model.ckpt-20")


def damage(path, position, value=None):
    with open(path, "r+b") as file:
        file.seek(position)
        before = file.read(1)[0]
        file.seek(position)
        file.write(bytes([before ^ 0xFF if value is None else value]))


def save(tf, prefix, tensors, slices=None):
    tf.raw_ops.SaveV2(
        prefix=str(prefix),
        tensor_names=list(tensors),
        shape_and_slices=slices or [""] * len(tensors),
        tensors=[tf.constant(value) for value in tensors.values()],
    )


def assert_equal_to_tensorflow(tf, prefix):
    bundle = TensorBundle(str(prefix))
    reader = tf.train.load_checkpoint(str(prefix))
    shapes = reader.get_variable_to_shape_map()
    dtypes = reader.get_variable_to_dtype_map()
    assert bundle.names() == sorted(shapes)
    assert bundle.shapes() == {name: tuple(shape) for name, shape in shapes.items()}
    for name in bundle.names():
        assert bundle.dtype(name) == dtypes[name].name
        if dtypes[name] == tf.string:
            continue
        expected = reader.get_tensor(name)
        if dtypes[name] == tf.bfloat16:
            expected = expected.astype(np.float32)
        got = bundle.read(name)
        assert not got.flags.writeable
        assert got.dtype == expected.dtype
        assert got.shape == np.shape(expected)
        assert got.tobytes() == np.asarray(expected).tobytes()


# What is read ------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["bert_model.ckpt", "model.ckpt-20"])
def test_golden_checkpoint_equals_tensorflow(tf, name):
    assert_equal_to_tensorflow(tf, os.path.join(GOLDEN, name))


def test_golden_checkpoint_holds_the_recorded_values():
    bundle = TensorBundle(FINE_TUNED)
    with np.load(os.path.join(GOLDEN, "golden.npz")) as golden:
        final = {k: golden[k] for k in golden.files if k.startswith("final_clf/")}
    assert len(final) == 3
    for key, value in final.items():
        np.testing.assert_array_equal(
            bundle.read(key.removeprefix("final_clf/")), value
        )
    assert bundle.read("global_step") == 20
    assert bundle.dtype("global_step") == "int64"


def test_every_type_and_shape(tf, tmp_path):
    random = np.random.RandomState(0)
    tensors = {
        "float32": random.randn(3, 4, 5).astype(np.float32),
        "float64": random.randn(7),
        "float16": random.randn(2, 3).astype(np.float16),
        "bfloat16": tf.cast(random.randn(33), tf.bfloat16),
        "int64": random.randint(-(2**62), 2**62, [5]),
        "int32": np.int32([-1, 0, 7]),
        "uint8": np.uint8([0, 255]),
        "int8": np.int8([-128, 127]),
        "int16": np.int16([-300]),
        "uint16": np.uint16([65535]),
        "uint32": np.uint32([2**32 - 1]),
        "uint64": np.uint64([2**64 - 1]),
        "bool": np.array([True, False]),
        "complex64": np.complex64([1 + 2j]),
        "complex128": np.complex128([3 - 4j]),
        "scalar": np.float32(3.5),
        "empty": np.zeros([0, 4], np.float32),
        "name/with/語": np.float32([1]),
        "text": np.array([b"a", b"bc"]),
    }
    save(tf, tmp_path / "types", tensors)
    assert_equal_to_tensorflow(tf, tmp_path / "types")


def test_ten_megabytes(tf, tmp_path):
    large = np.arange(2_500_000, dtype=np.float32).reshape(2500, 1000)
    save(tf, tmp_path / "large", {"a": np.int32(1), "large": large, "z": np.int32(2)})
    np.testing.assert_array_equal(
        TensorBundle(f"{tmp_path}/large").read("large"), large
    )


def test_index_of_many_blocks(tf, tmp_path):
    tensors = {f"layer_{i}/{'deep/' * 9}kernel": np.float32([i]) for i in range(9000)}
    save(tf, tmp_path / "many", tensors)
    assert os.path.getsize(tmp_path / "many.index") > 300_000  # a block holds 256 KB
    bundle = TensorBundle(f"{tmp_path}/many")
    assert bundle.names() == sorted(tensors)
    assert all(bundle.read(name) == tensors[name] for name in list(tensors)[::97])


def test_object_based_checkpoint(tf, tmp_path):
    variables = tf.train.Checkpoint(
        kernel=tf.Variable(tf.random.normal([4, 3])), step=tf.Variable(7, tf.int64)
    )
    prefix = variables.save(f"{tmp_path}/ckpt")
    assert_equal_to_tensorflow(tf, prefix)
    kernel = TensorBundle(str(tmp_path)).read("kernel/.ATTRIBUTES/VARIABLE_VALUE")
    np.testing.assert_array_equal(kernel, variables.kernel.numpy())


def test_several_shards(tf, tmp_path):
    parts = [f"{tmp_path}/part{i}" for i in range(3)]
    for i, part in enumerate(parts):
        save(tf, part, {f"v{i}": np.full([i + 1, 2], i, np.float32)})
    tf.raw_ops.MergeV2Checkpoints(
        checkpoint_prefixes=parts, destination_prefix=f"{tmp_path}/merged"
    )
    assert os.path.exists(tmp_path / "merged.data-00002-of-00003")
    assert_equal_to_tensorflow(tf, tmp_path / "merged")

    os.remove(tmp_path / "merged.data-00001-of-00003")
    with pytest.raises(CheckpointError, match=r"data-00001-of-00003: does not exist"):
        TensorBundle(f"{tmp_path}/merged")


@pytest.mark.parametrize(
    ("shape", "cut"),
    [((5, 3), 2), ((300, 2), 150), ((20000, 1), 9000), ((70,), 64)],
)
def test_partitioned_variable(tf, tmp_path, shape, cut):
    whole = np.random.RandomState(1).randn(*shape).astype(np.float32)
    rest = "".join(":-" for _ in shape[1:])
    full = " ".join(map(str, shape))
    for name, start, stop in (("a", 0, cut), ("b", cut, shape[0])):
        save(
            tf,
            f"{tmp_path}/{name}",
            {"scope/v": whole[start:stop]},
            slices=[f"{full} {start},{stop - start}{rest}"],
        )
    with pytest.raises(CheckpointError, match="do not make up its shape"):
        TensorBundle(f"{tmp_path}/a").read("scope/v")
    tf.raw_ops.MergeV2Checkpoints(
        checkpoint_prefixes=[f"{tmp_path}/a", f"{tmp_path}/b"],
        destination_prefix=f"{tmp_path}/whole",
    )
    bundle = TensorBundle(f"{tmp_path}/whole")
    assert bundle.shapes() == {"scope/v": shape}
    np.testing.assert_array_equal(bundle.read("scope/v"), whole)


# How it is named ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "ending", ["", ".index", ".meta", ".data-00000-of-00001", "/../"]
)
def test_a_checkpoint_is_found_by_any_of_its_names(copied, ending):
    path = os.path.dirname(copied) + "/" if ending == "/../" else copied + ending
    assert tf_checkpoint.find_prefix(path) == copied


@pytest.mark.parametrize(
    "recorded",
    [
        "model.ckpt-20",
        "/content/drive/old place/model.ckpt-20",
        "gs://bucket/run/model.ckpt-20",
    ],
)
def test_state_file_that_moved_with_its_folder(copied, recorded):
    folder = os.path.dirname(copied)
    with open(f"{folder}/checkpoint", "w") as file:
        file.write(f'model_checkpoint_path: "{recorded}"\n')
    assert tf_checkpoint.find_prefix(folder) == copied


@pytest.mark.parametrize("recorded", ["{}", "../model.ckpt-20"])
def test_state_file_that_points_elsewhere(copied, tmp_path, recorded):
    folder = tmp_path / "pointer"
    folder.mkdir()
    state = f'model_checkpoint_path: "{recorded.format(copied)}"\n'
    (folder / "checkpoint").write_text(state)
    with pytest.raises(CheckpointError, match=r"which is not in .*Give the checkpoint"):
        tf_checkpoint.find_prefix(str(folder))


def test_state_file_that_is_no_text(copied):
    state = os.path.join(os.path.dirname(copied), "checkpoint")
    with open(state, "wb") as file:
        file.write(b'model_checkpoint_path: "\xff\\9"\n')
    with pytest.raises(CheckpointError, match="which is not in"):
        tf_checkpoint.find_prefix(os.path.dirname(copied))


def test_folder_with_one_checkpoint_and_no_state_file(copied):
    folder = os.path.dirname(copied)
    os.remove(f"{folder}/checkpoint")
    assert tf_checkpoint.find_prefix(folder) == copied


def test_state_file_in_japanese(tf, tmp_path):
    folder = tmp_path / "日本語"
    tf.train.Checkpoint(v=tf.Variable(3.0)).save(str(folder / '重み "A"'))
    name = "v/.ATTRIBUTES/VARIABLE_VALUE"
    assert TensorBundle(str(folder)).read(name) == 3

    octal = "".join(f"\\{byte:03o}" for byte in "重み".encode())  # TF 1 wrote it so
    state = f'model_checkpoint_path: "{octal} \\"A\\"-1"\n'
    assert state.isascii()
    (folder / "checkpoint").write_text(state)
    assert TensorBundle(str(folder)).read(name) == 3


def test_missing_checkpoint_says_where_it_was_looked_for(copied, tmp_path):
    with pytest.raises(CheckpointError) as caught:
        TensorBundle(str(tmp_path / "model.ckpt-40"))
    assert f"looked for {tmp_path}/model.ckpt-40.index" in str(caught.value)
    assert f"the folder {tmp_path} holds model.ckpt-20" in str(caught.value)

    with pytest.raises(CheckpointError, match="none does not exist"):
        TensorBundle(str(tmp_path / "none" / "model.ckpt"))

    os.remove(tmp_path / "checkpoint")
    shutil.copy(f"{copied}.index", tmp_path / "second.index")
    said = r"/checkpoint; .* holds model\.ckpt-20, second"
    with pytest.raises(CheckpointError, match=said):
        TensorBundle(str(tmp_path))
    os.remove(tmp_path / "second.index")

    os.remove(f"{copied}.index")
    with pytest.raises(CheckpointError, match=r"holds no \.index file"):
        TensorBundle(copied)


def test_state_file_without_a_path(copied):
    state = os.path.join(os.path.dirname(copied), "checkpoint")
    with open(state, "w") as file:
        file.write("something else\n")
    with pytest.raises(CheckpointError, match="expected a line model_checkpoint_path"):
        TensorBundle(os.path.dirname(copied))


def test_v1_checkpoint_is_named_as_such(tmp_path):
    (tmp_path / "model.ckpt").write_bytes(b"old")
    with pytest.raises(CheckpointError, match="V1 format is not read"):
        TensorBundle(str(tmp_path / "model.ckpt"))


# Damage ------------------------------------------------------------------------------


def test_unknown_tensor():
    with pytest.raises(CheckpointError, match=r"'nothing'.*bert/embeddings/LayerNorm"):
        TensorBundle(FINE_TUNED).read("nothing")


def test_truncated_data_file_names_file_and_offset(copied):
    path = f"{copied}.data-00000-of-00001"
    os.truncate(path, 2_000_000)
    bundle = TensorBundle(copied)
    bundle.read("bert/embeddings/LayerNorm/beta")
    with pytest.raises(CheckpointError) as caught:
        bundle.read("output_weights")
    assert str(caught.value).startswith(f"{path}: truncated: output_weights lies at")
    assert "ends at byte 2000000" in str(caught.value)


def test_flipped_bit_in_a_tensor(copied):
    name = "bert/embeddings/LayerNorm/beta"
    values = TensorBundle(copied).read(name)
    path = f"{copied}.data-00000-of-00001"
    with open(path, "rb") as file:
        position = file.read().index(values.tobytes())
    damage(path, position + 5)
    with pytest.raises(
        CheckpointError, match=f"damaged: the checksum of {name}, bytes"
    ):
        TensorBundle(copied).read(name)


@pytest.mark.parametrize("size", [0, 20, 48, 1000, 6261])
def test_truncated_index(copied, size):
    os.truncate(f"{copied}.index", size)
    with pytest.raises(CheckpointError, match=r"model\.ckpt-20\.index: expected the"):
        TensorBundle(copied)


def test_flipped_bytes_in_the_index_are_noticed_or_harmless(copied):
    path = f"{copied}.index"
    names = TensorBundle(copied).names()
    positions = range(0, os.path.getsize(path), 7)
    noticed = 0
    for position in positions:
        damage(path, position)
        try:
            assert TensorBundle(copied).names() == names  # in what is never read
        except CheckpointError:
            noticed += 1
        damage(path, position)
    assert noticed > 0.98 * len(positions)


def test_pieces_that_do_not_fit_their_place(tmp_path):
    extent = field_bytes(1, field_varint(1, 2) + field_varint(2, 4))
    entries = {
        tf_checkpoint._slice_key("v", ((2, 4),)): entry(),
        b"v": entry(pieces=field_bytes(7, extent)),
    }
    write_bundle(tmp_path / "x", entries=entries)
    with pytest.raises(CheckpointError, match="1 pieces of v do not make up its shape"):
        TensorBundle(str(tmp_path / "x")).read("v")


def test_strings_are_refused_by_name(tf, tmp_path):
    save(tf, tmp_path / "text", {"words": np.array([b"a"])})
    with pytest.raises(CheckpointError, match="words, found the type string"):
        TensorBundle(f"{tmp_path}/text").read("words")


ONE_RESTART = struct.pack("<II", 0, 1)


def write_bundle(
    prefix, *, entries, header=b"\x08\x01", compression=0, block=None, handle=None
):
    """Writes a checkpoint by hand: TensorFlow would not write one so wrong."""
    rows = {b"": header, **entries}
    written = b"".join(bytes([0, len(k), len(v)]) + k + v for k, v in rows.items())
    block = seal(block or written + ONE_RESTART, compression)
    handle = handle or bytes([0]) + varint(len(block) - 5)
    index = seal(bytes([0, 1, len(handle)]) + b"~" + handle + ONE_RESTART)
    place = varint(len(block)) + varint(len(index) - 5)
    footer = (b"\0\0" + place).ljust(40, b"\0") + struct.pack("<Q", 0xDB4775248B80FB57)
    with open(f"{prefix}.index", "wb") as file:
        file.write(block + index + footer)
    with open(f"{prefix}.data-00000-of-00001", "wb") as file:
        file.write(b"\0" * 16)


def seal(block, compression=0):
    block += bytes([compression])
    return block + struct.pack("<I", masked_crc(block))


def varint(number):
    return bytes([number & 0x7F | 0x80, number >> 7])


def entry(*, dtype=1, dims=(4,), size=16, offset=0, pieces=b""):
    shape = b"".join(field_bytes(2, field_varint(1, dim)) for dim in dims)
    crc = struct.pack("<BI", 6 << 3 | 5, masked_crc(b"\0" * 16))
    head = field_varint(1, dtype) + field_bytes(2, shape) + field_varint(4, offset)
    return head + field_varint(5, size) + crc + pieces


def test_hand_written_bundle_is_sound(tmp_path):
    write_bundle(tmp_path / "x", entries={b"v": entry()})
    assert TensorBundle(str(tmp_path / "x")).read("v").tolist() == [0, 0, 0, 0]
    assert google_crc32c.value(b"123456789") == 0xE3069283


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"size": 12}, "which is 16 bytes, but 12 are listed"),
        ({"dims": (2**60, 2**60)}, "but 16 are listed"),
        ({"dims": (2**40,), "size": 2**42}, "truncated: v lies at bytes 0 to"),
        ({"pieces": field_varint(3, 7)}, "lies in data file 7, but there are 1"),
        ({"offset": 8}, "truncated: v lies at bytes 8 to 24"),
        ({"dtype": 21}, "found the type number 21"),
        ({"pieces": field_bytes(7, field_bytes(1, b""))}, "of v is missing"),
    ],
)
def test_wrong_entries(tmp_path, wrong, said):
    write_bundle(tmp_path / "x", entries={b"v": entry(**wrong)})
    with pytest.raises(CheckpointError, match=said):
        TensorBundle(str(tmp_path / "x")).read("v")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"compression": 1}, "only uncompressed tables"),
        ({"header": b"\x08\x01\x10\x01"}, "big-endian"),
        ({"header": b""}, "counts no data files"),
        ({"header": b"\x08"}, "varint does not end"),
        ({"entries": {b"\xff": entry()}}, "decode byte 0xff"),
        ({"block": b"\5\1\1ab" + ONE_RESTART}, "reaches past its block"),
        ({"block": b"\0\1\x7fab" + ONE_RESTART}, "reaches past its block"),
        ({"block": b"\x80" * 12 + ONE_RESTART}, "a varint does not end"),
        ({"block": b"\2\0\0\0"}, "too short for its restarts"),
        ({"handle": varint(1000) + varint(9)}, "bytes 1000 to 1009 lies outside"),
        ({"handle": b"\x80"}, "a varint does not end"),
    ],
)
def test_wrong_tables(tmp_path, change, said):
    write_bundle(tmp_path / "x", **{"entries": {b"v": entry()}, **change})
    with pytest.raises(CheckpointError, match=said):
        TensorBundle(str(tmp_path / "x"))
