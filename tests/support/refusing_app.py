"""A SCIM app, in a thread of the test, that refuses every user and repeats in its error what it was
sent, the token and the user's values included."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = "refusing-secret-4711"


class RefusingApp:
    def __init__(self):
        app = self
        self.requests = []  # (method, path, headers in lower case)

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                self.arrived()
                self.answer(200, {"schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
                                  "totalResults": 0, "Resources": []})

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                self.arrived()
                self.answer(400, {"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
                                  "status": "400", "scimType": "invalidValue",
                                  "detail": f"userName is invalid: {body} "
                                            f"for {self.headers['Authorization']}"})

            def arrived(self):
                headers = {name.lower(): value for name, value in self.headers.items()}
                app.requests.append((self.command, self.path, headers))

            def answer(self, status, value):
                text = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/scim+json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)

    def start(self):
        self.thread.start()
        return self

    def kill(self):
        self.server.shutdown()
        self.server.server_close()

    def environment(self):
        return {"REFUSING_URL": f"http://127.0.0.1:{self.server.server_port}/scim",
                "REFUSING_TOKEN": TOKEN}
