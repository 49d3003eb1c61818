"""scim2-server (PyPI) under uvicorn, behind a bearer token, faults on command and a log of calls.

reference_scim_server.py PORT TOKEN

GET /_control/state, GET /_control/calls, PUT /_control/faults
  {"down": true, "unavailable": 0.05, "throttle": 0.05, "lose_reply": 0.03, "seed": 7}
"""

import collections
import json
import random
import sys

import uvicorn
from scim2_server.applications.asgi import ASGIApplication
from scim2_server.memory import AsyncInMemoryStorage
from scim2_server.utils import load_default_provider


class Lost(Exception):
    """Ends the connection without an answer."""


class Gate:
    """What stands before the server: its token, its faults, its log."""

    def __init__(self, token):
        self.storage = AsyncInMemoryStorage()
        self.inner = ASGIApplication(self.storage, load_default_provider())
        self.token = token
        self.faults = {}
        self.dice = random.Random(1)
        self.calls = collections.deque(maxlen=200_000)

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            await self.inner(scope, receive, send)
        elif scope["path"].startswith("/_control/"):
            await self.control(scope, receive, send)
        else:
            await self.serve(scope, receive, send)

    async def serve(self, scope, receive, send):
        call = {"method": scope["method"], "path": scope["path"],
                "query": scope["query_string"].decode(), "status": 0}
        self.calls.append(call)
        headers = dict(scope["headers"])
        if headers.get(b"authorization") != f"Bearer {self.token}".encode():
            call["status"] = 401
            return await answer(send, 401, {"detail": "who are you?"})
        if self.strikes("down"):
            await break_off(send)
        for fault, status in (("unavailable", 503), ("throttle", 429)):
            if self.strikes(fault):
                call["status"] = status
                return await answer(send, status, {"detail": fault}, [(b"retry-after", b"1")])
        lose = self.strikes("lose_reply")

        async def sent(message):
            if lose:
                return
            if message["type"] == "http.response.start":
                call["status"] = message["status"]
            await send(message)

        await self.inner(scope, receive, sent)
        if lose:
            await break_off(send)

    def strikes(self, fault):
        chance = self.faults.get(fault, 0)
        return bool(chance) and self.dice.random() < float(chance)

    async def control(self, scope, receive, send):
        what = scope["path"].removeprefix("/_control/")
        if what == "calls":
            return await answer(send, 200, list(self.calls))
        if what == "state":
            return await answer(send, 200, self.state())
        if what == "faults" and scope["method"] == "PUT":
            body, more = b"", True
            while more:
                message = await receive()
                body += message.get("body", b"")
                more = message.get("more_body", False)
            self.faults = json.loads(body)
            self.dice = random.Random(self.faults.get("seed", 1))
            return await answer(send, 200, self.faults)
        return await answer(send, 404, {})

    def state(self):
        state = {"users": [], "groups": []}
        for resource in self.storage.resources:
            document = json.loads(resource.model_dump_json(by_alias=True, exclude_none=True))
            kind = "groups" if type(resource).__name__ == "Group" else "users"
            state[kind].append(document)
        return state


async def break_off(send):
    """Promises a body and closes the connection without it."""
    await send({"type": "http.response.start", "status": 200,
                "headers": [(b"content-type", b"application/scim+json"),
                            (b"content-length", b"1000")]})
    raise Lost


async def answer(send, status, body, headers=()):
    await send({"type": "http.response.start", "status": status,
                "headers": [(b"content-type", b"application/json"), *headers]})
    await send({"type": "http.response.body", "body": json.dumps(body).encode()})


def main(port, token):
    uvicorn.run(Gate(token), host="127.0.0.1", port=int(port), log_level="critical",
                access_log=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
