"""What integration and conformance tests share: the program, the sandbox, a broker; each its own."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent / "support"))

import processes  # noqa: E402
from kafka import KafkaCluster, KafkaUnavailable  # noqa: E402
from worlds import World  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "alone: bounds a time, so nothing else may run beside it")


LONG = os.environ.get("PURSER_LONG", "0") == "1"


@pytest.fixture(scope="session")
def binary():
    path = processes.binary()
    if path is None:
        pytest.fail("there is no purser to test: build it, or set PURSER_BINARY", pytrace=False)
    return path


@pytest.fixture
def long_run():
    return LONG


@pytest.fixture
def world(binary, tmp_path):
    """Makes worlds: world(apps=..., faults=..., log=...); all their programs end with the test."""
    made = []

    def make(**options):
        made.append(World(tmp_path / f"world{len(made)}", **options))
        return made[-1]

    yield make
    for one in made:
        one.kill()


@pytest.fixture
def start(binary, tmp_path):
    """Starts a program; it ends with the test."""
    started = []

    def run(program):
        started.append(program)
        program.start()
        return program

    yield run
    for program in started:
        program.kill()


@pytest.fixture(scope="session")
def kafka(tmp_path_factory):
    """A real broker for the whole session; skipped by name where it cannot be had."""
    broker = KafkaCluster(tmp_path_factory.mktemp("kafka"))
    try:
        broker.start()
    except KafkaUnavailable as missing:
        pytest.skip(f"Kafka cannot be had: {missing}")
    yield broker
    broker.stop()


@pytest.fixture
def kafka_cluster(tmp_path):
    """Starts brokers of the test's own: kafka_cluster(brokers=3, version="3.9.2", secure=True)."""
    made = []

    def make(**options):
        made.append(KafkaCluster(tmp_path / f"kafka{len(made)}", **options))
        try:
            return made[-1].start()
        except KafkaUnavailable as missing:
            pytest.skip(f"Kafka cannot be had: {missing}")

    yield make
    for one in made:
        one.stop(kill=True)


@pytest.fixture(params=["embedded", "kafka"])
def log_address(request):
    """Where the log is: None for the embedded engine, a fresh prefix on the broker for Kafka."""
    if request.param == "embedded":
        return None
    return request.getfixturevalue("kafka").log_url(f"p{os.getpid()}-{abs(hash(request.node.name))}")


@pytest.fixture(scope="module")
def quiet_server(binary, tmp_path_factory):
    """One Purser without apps, shared by tests that change nothing."""
    server = processes.Purser(tmp_path_factory.mktemp("quiet"))
    try:
        yield server.start()
    finally:
        server.kill()
