"""What befalls topics: made, deleted, cut, given other settings, written to by strangers.

Kafka's own protocol, in versions that brokers from 3.9 to 4.3 speak.
"""

import socket
import struct
import time

from kafka import exactly

PRODUCE, CREATE_TOPICS, DELETE_TOPICS, DELETE_RECORDS = 0, 19, 20, 21
CREATE_PARTITIONS, ALTER_CONFIGS = 37, 44
TIMEOUT = 10_000
TOPIC = 2  # the kind of resource that has settings
SET, DELETE = 0, 1
NOT_YET = (3, 6, 36)  # unknown topic, no leader, it exists already


def text(value):
    data = value.encode()
    return struct.pack(">h", len(data)) + data


def array(items):
    return struct.pack(">i", len(items)) + b"".join(items)


def nothing(form):
    return struct.pack(f">{form}", -1)


class TopicAdmin:
    """Asks one broker, the only one."""

    def __init__(self, address):
        host, _, port = address.rpartition(":")
        self.address = host, int(port)

    def delete(self, topic):
        answer = self._ask(DELETE_TOPICS, 1, array([text(topic)]) + struct.pack(">i", TIMEOUT))
        self._check(answer, 4 + 4 + 2 + len(topic))

    def create(self, topic, **settings):
        """With one partition; waits while a topic of that name is still being deleted."""
        pairs = array([text(name.replace("_", ".")) + text(value)
                       for name, value in settings.items()])
        wanted = text(topic) + struct.pack(">ih", 1, -1) + array([]) + pairs
        self._ask_until_known(CREATE_TOPICS, 4, array([wanted]) + struct.pack(">ib", TIMEOUT, 0),
                              4 + 4 + 2 + len(topic))

    def delete_records(self, topic, before):
        """Cuts the beginning."""
        answer = self._ask(DELETE_RECORDS, 1, array([
            text(topic) + array([struct.pack(">iq", 0, before)])]) + struct.pack(">i", TIMEOUT))
        self._check(answer, 4 + 4 + 2 + len(topic) + 4 + 4 + 8)

    def add_partitions(self, topic, count):
        answer = self._ask(CREATE_PARTITIONS, 1, array([
            text(topic) + struct.pack(">i", count) + nothing("i")]) +
            struct.pack(">ib", TIMEOUT, 0))
        self._check(answer, 4 + 4 + 2 + len(topic))

    def set(self, topic, name, value):
        """`value` None: the cluster's default again."""
        change = text(name) + struct.pack(">b", SET if value is not None else DELETE)
        change += text(value) if value is not None else nothing("h")
        answer = self._ask(ALTER_CONFIGS, 0, array([
            struct.pack(">b", TOPIC) + text(topic) + array([change])]) + struct.pack(">b", 0))
        self._check(answer, 4 + 4)

    def produce(self, topic, values):
        """Appends, as anybody may; waits for a topic that was just made."""
        batch = record_batch(values)
        asked = nothing("h") + struct.pack(">hi", -1, TIMEOUT) + array([
            text(topic) + array([struct.pack(">ii", 0, len(batch)) + batch])])
        self._ask_until_known(PRODUCE, 3, asked, 4 + 2 + len(topic) + 4 + 4)

    def _ask_until_known(self, key, version, body, at):
        """Again while the broker has not heard of the topic, or still knows an older one."""
        deadline = time.monotonic() + 20
        while True:
            answer = self._ask(key, version, body)
            error, = struct.unpack_from(">h", answer, at)
            if error not in NOT_YET or time.monotonic() > deadline:
                return self._check(answer, at)
            time.sleep(0.02)

    def _check(self, answer, at):
        error, = struct.unpack_from(">h", answer, at)
        assert error == 0, f"the broker answered {error}"

    def _ask(self, key, version, body):
        asked = struct.pack(">hhi", key, version, 1) + text("tests") + body
        with socket.create_connection(self.address, timeout=30) as wire:
            wire.sendall(struct.pack(">i", len(asked)) + asked)
            size, = struct.unpack(">i", exactly(wire, 4))
            return exactly(wire, size)[4:]  # without the correlation


def varint(number):
    number = (number << 1) ^ (number >> 63)
    out = bytearray()
    while True:
        out.append((number & 0x7F) | (0x80 if number > 0x7F else 0))
        number >>= 7
        if not number:
            return bytes(out)


def record_batch(values):
    """A batch of the second format, without keys."""
    now = int(time.time() * 1000)
    records = b""
    for index, value in enumerate(values):
        one = (b"\0" + varint(0) + varint(index) + varint(-1) + varint(len(value)) + value +
               varint(0))
        records += varint(len(one)) + one
    counted = struct.pack(">hiqqqhii", 0, len(values) - 1, now, now, -1, -1, -1, len(values))
    counted += records
    rest = struct.pack(">ib", 0, 2) + struct.pack(">I", crc32c(counted)) + counted
    return struct.pack(">qi", 0, len(rest)) + rest


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF
