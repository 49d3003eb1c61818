"""A receiver of security event tokens: polls a feed, verifies what it gets by another library."""

import http.server
import json
import threading

import jwt

ISSUER = "https://id.example.com"
AUDIENCE = "https://warehouse.example.com"
PROV = "urn:ietf:params:scim:event:prov:"

CONFIGURATION = f"""
directories:
- name: main
  security_events:
    issuer: {ISSUER}
    %s
    feeds:
"""


def configuration(path, *feeds, key="", directory="main"):
    """Writes a file that gives the directory these feeds: {"name": .., "detail": ..}."""
    text = CONFIGURATION % (f"signing_key: ${{file:{key}}}" if key else "")
    text = text.replace("name: main", f"name: {directory}")
    for feed in feeds:
        text += f"    - {json.dumps({'audience': [AUDIENCE], **feed})}\n"
    path.write_text(text)
    return path


def verified(token, keys):
    """The claims of a signed event; an exception where it is not what it says."""
    header = jwt.get_unverified_header(token)
    assert header["typ"] == "secevent+jwt" and header["alg"] in ("ES256", "RS256"), header
    return jwt.decode(token, keys[header["kid"]], algorithms=[header["alg"]], audience=AUDIENCE,
                      issuer=ISSUER)


def public_keys(wire, path="/.well-known/jwks.json"):
    answer = wire.get(path)
    assert answer.status == 200, answer.text
    return {key.key_id: key for key in jwt.PyJWKSet.from_json(answer.text).keys}


class Poller:
    """Polls one feed; what it was given stands in `got`, by jti, in the order it came."""

    def __init__(self, purser, feed="warehouse", token=None):
        self.purser, self.feed = purser, feed
        self.token = token
        self.got = {}
        self.repeated = 0
        self.owed = []  # given, and not yet acknowledged

    def ask(self, query="", **message):
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        return self.purser.scim.post(f"/Feeds/{self.feed}{query}", message, headers=headers)

    def poll(self, query="", acknowledge=True, **message):
        """One poll that acknowledges what the one before gave; the claims of the new events."""
        message = {"returnImmediately": True, **message}
        if acknowledge:
            message["ack"] = self.owed
        answer = self.ask(query, **message)
        assert answer.status == 200, f"{answer.status} {answer.text}"
        if acknowledge:
            self.owed = []
        body = answer.json()
        keys = public_keys(self.purser.root)
        events = sorted((verified(token, keys) for token in body["sets"].values()), key=position)
        for event in events:
            assert body["sets"][event["jti"]], "each stands under its jti"
            self.repeated += event["jti"] in self.got
            self.got.setdefault(event["jti"], event)
            self.owed.append(event["jti"])
        self.more = body.get("moreAvailable", False)
        return events

    def drain(self):
        """Polls and acknowledges until nothing comes."""
        while self.poll() or self.more:
            pass
        return list(self.got.values())


def position(event):
    return int(event["jti"].split(".")[0])


def kinds(event):
    """{"create", "deactivate"}: what an event says, in short."""
    return {uri.removeprefix(PROV).split(":")[0] for uri in event["events"]}


class PushReceiver:
    """An HTTP server that takes pushed events (RFC 8935); `answer` decides what it says."""

    def __init__(self):
        self.requests = []  # (headers, body), in the order they came
        self.answer = lambda body: (202, {}, b"")
        self.lock = threading.Lock()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                with outer.lock:
                    outer.requests.append((dict(self.headers), body))
                    status, headers, said = outer.answer(body)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/events"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def events(self, purser):
        """The claims of all that came, verified, in the order they came."""
        keys = public_keys(purser.root)
        with self.lock:
            bodies = [body for _, body in self.requests]
        return [verified(body, keys) for body in bodies]

    def close(self):
        self.server.shutdown()
        self.server.server_close()
