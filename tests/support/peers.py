"""SCIM servers of others, everything in memory, that Purser is measured beside.

tests/support/peers/install fetches what npm and Maven have; scim2-server is a requirement of the
tests already. Each serves `base` for one bearer token.
"""

import subprocess
from pathlib import Path

from processes import Program, ReferenceServer, free_port
from waiting import wait_until
from wire import NoAnswer, Wire

HERE = Path(__file__).resolve().parent


class PeerUnavailable(Exception):
    """It could not be had here; why."""


def installed(name):
    """The folder of a peer, fetched and built where it is not yet."""
    done = subprocess.run([HERE / "peers/install", name], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        raise PeerUnavailable(f"{name} cannot be had: {done.stderr.strip()[-500:]}")
    return Path(done.stdout.strip())


class Peer(Program):
    """A server of others, started on a port of its own."""

    TOKEN = "peer-secret-4711"
    name = None  # as docs call it, with the version that is pinned

    def __init__(self, folder, users=()):
        """`users`: (count, template file), where the program can begin with some."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(folder / "peer.log")
        self.users = [str(one) for one in users]
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}/v2"

    def command(self):
        raise NotImplementedError

    def start(self, timeout=60):
        self.launch(self.command() + self.users)
        wire = Wire(self.base, self.TOKEN)

        def answers():
            assert self.running(), f"{self.name} ended: {self.tail()}"
            try:
                return wire.get("/ServiceProviderConfig").status == 200
            except NoAnswer:
                return False
        wait_until(answers, timeout, lambda: f"{self.name}; its log: {self.tail()}")
        wire.close()
        return self


class Scimmy(Peer):
    name = "scimmy 1.3.5"

    def command(self):
        return ["node", "--max-old-space-size=12288", str(installed("scimmy") / "server.js"),
                str(self.port), self.TOKEN]


class ScimSdkServer(Peer):
    name = "scim-sdk-server 1.30.0"

    def command(self):
        folder = installed("scim-sdk-server")
        return ["java", "-Xmx12g", "-cp", f"{folder}/target/classes:{folder}/jars/*", "PeerServer",
                str(self.port), self.TOKEN]


class Scim2Server(ReferenceServer):
    name = "scim2-server 0.8.3"
    users = ()


PEERS = (Scimmy, ScimSdkServer, Scim2Server)
