"""A small, fast HTTP client over http.client: one connection a thread, kept alive."""

import contextlib
import http.client
import json
import select
import threading
import urllib.parse
from dataclasses import dataclass, field


@dataclass
class Answer:
    status: int
    headers: dict = field(default_factory=dict)  # names in lower case
    body: bytes = b""

    def json(self):
        return json.loads(self.body) if self.body else None

    @property
    def text(self):
        return self.body.decode(errors="replace")


class NoAnswer(Exception):
    """The request was sent, or not, and no answer came: what became of it is not known."""


class _Connection(http.client.HTTPConnection):
    """Made inside a network, where one is named; it stays there."""

    def __init__(self, *arguments, network=None, **options):
        super().__init__(*arguments, **options)
        self.network = network or contextlib.nullcontext()

    def connect(self):
        with self.network:
            super().connect()


def _has_hung_up(sock):
    """Whether the server has closed a kept connection: nothing else comes unasked."""
    return bool(select.select([sock], [], [], 0)[0])


class Wire:
    """Requests to one server. Thread-safe: each thread has a connection of its own."""

    def __init__(self, base, token=None, timeout=30.0, resend=("GET",), network=None):
        parts = urllib.parse.urlsplit(base)
        self._host, self._port = parts.hostname, parts.port
        self._prefix = parts.path.rstrip("/")
        self.token = token
        self.timeout = timeout
        self._network = network  # a Network (networks.py); None: this process's
        self._resend = resend  # methods sent again where a kept connection turns out closed
        self._local = threading.local()

    def close(self):
        """Closes the calling thread's connection."""
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            self._local.connection = None

    def _connection(self):
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = _Connection(self._host, self._port, timeout=self.timeout,
                                     network=self._network)
            self._local.connection = connection
        return connection

    def request(self, method, path, body=None, headers=None):
        """One request; NoAnswer where none came. `body` may be bytes, or a value sent as JSON."""
        sent = {"Accept": "application/scim+json"}
        if self.token is not None:
            sent["Authorization"] = f"Bearer {self.token}"
        if body is not None and not isinstance(body, (bytes, bytearray)):
            body = json.dumps(body).encode()
        if body is not None:
            sent["Content-Type"] = "application/scim+json"
        sent.update(headers or {})
        connection = self._connection()
        if connection.sock is not None and _has_hung_up(connection.sock):
            self.close()
            connection = self._connection()
        fresh = connection.sock is None
        try:
            return self._exchange(connection, method, path, body, sent)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            if not fresh and method in self._resend:
                return self.request(method, path, body, headers)
            raise NoAnswer(f"{method} {path}: {error!r}") from error

    def _exchange(self, connection, method, path, body, headers):
        connection.request(method, self._prefix + path, body, headers)
        response = connection.getresponse()
        answer = Answer(response.status, {k.lower(): v for k, v in response.getheaders()},
                        response.read())
        if response.will_close:
            self.close()
        return answer

    def get(self, path, **more):
        return self.request("GET", path, **more)

    def post(self, path, body=None, **more):
        return self.request("POST", path, body, **more)

    def put(self, path, body=None, **more):
        return self.request("PUT", path, body, **more)

    def patch(self, path, body=None, **more):
        return self.request("PATCH", path, body, **more)

    def delete(self, path, **more):
        return self.request("DELETE", path, **more)
