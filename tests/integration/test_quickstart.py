"""deploy/quickstart shows each user arriving in each app, on both engines, and leaves nothing behind."""

import os
import re
import shutil
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest

import processes

ROOT = Path(__file__).resolve().parents[2]


def run_quickstart(binary, *arguments):
    ports = [processes.free_port() for _ in range(3)]
    environment = {**os.environ, "PURSER_BINARY": str(Path(binary).resolve()),
                   "QUICKSTART_PORTS": " ".join(map(str, ports))}
    done = subprocess.run([ROOT / "deploy/quickstart", "--once", *arguments], env=environment,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
    return done, ports


@pytest.mark.parametrize("arguments", [[], ["--kafka"]], ids=["embedded", "kafka"])
def test_the_quickstart_shows_each_user_in_each_app(binary, arguments):
    if arguments and shutil.which("java") is None:
        pytest.skip("Java is missing: deploy/install-deps --tests installs it")
    done, ports = run_quickstart(binary, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    shown = re.findall(r"^(\S+@example\.com) +there +there +there +there *$", done.stdout,
                       re.MULTILINE)
    assert len(shown) == 4
    assert len(re.findall(r"^  \w+ +off$", done.stdout, re.MULTILINE)) == 4
    for port in ports:
        with pytest.raises(urllib.error.URLError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2)


def test_the_quickstart_refuses_an_option_it_does_not_know(binary):
    done, _ = run_quickstart(binary, "--twice")
    assert done.returncode == 2
    assert "--twice" in done.stderr
