"""Concurrent clients of one directory whose every request is recorded, for the history checker."""

import random
import re
import threading
import time
import urllib.parse

from history import WRITES, Operation
from people import make_person
from scim_clients import PATCH, ScimClient
from wire import NoAnswer, Wire

SHOWN = "attributes=userName,title,meta.version"
OUT_FOR = 0.2  # seconds that a node is not asked after it refused a connection


class Writers:
    """64 or so clients. Each has users of its own, and all fight for some names and their users.

    They run from start() until stop(), and ask any of the nodes, each request another one, as a load
    balancer would: not one that refused a connection a moment ago, nor with more than half of the
    clients waiting there already. What is not answered, or with 503, is not sent again.
    """

    def __init__(self, nodes, count=64, contended=16, seed=1, timeout=15, renames=True,
                 fights=0.45, pause=0.0, names=None):
        self.wires = [Wire(node.scim_base, node.scim.token, timeout=timeout, network=node.network)
                      for node in nodes]
        self.documents = ScimClient(None, None)
        self.count, self.contended, self.seed, self.renames = count, contended, seed, renames
        self.fights = fights  # the share of requests that are about those names
        self.pause = pause  # seconds that a client thinks between two requests, about
        self.names = names  # how many each client's own users take turns with; None: ever new ones
        self.operations = []
        # When what was done was answered, by node: of reads, and of writes.
        self.moments = [([], []) for _ in nodes]
        self.without_retry_after = []  # 503s that do not say when to ask again
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.threads, self.requests = [], [0] * count
        self.waiting, self.out_until = [0] * len(nodes), [0.0] * len(nodes)
        self.failed = None
        self.own = [[] for _ in range(count)]  # ids, by writer
        self.shared = []                       # ids of those with contended names
        self.known = {}                        # id -> (document, version), as it was last seen

    def start(self):
        self.stopping.clear()
        self.threads = [threading.Thread(target=self._write, args=(n,)) for n in range(self.count)]
        for thread in self.threads:
            thread.start()

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()
        if self.failed:
            raise self.failed

    def acknowledged(self):
        return sum(len(times) for node in self.moments for times in node)

    def unanswered(self):
        return [operation for operation in self.operations if operation.status is None]

    def _write(self, number):
        dice = random.Random(f"{self.seed} {number} {self.requests[number]}")
        try:
            while not self.stopping.is_set():
                self.stopping.wait(self.pause * 2 * dice.random())
                node = self._pick(dice)
                if node is None:
                    self.stopping.wait(0.02)
                    continue
                try:
                    self._one(_Client(self, number, node), dice)
                except NoAnswer:
                    pass  # it is recorded as such
        except BaseException as failed:  # shown by stop(), in the test's own thread
            self.failed = failed
        finally:
            for wire in self.wires:
                wire.close()

    def _pick(self, dice):
        now, most = time.monotonic(), max(self.count // 2, 1)
        free = [node for node, waiting in enumerate(self.waiting)
                if self.out_until[node] <= now and (len(self.wires) == 1 or waiting < most)]
        return dice.choice(free) if free else None

    def _one(self, client, dice):
        if dice.random() < self.fights:
            return self._fight(client, dice)
        mine, throw = self.own[client.number], dice.random()
        if len(mine) < 3 or throw < 0.1 and len(mine) < 6:
            return client.create(self._name(client.number, dice), mine, dice)
        user_id = dice.choice(mine)
        if throw < 0.2:
            return client.delete(user_id, mine, dice)
        if throw < 0.7:
            return client.patch(user_id, dice)
        return client.get(user_id)

    def _name(self, number, dice):
        if self.names:
            return f"w{number}-{dice.randrange(self.names)}"
        return f"w{number}-{self.requests[number]}-{dice.getrandbits(32):x}"

    def _fight(self, client, dice):
        """For the names that all want."""
        name, throw = f"shared{dice.randrange(self.contended)}", dice.random()
        with self.lock:
            user_id = dice.choice(self.shared) if self.shared else None
        if throw < 0.15:
            return client.find(f"{name}@example.com")
        if throw < 0.3 or user_id is None:
            return client.create(name, self.shared, dice)
        if throw < 0.4:
            return client.delete(user_id, self.shared, dice)
        if throw < 0.7:
            return client.patch(user_id, dice)
        if throw < 0.8 and user_id in self.known:
            return client.replace(user_id, name if self.renames else None, dice)
        return client.get(user_id)


class _Client:
    """One request of a writer to a node."""

    def __init__(self, writers, number, node):
        self.writers, self.number, self.node = writers, number, node
        writers.requests[number] += 1
        self.request = f"w{number}-{writers.requests[number]}"

    def create(self, key, ids, dice):
        person = make_person(dice.randrange(1, 10**6), userName=f"{key}@example.com",
                             externalId=f"ext-{dice.getrandbits(60):x}", employeeNumber=None)
        person.attributes["title"] = self._title(dice)
        document = self.writers.documents.user_document(person)
        operation, answer = self._ask("create", "POST", "/Users", document, name=person.user_name,
                                      value=person.attributes["title"])
        if answer.status == 201:
            self.writers.known[operation.id] = (document, operation.version)
            ids.append(operation.id)

    def patch(self, user_id, dice):
        title = self._title(dice)
        self._ask("patch", "PATCH", f"/Users/{user_id}", {"schemas": [PATCH], "Operations": [
            {"op": "replace", "path": "title", "value": title}]},
            id=user_id, value=title, if_match=self._if_match(user_id, dice))

    def replace(self, user_id, key, dice):
        document = {**self.writers.known[user_id][0], "title": self._title(dice)}
        if key is not None:
            document["userName"] = f"{key}@example.com"
        self._ask("replace", "PUT", f"/Users/{user_id}", document, id=user_id,
                  name=document["userName"], value=document["title"],
                  if_match=self._if_match(user_id, dice))

    def delete(self, user_id, ids, dice):
        with self.writers.lock:
            if user_id in ids:
                ids.remove(user_id)
        _, answer = self._ask("delete", "DELETE", f"/Users/{user_id}", id=user_id,
                              if_match=self._if_match(user_id, dice))
        if answer.status == 412:
            ids.append(user_id)

    def get(self, user_id):
        self._ask("get", "GET", f"/Users/{user_id}?{SHOWN}", id=user_id)

    def find(self, name):
        sought = urllib.parse.quote(f'userName eq "{name}"')
        self._ask("find", "GET", f"/Users?{SHOWN}&filter={sought}", name=name)

    def _title(self, dice):
        return f"Title {self.request} {dice.getrandbits(24):x}"

    def _if_match(self, user_id, dice):
        known = self.writers.known.get(user_id)
        if not known or dice.random() < 0.5:
            return None
        return known[1] - (dice.random() < 0.2)  # one that is not its version any more, or never was

    def _ask(self, kind, method, path, body=None, **more):
        operation = Operation(kind, self.request, time.monotonic(), node=self.node, **more)
        headers = {"X-Request-Id": self.request}
        if operation.if_match is not None:
            headers["If-Match"] = f'W/"{operation.if_match}"'
        answer = self._send(operation, method, path, body, headers)
        operation.end, operation.status = time.monotonic(), answer.status
        if operation.effective:
            self.writers.moments[self.node][kind in WRITES].append(operation.end)
        if answer.status == 503 and "retry-after" not in answer.headers:
            self.writers.without_retry_after.append(operation)
        if answer.status in (200, 201):
            self._note(operation, answer.json())
        return operation, answer

    def _send(self, operation, method, path, body, headers):
        writers = self.writers
        sent = True
        with writers.lock:
            writers.waiting[self.node] += 1
        try:
            return writers.wires[self.node].request(method, path, body, headers)
        except NoAnswer as lost:
            operation.lost = str(lost)
            if "ConnectionRefused" in str(lost):
                sent = False
                writers.out_until[self.node] = time.monotonic() + OUT_FOR
            raise
        finally:
            with writers.lock:
                writers.waiting[self.node] -= 1
                if sent:
                    writers.operations.append(operation)

    def _note(self, operation, document):
        """What the answer shows, which is held against what was asked for as well."""
        if operation.kind == "find":
            if not document["totalResults"]:
                return
            document, = document["Resources"]
        operation.id = document["id"]
        operation.name = document["userName"] if operation.kind != "patch" else None
        operation.value = document.get("title")
        operation.version = int(re.fullmatch(r'W/"(\d+)"', document["meta"]["version"]).group(1))
        known = self.writers.known.get(operation.id)
        if known:
            self.writers.known[operation.id] = (known[0], operation.version)
