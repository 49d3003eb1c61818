"""What stands in a directory's stream, read from a data folder's own table of records.

The layout is broker/events/record.h's, the messages are proto/purser/event/v1's. Of users alone.
"""

import json
import sqlite3
from dataclasses import dataclass
from pathlib import Path

POSITION_BITS = 40
ENVELOPE_AT = 71
KINDS = {10: "created", 11: "changed", 12: "replaced", 13: "deleted"}
USER = 1


@dataclass(slots=True)
class Event:
    position: int
    kind: str     # "created", "changed", "replaced", "deleted"
    id: str
    request: str  # the X-Request-Id of who asked
    values: dict  # what it says of userName and title; a value is None where it is unassigned


def _number(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def _fields(data):
    """The fields of a message: (number, value), bytes where it has a length."""
    at = 0
    while at < len(data):
        tag, at = _number(data, at)
        form = tag & 7
        if form == 0:
            value, at = _number(data, at)
        elif form == 2:
            size, at = _number(data, at)
            value, at = data[at:at + size], at + size
        else:
            size = {1: 8, 5: 4}[form]
            value, at = data[at:at + size], at + size
        yield tag >> 3, value


def _values(kind, payload):
    if kind == "deleted":
        return {}
    if kind != "changed":
        attributes = dict(_fields(payload)).get(1, b"{}")
        document = json.loads(attributes)
        return {"userName": document.get("userName"), "title": document.get("title")}
    found = {}
    for number, value in _fields(payload):
        if number == 1:
            change = dict(_fields(value))
            name = change.get(2, b"").decode()
            if name in ("userName", "title") and not change.get(1):
                found[name] = json.loads(change[3]) if change.get(3) else None
    return found


def _event(position, record):
    assert record[:4] == b"PRSR", f"position {position} is none of our records"
    envelope = dict(_fields(record[ENVELOPE_AT:]))
    kind = KINDS.get(envelope.get(3))
    if kind is None or envelope.get(4) != USER:
        return None
    return Event(position, kind, envelope[5].decode(), envelope.get(11, b"").decode(),
                 _values(kind, envelope.get(14, b"")))


def directory_events(data):
    """Every event of a user in the one directory that a data folder holds, in the log's order."""
    file, = (path for name in ("log.db", "kafka.db") if (path := Path(data) / name).exists())
    database = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    try:
        (stream,), = database.execute("SELECT number FROM streams WHERE name LIKE 'directory/%'")
        first = stream << POSITION_BITS
        rows = database.execute("SELECT key, bytes FROM records WHERE key BETWEEN ? AND ? "
                                "ORDER BY key", (first, first + (1 << POSITION_BITS) - 1))
        found = (_event(key - first, record) for key, record in rows)
        return [event for event in found if event is not None]
    finally:
        database.close()
