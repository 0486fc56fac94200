"""What TensorFlow needs before it can find a TPU, and why it finds none.

Reads package metadata, device files and the environment only: it can be asked before
tensorflow is imported, and where importing it would abort. Untested on a TPU: none was
available to develop on.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import sys
from collections.abc import Mapping, Sequence

from packaging.version import Version

from runtime import storage

LOCAL = "local"
"""The name of the TPU that is attached to this machine."""

TENSORFLOW_PACKAGES = (
    "tensorflow",
    "tensorflow-cpu",
    "tensorflow-gpu",
    "tensorflow-rocm",
    "tensorflow-tpu",
    "tf-nightly",
    "tf-nightly-cpu",
    "tf-nightly-tpu",
)
"""Distributions that all unpack into the one folder `tensorflow`."""

LIBTPU_PACKAGES = ("libtpu", "libtpu-nightly")
"""Distributions that hold the driver of TPUs."""

INSTALL = (
    "pip install --constraint requirements/tpu-tensorflow.txt "
    "--editable '.[tpu-tensorflow]'"
)
"""The command that installs the TensorFlow of TPUs, on Python 3.11 or 3.12."""

_TPU_PACKAGES = ("tensorflow-tpu", "tf-nightly-tpu")

# tensorflow-tpu 2.19.1 requires libtpu 0.0.10 exactly. 2.20.0 accepts any newer one,
# but imports with 0.0.15 to 0.0.30 and aborts with 0.0.34, 0.0.42 and 0.0.52.
_NEWEST_LIBTPU = {"2.19.1": "0.0.10", "2.20.0": "0.0.30"}

# Source: TpuVersion in jax/_src/hardware_utils.py.
_GOOGLE = "0x1ae0"
_STREAM_EXECUTOR_CHIPS = {"0x0027", "0x0056", "0x005e"}  # v2 and v3, v4i, v4
_TPU7X = "0x0076"
_TPU_CHIPS = {*_STREAM_EXECUTOR_CHIPS, "0x0062", "0x0063", "0x006f", _TPU7X}
_STREAM_EXECUTOR_TYPES = ("v2", "v3", "v4")

_LOCK = "tmp/libtpu_lockfile"


# Before TensorFlow is imported -------------------------------------------------------


def prepare(tpu_name: str, *, root: str = "/") -> None:
    """Sets the environment variables that tensorflow-tpu reads when it is imported.

    What is set already stays as it is. Without a TPU this only keeps libtpu from asking
    a metadata server thirty times. TPUs from v5e on are reached through PJRT, whose
    variables make TensorFlow fail on v2 to v4, so they are set by what is there.

    Source: the environment of keras-rs' tests on v6e; jax/_src/cloud_tpu_init.py for
    TPU_SKIP_MDS_QUERY.

    Args:
        tpu_name: The TPU's name; empty for the local one.
        root: Folder that stands for `/`.
    """
    name = tpu_name or LOCAL
    os.environ.setdefault("TPU_NAME", name)
    if not has_tpu(root):
        os.environ.setdefault("TPU_SKIP_MDS_QUERY", "1")
    elif name == LOCAL and _runs_on_pjrt(root):
        _prepare_pjrt(root)


def _prepare_pjrt(root: str) -> None:
    os.environ.setdefault("PJRT_DEVICE", "TPU")
    os.environ.setdefault("NEXT_PLUGGABLE_DEVICE_USE_C_API", "true")
    library = _libtpu_path(root)
    if library:
        os.environ.setdefault("TF_PLUGGABLE_DEVICE_LIBRARY_PATH", library)
    flags = os.environ.get("TF_XLA_FLAGS", "")
    if "tf_mlir_enable_mlir_bridge" not in flags:
        os.environ["TF_XLA_FLAGS"] = (
            f"{flags} --tf_mlir_enable_mlir_bridge=true".strip()
        )


def _libtpu_path(root: str) -> str | None:
    if "TPU_LIBRARY_PATH" in os.environ:
        return os.environ["TPU_LIBRARY_PATH"]
    spec = importlib.util.find_spec("libtpu")
    if spec and spec.submodule_search_locations:
        return storage.join(spec.submodule_search_locations[0], "libtpu.so")
    image = storage.join(root, "lib/libtpu.so")  # that of Cloud TPU's own images
    return image if storage.exists(image) else None


def _runs_on_pjrt(root: str) -> bool:
    kind = os.environ.get("TPU_ACCELERATOR_TYPE")
    if kind:
        return not kind.startswith(_STREAM_EXECUTOR_TYPES)
    chips = _chips(root)
    if chips:
        return chips.isdisjoint(_STREAM_EXECUTOR_CHIPS)
    return bool(storage.glob(storage.join(root, "dev/vfio/[0-9]*")))


# What is there -----------------------------------------------------------------------


def has_tpu(root: str = "/") -> bool:
    """Whether TPU chips are attached to this machine, by its device files.

    Args:
        root: Folder that stands for `/`.
    """
    files = ("dev/accel[0-9]*", "dev/accel/accel[0-9]*", "dev/vfio/[0-9]*")
    patterns = [storage.join(root, name) for name in files]
    return bool(_chips(root)) or any(map(storage.glob, patterns))


def _chips(root: str) -> set[str]:
    """PCI device ids of the TPU chips."""
    found = set()
    for vendor in storage.glob(storage.join(root, "sys/bus/pci/devices/*/vendor")):
        if storage.read_text(vendor).strip() == _GOOGLE:
            device = storage.join(storage.dirname(vendor), "device")
            found.add(storage.read_text(device).strip())
    return found & _TPU_CHIPS


def installed(
    names: Sequence[str], *, search_path: Sequence[str] | None = None
) -> dict[str, str]:
    """Versions of those of the distributions that are installed.

    Args:
        names: Distributions to look for.
        search_path: Folders to look in instead of `sys.path`.
    """
    found = {}
    path = list(sys.path if search_path is None else search_path)
    for name in names:
        distribution = next(
            iter(importlib.metadata.distributions(name=name, path=path)), None
        )
        if distribution is not None:
            found[name] = distribution.version
    return found


# Why TensorFlow finds no TPU ---------------------------------------------------------


def causes(
    tpu_name: str = "", *, search_path: Sequence[str] | None = None, root: str = "/"
) -> tuple[str, ...]:
    """Why TensorFlow finds no TPU here, the most probable cause first.

    Args:
        tpu_name: The TPU that was asked for; empty for the local one.
        search_path: Folders of installed packages instead of `sys.path`.
        root: Folder that stands for `/`.

    Returns:
        Sentences that say what is the matter and what to do; none where everything that
        can be seen from outside TensorFlow is as it should be.
    """
    tensorflows = installed(TENSORFLOW_PACKAGES, search_path=search_path)
    libtpus = installed(LIBTPU_PACKAGES, search_path=search_path)
    found = (
        _remote_name(tpu_name),
        _no_device(root),
        _not_for_tpus(tensorflows),
        several_tensorflows(tensorflows),
        libtpu_mismatch(tensorflows, libtpus=libtpus),
        _too_new_python(tensorflows, python=sys.version_info[:2]),
        _too_new_chip(root),
        _in_use(root),
    )
    return tuple(cause for cause in found if cause)


def several_tensorflows(tensorflows: Mapping[str, str]) -> str:
    """Says that several distributions share the folder `tensorflow`; "" for one.

    Args:
        tensorflows: Distribution -> version of those that are installed.
    """
    if len(tensorflows) < 2:
        return ""
    packages = " ".join(tensorflows)
    return (
        f"{_listed(tensorflows)} are installed together: they fill the same folder, "
        "and what was unpacked last has overwritten the others. Remove them all with "
        f"`pip uninstall -y {packages}` and install one (tensorflow-text and keras-hub "
        "bring `tensorflow` along unless installed with `--no-deps`)."
    )


def libtpu_mismatch(
    tensorflows: Mapping[str, str], *, libtpus: Mapping[str, str]
) -> str:
    """Says that tensorflow-tpu cannot load the libtpu that is there; "" if it can.

    Args:
        tensorflows: Distribution -> version of those that are installed.
        libtpus: The same of libtpu.
    """
    version = tensorflows.get("tensorflow-tpu")
    if version is None:
        return ""
    if not libtpus:
        return (
            f"tensorflow-tpu {version} needs libtpu, the driver of TPUs, which is not "
            f"installed. On Python 3.11 or 3.12: `{INSTALL}`."
        )
    newest, found = _NEWEST_LIBTPU.get(version), libtpus.get("libtpu", "0")
    if newest is None or Version(found) <= Version(newest):
        return ""
    return (
        f"tensorflow-tpu {version} works with libtpu {newest} at the newest, and "
        f"{_listed(libtpus)} is installed: with a newer one TensorFlow aborts when it "
        f"is imported, or finds no TPU. Run `pip install libtpu=={newest}`."
    )


def _remote_name(tpu_name: str) -> str:
    address = os.environ.get("COLAB_TPU_ADDR")
    if address:
        name = f"COLAB_TPU_ADDR={address}"
    elif tpu_name.startswith("grpc://"):
        name = f"--tpu_name={tpu_name}"
    else:
        return ""
    return (
        f"{name} is the address of a TPU node, a kind of TPU that no longer exists: "
        "TPUs are now attached to the machine that runs the program. Start a runtime "
        "or TPU VM that has one, and leave the address out."
    )


def _no_device(root: str) -> str:
    if has_tpu(root):
        return ""
    return (
        "This machine has no TPU (no /dev/accel*, no /dev/vfio/*). Start the program "
        "on one that has (in Colab: Runtime > Change runtime type), or use "
        "--accelerator=auto."
    )


def _not_for_tpus(tensorflows: Mapping[str, str]) -> str:
    if not tensorflows:
        return f"TensorFlow is not installed. On Python 3.11 or 3.12: `{INSTALL}`."
    if any(name in tensorflows for name in _TPU_PACKAGES):
        return ""
    return (
        f"{_listed(tensorflows)} is installed, which has no TPU support. JAX has, "
        "beside it: `pip install 'jax[tpu]'`. TensorFlow's, on Python 3.11 or 3.12: "
        f"`pip uninstall -y {' '.join(tensorflows)}`, then `{INSTALL}`."
    )


def _too_new_python(tensorflows: Mapping[str, str], *, python: tuple[int, ...]) -> str:
    if python < (3, 13) or "tensorflow-tpu" in tensorflows:
        return ""
    return (
        "tensorflow-tpu 2.19.1, the last TensorFlow that supports TPUs, has no release "
        f"for Python {'.'.join(map(str, python))}. Use Python 3.12, or --backend=jax "
        "with `pip install 'jax[tpu]'`."
    )


def _too_new_chip(root: str) -> str:
    if _TPU7X not in _chips(root):
        return ""
    return "TensorFlow has no support for TPU7x. Use --backend=jax."


def _in_use(root: str) -> str:
    lock = storage.join(root, _LOCK)
    if not (has_tpu(root) and storage.exists(lock)):
        return ""
    return (
        "Another process may hold the TPU, which serves one at a time: "
        f"{lock} is there. End that process (in a notebook, restart its session); if "
        "there is none, delete the file."
    )


def _listed(versions: Mapping[str, str]) -> str:
    return " and ".join(f"{name} {version}" for name, version in versions.items())
