"""What holds for every file of the tree."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Written apart, so that this file does not hold them.
UNFINISHED = ("TO" "DO", "FIX" "ME")


def tracked(*patterns):
    listed = subprocess.run(["git", "ls-files", "-z", *patterns], cwd=ROOT, check=True,
                            capture_output=True, text=True).stdout
    return [name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def test_no_file_says_that_it_is_unfinished():
    found = [f"{name}:{number}"
             for name in tracked()
             for number, line in enumerate(
                 (ROOT / name).read_text(errors="replace").splitlines(), start=1)
             if any(word in line for word in UNFINISHED)]
    assert found == []


@pytest.mark.skipif(shutil.which("clang-format") is None, reason="clang-format is not installed")
def test_every_source_is_formatted():
    sources = tracked("*.cc", "*.h")
    assert sources
    check = subprocess.run(["clang-format", "--dry-run", "-Werror", *sources], cwd=ROOT,
                           capture_output=True, text=True)
    unformatted = {line.split(":")[0] for line in check.stderr.splitlines() if ": error:" in line}
    assert (sorted(unformatted), check.returncode) == ([], 0)
