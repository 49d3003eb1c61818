"""The programs under test as processes: `purser serve`, `purser sandbox`, a SCIM server."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

from waiting import wait_until
from wire import NoAnswer, Wire

ROOT = Path(__file__).resolve().parents[2]
FOUR_APPS = ROOT / "deploy/samples/four-apps.yaml"
DEV_TOKEN = "dev-token-of-the-tests"
SECRETS = {
    "RECNICE_TOKEN": "recnice-secret-4711",
    "PRECIATE_TOKEN": "preciate-secret-4711",
    "ALEXISHR_TOKEN": "alexishr-secret-4711",
    "REPLICON_COMPANY_ID": "acme",
    "REPLICON_USERNAME": "admin",
    "REPLICON_PASSWORD": "replicon-secret-4711",
    "REPLICON_DOMAIN": "na1",
}
CONTROL = ("GET", "PUT", "DELETE")  # all that a control page is asked may be asked twice
FOUR = ("recnice", "preciate", "alexishr", "replicon")


def binary():
    """The program under test: $PURSER_BINARY, else the newest kind of build there is; or None."""
    given = os.environ.get("PURSER_BINARY")
    candidates = [given] if given else [
        ROOT / "build/test/purser",
        ROOT / "build/release/purser",
        ROOT / "build/dev/purser",
    ]
    return next((str(path) for path in candidates if Path(path).is_file()), None)


_given_ports = set()


def free_port():
    """A port that nobody listens on, and that this process has not given out before."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        if port not in _given_ports:
            _given_ports.add(port)
            return port


class Program:
    """A child process with its output in a file; ended with the test, whatever happens."""

    def __init__(self, log_file):
        self.log_file = Path(log_file)
        self.process = None

    def launch(self, command, env=None):
        assert self.process is None or self.process.poll() is not None, "it runs already"
        with open(self.log_file, "ab") as output:
            self.process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT,
                                            stdin=subprocess.DEVNULL, env=env)

    def running(self):
        return self.process is not None and self.process.poll() is None

    def log(self):
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def tail(self, lines=30):
        return "\n".join(self.log().splitlines()[-lines:])

    def kill(self):
        """kill -9."""
        if self.running():
            self.process.kill()
        if self.process is not None:
            self.process.wait()

    def terminate(self, timeout=30):
        """SIGTERM; the exit status."""
        if self.running():
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(
                f"still running {timeout} s after SIGTERM: {self.tail()}") from None


class Purser(Program):
    """`purser serve --dev` on ports of its own, or the operator's commands asked of it.

    `network` is the Network (networks.py) that it runs in; None: this process's.
    """

    def __init__(self, folder, apply=(), env=None, log=None, arguments=(), network=None):
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(folder / "purser.log")
        self.data = folder / "data"
        self.apply = [str(path) for path in apply]
        self.log_address = log  # kafka://HOST:PORT/PREFIX; None: embedded
        self.arguments = list(arguments)
        self.network = network
        self.http_port, self.grpc_port = free_port(), free_port()
        self.env = {**os.environ, **SECRETS, "PURSER_DEV_TOKEN": DEV_TOKEN, **(env or {})}
        self.base = f"http://127.0.0.1:{self.http_port}"
        self.root = Wire(self.base, timeout=10, network=network)
        self.scim_base = f"{self.base}/scim/v2"
        self.scim = Wire(self.scim_base, DEV_TOKEN, network=network)

    def _inside(self):
        """What runs a program in its network."""
        return self.network.command() if self.network else []

    def command(self):
        command = [*self._inside(), binary(), "serve", "--dev", "--data", str(self.data),
                   "--http", f"127.0.0.1:{self.http_port}",
                   "--grpc", f"127.0.0.1:{self.grpc_port}"]
        if self.log_address:
            command += ["--log", self.log_address]
        for path in self.apply:
            command += ["--apply", path]
        return command + self.arguments

    def start(self, timeout=60):
        self.root.close()
        self.scim.close()
        self.launch(self.command(), self.env)
        self.wait_ready(timeout)
        return self

    def status_of(self, path):
        """The status of a GET, or 0 without an answer."""
        try:
            return self.root.get(path).status
        except NoAnswer:
            return 0

    def wait_ready(self, timeout=60):
        def ready():
            assert self.running(), f"purser ended with {self.process.returncode}: {self.tail()}"
            return self.status_of("/readyz") == 200
        wait_until(ready, timeout, lambda: f"/readyz of purser; its log: {self.tail()}",
                   interval=0.01)

    def run_to_end(self, timeout=60):
        """Runs it where it is expected to refuse; (exit status, output)."""
        done = subprocess.run(self.command(), env=self.env, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=timeout)
        return done.returncode, done.stdout

    def restart(self, timeout=60):
        if self.running():
            assert self.terminate() == 0, self.tail()
        return self.start(timeout)

    def cli(self, *arguments, timeout=60, env=None):
        """An operator's command, asked of this server."""
        asked = {**self.env, "PURSER_GRPC": f"127.0.0.1:{self.grpc_port}",
                 "PURSER_TOKEN": DEV_TOKEN, **(env or {})}
        command = [*self._inside(), binary(), *map(str, arguments)]
        return subprocess.run(command, env=asked, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout)

    def cli_json(self, *arguments, timeout=60):
        done = self.cli(*arguments, "-o", "json", timeout=timeout)
        assert done.returncode == 0, f"{arguments}: {done.returncode} {done.stdout} {done.stderr}"
        return json.loads(done.stdout)

    def metrics(self):
        """Every sample of /metrics: {name: [(labels, value)]}."""
        return parse_metrics(self.root.get("/metrics").text)

    def gauge(self, name, **labels):
        """The sum of a metric's samples that have these labels; 0 where there is none."""
        return sum(value for found, value in self.metrics().get(name, ())
                   if all(found.get(k) == v for k, v in labels.items()))


