"""Whether the installed packages are those that this toolkit works with."""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence

from packaging.requirements import Requirement
from packaging.version import InvalidVersion

from runtime import storage
from runtime.devices import tpu_environment
from runtime.doctor.diagnosis import Finding, Verdict

DISTRIBUTION = "tf-bert-toolkit"
"""The package whose metadata say what it requires."""

_ROOT = storage.dirname(storage.dirname(storage.dirname(__file__)))
PINS = storage.join(_ROOT, "requirements")
"""Folder of the pinned sets, in a checkout."""

_PYTHONS = ((3, 11), (3, 13))  # oldest, newest

_FOR_TESTS = "test"  # what extras begin with that no run needs
_MOST_NAMED = 6


def check(
    *,
    search_path: Sequence[str] | None = None,
    pins: str = PINS,
    root: str = "/",
) -> list[Finding]:
    """Checks Python and the packages, without importing any of them.

    Args:
        search_path: Folders of installed packages instead of `sys.path`.
        pins: Folder of the pinned sets.
        root: Folder that stands for `/`.

    Returns:
        What was found, one finding a subject.
    """
    return [
        _python(sys.version_info[:2]),
        _required(search_path),
        *_extras(search_path),
        _pinned(search_path, pins=pins, root=root),
        _tensorflow(search_path),
    ]


def are_complete() -> bool:
    """Whether every required package is installed, in whatever version."""
    names = [each.name for each in _requirements("", search_path=None)]
    return bool(names) and len(tpu_environment.installed(names)) == len(names)


def fitting_set(*, search_path: Sequence[str] | None = None, root: str = "/") -> str:
    """The name of the pinned set that is for this machine.

    Args:
        search_path: Folders of installed packages instead of `sys.path`.
        root: Folder that stands for `/`.
    """
    names = ("tensorflow-tpu",)
    if tpu_environment.installed(names, search_path=search_path):
        return "tpu-tensorflow.txt"
    if tpu_environment.has_tpu(root):
        beside_jax = tpu_environment.installed(
            ("tensorflow-cpu",), search_path=search_path
        )
        return "kaggle-tpu.txt" if beside_jax else "colab-tpu-jax.txt"
    return "gpu.txt" if has_gpu(root) else "cpu.txt"


def has_gpu(root: str = "/") -> bool:
    """Whether there is an NVIDIA GPU, by its device files.

    Args:
        root: Folder that stands for `/`.
    """
    # The second is that of the Windows Subsystem for Linux.
    files = ("dev/nvidia[0-9]*", "dev/dxg")
    return any(storage.glob(storage.join(root, name)) for name in files)


def read_pins(path: str) -> dict[str, str]:
    """Package -> version of a pinned set.

    Args:
        path: A file of lines `package==version  # reason`, or `-c file` for those of
            another set beside it.
    """
    pins = {}
    for line in storage.read_text(path).splitlines():
        text = line.partition("#")[0].strip()
        name, equals, version = text.partition("==")
        if equals:
            pins[name] = version
        elif text.startswith("-c "):
            other = text.removeprefix("-c ")
            pins |= read_pins(storage.join(storage.dirname(path), other))
    return pins


def _python(version: tuple[int, ...]) -> Finding:
    oldest, newest = _PYTHONS
    fits = oldest <= version <= newest
    return Finding(
        check="python",
        verdict=Verdict.OK if fits else Verdict.PROBLEM,
        found=f"Python {platform.python_version()} at {sys.executable}",
        remedy="" if fits else "Use Python 3.11, 3.12 or 3.13.",
        details={"version": platform.python_version()},
    )


def _required(search_path: Sequence[str] | None) -> Finding:
    required = _requirements("", search_path=search_path)
    names = [each.name for each in required]
    versions = tpu_environment.installed(names, search_path=search_path)
    missing = [name for name in names if name not in versions]
    problems = [f"not installed: {', '.join(missing)}"] if missing else []
    problems += _misfits(required, versions=versions)
    if not required:
        problems = [f"{DISTRIBUTION} itself is not installed, which says what it needs"]
    return Finding(
        check="packages",
        verdict=Verdict.PROBLEM if problems else Verdict.OK,
        found="; ".join(problems) or f"all {len(versions)} required ones are there",
        remedy="Run `pip install --upgrade --editable .`." if problems else "",
        details=versions,
    )


