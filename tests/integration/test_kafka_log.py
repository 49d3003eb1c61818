"""The log on a real Kafka broker: the suite every log passes, contention, restarts, lost topics."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
START = ROOT / "deploy" / "kafka" / "start"
STOP = ROOT / "deploy" / "kafka" / "stop"
TEST = "tests/conformance/eventlog/kafka/conformance_eventlog_kafka_test"


def built_program():
    """The newest build of the C++ tests, in whichever preset it was built."""
    built = [path for path in ROOT.glob(f"build/*/{TEST}") if path.is_file()]
    if not built:
        pytest.skip("conformance_eventlog_kafka_test is not built")
    return max(built, key=lambda path: path.stat().st_mtime)


@pytest.fixture
def broker(tmp_path):
    """A broker of the test's own: its address and its folder."""
    for program in ("java", "mvn"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is missing: deploy/install-deps --tests installs it")
    folder = tmp_path / "kafka"
    started = subprocess.run([START, "--dir", folder], capture_output=True, text=True, timeout=300)
    if started.returncode != 0:
        pytest.skip(f"no Kafka broker could be had: {started.stderr.strip()}")
    yield started.stdout.strip(), folder
    subprocess.run([STOP, "--dir", folder], timeout=120, check=True)


def test_the_log_on_kafka_keeps_its_promises_on_a_real_broker(broker):
    address, folder = broker
    environment = {**os.environ, "PURSER_TEST_KAFKA": address,
                   "PURSER_TEST_KAFKA_DIR": str(folder)}
    ran = subprocess.run([built_program()], env=environment, capture_output=True, text=True,
                         timeout=600)
    failed = [line for line in ran.stdout.splitlines() if "FAILED" in line or "Failure" in line]
    assert ran.returncode == 0, "\n".join(failed) + "\n" + ran.stdout[-3000:]
    assert "SKIPPED" not in ran.stdout, ran.stdout[-2000:]