def parse_metrics(text):
    samples = {}
    for line in text.splitlines():
        match = re.fullmatch(r"([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)", line)
        if not match or line.startswith("#"):
            continue
        labels = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', match.group(2) or ""))
        samples.setdefault(match.group(1), []).append((labels, float(match.group(3))))
    return samples


class Sandbox(Program):
    """`purser sandbox`: the twins of the four applications."""

    def __init__(self, folder, faults=None):
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(folder / "sandbox.log")
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.control = Wire(f"{self.base}/_sandbox", timeout=60, resend=CONTROL)
        self.faults = faults

    def start(self):
        command = [binary(), "sandbox", "--listen", f"127.0.0.1:{self.port}"]
        if self.faults:
            command += ["--faults", str(self.faults)]
        self.launch(command, {**os.environ, **SECRETS})

        def answers():
            assert self.running(), f"the sandbox ended: {self.tail()}"
            try:
                return self.control.get("/").status == 200
            except NoAnswer:
                return False
        wait_until(answers, 30, lambda: f"the sandbox; its log: {self.tail()}")
        return self

    def environment(self):
        """What deploy/samples/four-apps.yaml needs to be set."""
        return {**SECRETS,
                "RECNICE_URL": f"{self.base}/recnice/scim",
                "PRECIATE_URL": f"{self.base}/preciate/api/v1/scim",
                "ALEXISHR_URL": f"{self.base}/alexishr/scim",
                "REPLICON_URL": f"{self.base}/replicon"}

    def state(self, app):
        answer = self.control.get(f"/{app}/state")
        assert answer.status == 200, answer.text
        return answer.json()

    def set_state(self, app, state):
        self._done(self.control.put(f"/{app}/state", state))

    def calls(self, app, since=0, bodies=False):
        answer = self.control.get(f"/{app}/calls?since={since}{'&bodies=1' if bodies else ''}")
        assert answer.status == 200, answer.text
        listed = answer.json()
        return listed["calls"] if isinstance(listed, dict) else listed

    def clear_calls(self, app):
        self._done(self.control.delete(f"/{app}/calls"))

    def stats(self, app):
        return self.control.get(f"/{app}/stats").json()

    def set_faults(self, app, rules):
        self._done(self.control.put(f"/{app}/faults", {"rules": rules}))

    def clear_faults(self, app):
        self._done(self.control.delete(f"/{app}/faults"))

    def configure(self, app, **settings):
        self._done(self.control.put(f"/{app}/settings", settings))

    def take_down(self, app):
        """No call gets an answer until clear_faults()."""
        self.set_faults(app, [{"name": "down", "fault": {"kind": "drop_before"}}])

    @staticmethod
    def _done(answer):
        assert answer.status in (200, 204), f"{answer.status} {answer.text}"


class ReferenceServer(Program):
    """scim2-server, a SCIM server of others, behind faults of ours (see reference_scim_server.py)."""

    TOKEN = "reference-secret-4711"

    def __init__(self, folder):
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(folder / "reference.log")
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.control = Wire(f"{self.base}/_control", timeout=60, resend=CONTROL)

    def start(self):
        script = Path(__file__).with_name("reference_scim_server.py")
        self.launch([sys.executable, str(script), str(self.port), self.TOKEN])

        def answers():
            assert self.running(), f"scim2-server ended: {self.tail()}"
            try:
                return self.control.get("/calls").status == 200
            except NoAnswer:
                return False
        wait_until(answers, 60, lambda: f"scim2-server; its log: {self.tail()}")
        return self

    def environment(self):
        return {"REFERENCE_URL": f"{self.base}/v2", "REFERENCE_TOKEN": self.TOKEN}

    def state(self):
        """{"users": [...], "groups": [...]} as the server itself lists them."""
        return self.control.get("/state").json()

    def calls(self):
        return self.control.get("/calls").json()

    def set_faults(self, **faults):
        answer = self.control.put("/faults", faults)
        assert answer.status == 200, answer.text
