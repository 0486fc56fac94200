"""The pages: a site without a broken link, every flag in it, READMEs of a length."""

import os
import re
import subprocess
import sys

import pytest

from tests.scripts.conftest import scripts
from tests.scripts.test_documented_commands import blocks, fenced
from tests.scripts.test_effects_of_flags import BESIDES, SETTINGS

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site; what Sphinx would warn of ends it."""
    pytest.importorskip("myst_parser", reason="of the extra [docs]")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "--fail-on-warning", "--keep-going"]
    command += ["--nitpicky", "--quiet", "-c", "docs", ".", str(folder)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_the_site_is_built_without_a_warning(site):
    assert (site / "docs/index.html").exists()
    assert (site / "README.html").exists()


def test_the_flags_on_the_site_are_those_of_the_settings(site):
    page = (site / "docs/flags.html").read_text(encoding="utf-8")
    assert "--[no]do_train" in page
    assert "--accelerator=auto|cpu|gpu|tpu" in page
    assert "The dev file, as --train_file." in page


def test_every_script_has_its_flags_on_the_page():
    page = read("docs/flags.md")
    sections = re.findall(r"^##+ (\w+)\.py$(.*?)(?=^##+ |\Z)", page, re.M | re.S)
    shown = {
        name: re.findall(r"^```\{flags\} (.+)$", text, re.M) for name, text in sections
    }
    kinds = {
        name: [" ".join(map(full_name, [kind, *BESIDES.get(name, ())]))]
        for name, kind in SETTINGS.items()
    }
    assert shown == kinds
    assert {f"scripts/{name}.py" for name in shown} == set(scripts())


def full_name(kind):
    return f"{kind.__module__}.{kind.__qualname__}"


@pytest.mark.parametrize("page", ["README.md", "README.ja.md"])
def test_a_readme_is_read_in_minutes(page):
    assert len(read(page).splitlines()) <= 200


def test_both_readmes_say_the_same():
    english, japanese = "README.md", "README.ja.md"
    commands = [[each.text for each in fenced(page)] for page in (english, japanese)]
    assert commands[0] == commands[1]
    cells = [
        [block.partition("  # ")[0] for block in blocks(page, "python")]
        for page in (english, japanese)
    ]
    assert cells[0] == cells[1]
    headings = [re.findall(r"^#+", read(page), re.M) for page in (english, japanese)]
    assert headings[0] == headings[1]
    linked = [set(re.findall(r"\]\(([^)]+)\)", read(p))) for p in (english, japanese)]
    assert linked[0] - {japanese} == linked[1] - {english}


def test_a_report_says_when_and_where():
    folder = os.path.join(ROOT, "benchmarks/reports")
    for name in sorted(os.listdir(folder)):
        assert re.fullmatch(r"\d{4}-\d\d-\d\d-[\w-]+\.md", name), name
        about = read(f"benchmarks/reports/{name}").split("\n\n")[1]
        assert name[:10] in about, name
        assert re.search(r"\bcores?\b|GPU|TPU", about), f"{name}: on what?"


def test_the_linters_of_a_commit_are_those_of_the_check():
    hooks = re.findall(r"entry: \.venv-test/bin/(.+)", read(".pre-commit-config.yaml"))
    check = re.findall(r'^"\$bin/([\w-]+)"(.*)$', read(".ci/run"), re.M)
    asked = {" ".join([name, *flags.split()[:1]]).rstrip(" .") for name, flags in check}
    assert {hook.replace(" --force-exclude", "") for hook in hooks} == asked


def test_the_version_is_one():
    [version] = re.findall(r"^version = (\S+)$", read("setup.cfg"), re.M)
    assert f"\nversion: {version}\n" in read("CITATION.cff")
