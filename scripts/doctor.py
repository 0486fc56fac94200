"""Checks whether this environment, its devices and a bucket are usable.

    python scripts/doctor.py --output_dir=gs://bucket/run

Exit code 0: usable; 1: something that is marked PROBLEM keeps a run from working.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from runtime.doctor import device_check, diagnosis, output_check, package_check
from runtime.doctor.diagnosis import DoctorSettings, Finding, Verdict
from scripts import console, flag_definitions

_JAPANESE = "日本語のひらがなとカタカナ"


def main(argv: Sequence[str]) -> int:
    """Runs the checks and prints what they found; returns the exit code."""
    del argv
    settings = flag_definitions.values(DoctorSettings)
    findings = []
    for finding in examine(settings):
        findings.append(finding)
        if not settings.json:
            print(diagnosis.as_line(finding), flush=True)
    report = diagnosis.as_json if settings.json else diagnosis.as_summary
    print(report(findings))
    return 0 if diagnosis.is_usable(findings) else 1


def examine(settings: DoctorSettings) -> Iterator[Finding]:
    """Yields what each check finds, as soon as it has.

    Args:
        settings: What to check.
    """
    yield from package_check.check()
    if settings.output_dir is not None:
        yield from output_check.check(settings.output_dir)
    if package_check.are_complete():
        yield _font()
        yield from device_check.check(settings.accelerator, backend=settings.backend)


def _font() -> Finding:
    # They need packages that may be missing, which the checks before this one tell.
    import matplotlib

    from pipelines.reports import plots

    family = plots.find_font([_JAPANESE])
    if family is not None:
        return Finding(
            check="font", verdict=Verdict.OK, found=f"{family} draws Japanese labels"
        )
    return Finding(
        check="font",
        verdict=Verdict.NOTE,
        found="no installed font draws Japanese; plots show label ids instead",
        remedy="Install one (Debian, Ubuntu, Colab: `apt install fonts-noto-cjk`), "
        f"then `rm {matplotlib.get_cachedir()}/fontlist-*.json`.",
    )


if __name__ == "__main__":
    flag_definitions.define(DoctorSettings)
    console.run(main)
