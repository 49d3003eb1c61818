"""Real Kafka brokers by deploy/kafka, and who leads a topic there."""

import os
import shutil
import signal
import socket
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

from waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
METADATA, DESCRIBE_QUORUM = 3, 55  # the requests' keys


class KafkaUnavailable(Exception):
    pass


@dataclass
class Partition:
    leader: int  # -1 where there is none
    replicas: list
    in_sync: list


class KafkaCluster:
    """One broker or three in a folder."""

    def __init__(self, folder, version=None, brokers=None, secure=False, host=None):
        self.folder = Path(folder)
        self.options = [*(["--version", version] if version else []),
                        *(["--brokers", str(brokers)] if brokers else []),
                        *(["--host", host] if host else []),
                        *(["--secure"] if secure else [])]
        self.address = None

    def start(self):
        """Starts the brokers that do not run."""
        for program in ("java", "mvn"):
            if shutil.which(program) is None:
                raise KafkaUnavailable(f"{program} is missing: deploy/install-deps --tests")
        done = self._run("start", *self.options)
        if done.returncode != 0:
            raise KafkaUnavailable(done.stderr.strip())
        self.address = done.stdout.split()[-1]
        return self

    def stop(self, broker=None, kill=False):
        """All, or one; `kill` is kill -9."""
        done = self._run("stop", *(["--broker", str(broker)] if broker else []),
                         *(["--kill"] if kill else []))
        assert done.returncode == 0, done.stderr

    def pause(self, broker):
        """It falls silent, and its connections stand."""
        os.kill(self._pid(broker), signal.SIGSTOP)

    def go_on(self, broker):
        os.kill(self._pid(broker), signal.SIGCONT)

    def _pid(self, broker):
        return int((self.folder / str(broker) / "pid").read_text())

    def _run(self, script, *arguments):
        # Into files: the brokers keep what they are given open.
        with open(f"{self.folder}.{script}", "w+") as out, \
                open(f"{self.folder}.{script}.err", "w+") as err:
            done = subprocess.run(
                [ROOT / "deploy/kafka" / script, "--dir", str(self.folder), *arguments],
                stdin=subprocess.DEVNULL, stdout=out, stderr=err, text=True, timeout=300)
            for name, file in (("stdout", out), ("stderr", err)):
                file.seek(0)
                setattr(done, name, file.read())
        return done

    def log_url(self, prefix, listener="plain"):
        return f"kafka://{self.addresses()[listener]}/{prefix}"

    def addresses(self):
        """What each listener is reached at: plain, and with security tls, mtls, sasl_tls, ..."""
        lines = (self.folder / "addresses").read_text().splitlines()
        return dict(line.split() for line in lines)

    def topics(self):
        """{topic: Partition}, of topics with one partition, as a broker that answers has them."""
        return self._asked(_metadata)

    def controller(self):
        """Which broker is the active controller; -1 where there is none."""
        return self._asked(_controller)

    def _asked(self, question):
        for address in self.address.split(","):
            try:
                return question(address)
            except OSError:
                continue
        raise AssertionError("no broker answers")

    def await_replicas(self, topic, count, timeout=60):
        wait_until(lambda: len(self.topics()[topic].in_sync) == count, timeout,
                   f"{count} replicas of {topic} in sync")


class _Fields:
    """The fields of an answer, one after the other."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def number(self, form):
        value, = struct.unpack_from(f">{form}", self.data, self.at)
        self.at += struct.calcsize(form)
        return value

    def text(self):
        size = self.number("h")
        if size < 0:
            return None
        self.at += size
        return self.data[self.at - size:self.at].decode()

    def numbers(self):
        return [self.number("i") for _ in range(self.number("i"))]

    def skip(self, size):
        self.at += size


def _metadata(address):
    """Asks for all topics: version 1 of the request, as every broker still speaks it."""
    fields = _ask(address, struct.pack(">hhihi", METADATA, 1, 1, -1, -1))
    for _ in range(fields.number("i")):  # brokers
        fields.number("i"), fields.text(), fields.number("i"), fields.text()
    fields.number("i")  # controller
    return dict(_topic(fields) for _ in range(fields.number("i")))


def _controller(address):
    """Asks who leads the quorum of the cluster's metadata: version 0 of the request, whose strings
    and lists have their length plus one before them, in a byte where it is short."""
    topic = b"__cluster_metadata"
    fields = _ask(address, struct.pack(">hhihb", DESCRIBE_QUORUM, 0, 1, -1, 0)
                  + bytes([2, len(topic) + 1]) + topic + bytes([2, 0, 0, 0, 0, 0, 0, 0]))
    fields.skip(1)  # of the header, no field
    if fields.number("h"):
        return -1
    fields.skip(1 + 1 + len(topic) + 1)  # one topic, its name, one partition
    fields.number("i")
    return -1 if fields.number("h") else fields.number("i")


def _ask(address, request):
    """What comes after the correlation id in the answer."""
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=5) as wire:
        wire.sendall(struct.pack(">i", len(request)) + request)
        size, = struct.unpack(">i", exactly(wire, 4))
        fields = _Fields(exactly(wire, size))
    fields.number("i")  # correlation
    return fields


def _topic(fields):
    fields.number("h")  # error
    name = fields.text()
    fields.number("b")  # internal
    found = Partition(-1, [], [])
    for _ in range(fields.number("i")):
        fields.number("h"), fields.number("i")  # error, partition
        found = Partition(fields.number("i"), fields.numbers(), fields.numbers())
    return name, found


def exactly(wire, size):
    data = b""
    while len(data) < size:
        got = wire.recv(size - len(data))
        if not got:
            raise ConnectionError("the broker hung up")
        data += got
    return data
