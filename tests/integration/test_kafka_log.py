"""The log on real Kafka brokers: the suite every log passes, contention, restarts, lost topics."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEST = "tests/conformance/eventlog/kafka/conformance_eventlog_kafka_test"
CLUSTERS = [("4.3.1", 1), ("3.9.2", 1), ("4.3.1", 3), ("3.9.2", 3)]


def built_program():
    """The newest build of the C++ tests, in whichever preset it was built."""
    built = [path for path in ROOT.glob(f"build/*/{TEST}") if path.is_file()]
    if not built:
        pytest.skip("conformance_eventlog_kafka_test is not built")
    return max(built, key=lambda path: path.stat().st_mtime)


@pytest.mark.parametrize("version, brokers", CLUSTERS)
def test_the_log_on_kafka_keeps_its_promises_on_real_brokers(kafka_cluster, long_run, version,
                                                             brokers):
    if brokers == 3 and version == "3.9.2" and not long_run:
        pytest.skip("three brokers of 3.9.2: tests/run --long")
    cluster = kafka_cluster(version=version, brokers=brokers)
    environment = {**os.environ, "PURSER_TEST_KAFKA": cluster.address,
                   "PURSER_TEST_KAFKA_DIR": str(cluster.folder)}
    ran = subprocess.run([built_program()], env=environment, capture_output=True, text=True,
                         timeout=600)
    failed = [line for line in ran.stdout.splitlines() if "FAILED" in line or "Failure" in line]
    assert ran.returncode == 0, "\n".join(failed) + "\n" + ran.stdout[-3000:]
    assert "SKIPPED" not in ran.stdout, ran.stdout[-2000:]