def _extras(search_path: Sequence[str] | None) -> Iterator[Finding]:
    """Yields what does not fit an extra; who did not ask for it needs none of it."""
    found = _metadata(search_path)
    names = found.metadata.get_all("Provides-Extra") or [] if found else []
    told: set[str] = set()
    for extra in names:
        required = _requirements(extra, search_path=search_path)
        versions = tpu_environment.installed(
            [each.name for each in required], search_path=search_path
        )
        misfits = [m for m in _misfits(required, versions=versions) if m not in told]
        told |= {*misfits}
        if misfits:
            yield Finding(
                check="packages",
                verdict=Verdict.NOTE
                if extra.startswith(_FOR_TESTS)
                else Verdict.PROBLEM,
                found=f"{'; '.join(misfits)}, which the extra [{extra}] asks for",
                remedy=f"Run `pip install --upgrade --editable '.[{extra}]'`, or "
                "uninstall what is not needed.",
                details=versions,
            )


def _requirements(
    extra: str, *, search_path: Sequence[str] | None
) -> list[Requirement]:
    """What an extra asks for on this machine; of "" what the package itself does."""
    found = _metadata(search_path)
    every = [Requirement(line) for line in (found and found.requires) or ()]
    return [each for each in every if _is_for(extra, each)]


def _metadata(
    search_path: Sequence[str] | None,
) -> importlib.metadata.Distribution | None:
    path = list(sys.path if search_path is None else search_path)
    found = importlib.metadata.distributions(name=DISTRIBUTION, path=path)
    return next(iter(found), None)


def _is_for(extra: str, requirement: Requirement) -> bool:
    marker = requirement.marker
    if marker is None:
        return not extra
    by_itself = marker.evaluate({"extra": ""})
    return not by_itself and marker.evaluate({"extra": extra}) if extra else by_itself


def _misfits(
    requirements: Sequence[Requirement], *, versions: Mapping[str, str]
) -> list[str]:
    """Names what is installed in a version that is not asked for."""
    return [
        f"{each.name} {versions[each.name]} does not fit {each.name}{each.specifier}"
        for each in requirements
        if each.name in versions and not _fits(each, version=versions[each.name])
    ]


def _fits(requirement: Requirement, *, version: str) -> bool:
    try:
        return requirement.specifier.contains(version, prereleases=True)
    except InvalidVersion:
        return False


def _pinned(search_path: Sequence[str] | None, *, pins: str, root: str) -> Finding:
    path = storage.join(pins, fitting_set(search_path=search_path, root=root))
    if not storage.exists(path):
        return Finding(
            check="versions",
            verdict=Verdict.NOTE,
            found="not compared: the pinned sets come with a checkout only",
        )
    wanted = read_pins(path)
    versions = tpu_environment.installed(tuple(wanted), search_path=search_path)
    return _compared(versions, wanted=wanted, name=storage.basename(path))


def _compared(
    versions: Mapping[str, str], *, wanted: Mapping[str, str], name: str
) -> Finding:
    others = [
        f"{package} {version} (not {wanted[package]})"
        for package, version in versions.items()
        if version != wanted[package]
    ]
    if not others:
        found = f"all {len(versions)} as in requirements/{name}"
        return Finding(check="versions", verdict=Verdict.OK, found=found)
    more = f" and {len(others) - _MOST_NAMED} more" if len(others) > _MOST_NAMED else ""
    return Finding(
        check="versions",
        verdict=Verdict.NOTE,
        found=f"other than in requirements/{name}: "
        f"{', '.join(others[:_MOST_NAMED])}{more}",
        remedy="The tests passed with the pinned ones. If something fails, install "
        f"with `--constraint requirements/{name}`.",
        details={"set": name, "different": others},
    )


def _tensorflow(search_path: Sequence[str] | None) -> Finding:
    names = tpu_environment.TENSORFLOW_PACKAGES
    versions = tpu_environment.installed(names, search_path=search_path)
    problem = tensorflow_problem(search_path)
    found = " and ".join(f"{name} {version}" for name, version in versions.items())
    return Finding(
        check="tensorflow",
        verdict=Verdict.PROBLEM if problem else Verdict.OK,
        found=problem or found or "not installed, which --backend=jax does not need",
        details=versions,
    )


def tensorflow_problem(search_path: Sequence[str] | None = None) -> str:
    """Why the installed TensorFlow cannot be trusted to load; "" if it can.

    Args:
        search_path: Folders of installed packages instead of `sys.path`.
    """
    tensorflows = tpu_environment.installed(
        tpu_environment.TENSORFLOW_PACKAGES, search_path=search_path
    )
    libtpus = tpu_environment.installed(
        tpu_environment.LIBTPU_PACKAGES, search_path=search_path
    )
    return tpu_environment.several_tensorflows(
        tensorflows
    ) or tpu_environment.libtpu_mismatch(tensorflows, libtpus=libtpus)
