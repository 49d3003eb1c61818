"""Concurrent writers whose every request is recorded, for the history checker."""

import random
import threading
import time

from history import Operation
from people import make_person
from scim_clients import PATCH, ScimClient
from wire import NoAnswer, Wire


class Writers:
    """64 or so clients of one directory. Each has users of its own, and all fight for some names.

    run() until stop(); what was unknown at a crash is settled by restarted(), after which it cannot
    take effect any more.
    """

    def __init__(self, base, token, count=64, contended=16, seed=1):
        self.wire = Wire(base, token, timeout=15)
        self.documents = ScimClient(self.wire, None)
        self.count, self.contended, self.seed = count, contended, seed
        self.operations, self.unsettled = [], []
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.threads, self.round = [], 0
        self.own = [[] for _ in range(count)]  # ids, by writer
        self.shared = {}  # ids of contended names, as far as anybody knows

    def start(self):
        self.stopping.clear()
        self.round += 1
        self.threads = [threading.Thread(target=self._write, args=(n,)) for n in range(self.count)]
        for thread in self.threads:
            thread.start()

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def restarted(self):
        """The process that had the unanswered requests is gone, and a new one is ready."""
        now = time.monotonic()
        for operation in self.unsettled:
            operation.end = now
        self.unsettled = []

    def acknowledged(self):
        return sum(operation.effective for operation in self.operations)

    def _write(self, number):
        dice = random.Random(f"{self.seed} {self.round} {number}")
        try:
            while not self.stopping.is_set():
                self._one(number, dice)
        except NoAnswer:
            pass  # the server is gone: so is this writer, until the next start()
        finally:
            self.wire.close()

    def _one(self, number, dice):
        mine, throw = self.own[number], dice.random()
        if throw < 0.12:
            key = f"shared{dice.randrange(self.contended)}"
            self._create(key, self.shared.setdefault(key, []), dice)
        elif throw < 0.2:
            held = self.shared.get(f"shared{dice.randrange(self.contended)}", [])
            with self.lock:
                chosen = dice.choice(held) if held else None
            if chosen:
                self._delete(chosen, held)
        elif len(mine) < 3 or throw < 0.3 and len(mine) < 6:
            self._create(f"w{number}-{self.round}-{dice.getrandbits(40):x}", mine, dice)
        elif throw < 0.35:
            self._delete(dice.choice(mine), mine)
        elif throw < 0.75:
            self._set(dice.choice(mine), f"Title {dice.getrandbits(40):x}")
        else:
            self._get(dice.choice(mine))

    def _record(self, operation, method, path, body=None):
        """Sends it, and records what is known of it even where no answer comes."""
        with self.lock:
            self.operations.append(operation)
        try:
            answer = self.wire.request(method, path, body)
        except NoAnswer as lost:
            if "ConnectionRefused" in str(lost):
                with self.lock:  # it never left
                    self.operations.remove(operation)
            else:
                self.unsettled.append(operation)
            raise
        operation.end, operation.status = time.monotonic(), answer.status
        return answer

    def _begin(self, kind, **more):
        return Operation(kind, time.monotonic(), float("inf"), None, **more)

    def _create(self, key, ids, dice):
        person = make_person(dice.randrange(1, 10**6), userName=f"{key}@example.com",
                             externalId=f"ext-{dice.getrandbits(60):x}", employeeNumber=None)
        person.attributes["title"] = f"Title {dice.getrandbits(40):x}"
        operation = self._begin("create", name=person.user_name,
                                value=person.attributes["title"])
        answer = self._record(operation, "POST", "/Users", self.documents.user_document(person))
        if answer.status == 201:
            operation.id = answer.json()["id"]
            ids.append(operation.id)

    def _set(self, user_id, title):
        operation = self._begin("set", id=user_id, value=title)
        body = {"schemas": [PATCH], "Operations": [
            {"op": "replace", "path": "title", "value": title}]}
        self._record(operation, "PATCH", f"/Users/{user_id}", body)

    def _get(self, user_id):
        operation = self._begin("get", id=user_id)
        answer = self._record(operation, "GET", f"/Users/{user_id}?attributes=title")
        if answer.status == 200:
            operation.value = answer.json().get("title")

    def _delete(self, user_id, ids):
        operation = self._begin("delete", id=user_id)
        with self.lock:
            if user_id in ids:
                ids.remove(user_id)
        self._record(operation, "DELETE", f"/Users/{user_id}")
