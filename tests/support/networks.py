"""Networks that can be cut: one for each program, joined to that of the brokers by a switch.

A cut is silent, as a broken cable or a firewall's is: what is sent is lost, and nobody is told. Needs
root and iproute2.
"""

import ctypes
import itertools
import os
import random
import shutil
import subprocess
import threading

CLONE_NEWNET = 0x40000000
_numbers = itertools.count()


class NetworksUnavailable(Exception):
    pass


def _run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise NetworksUnavailable(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def _ip(*arguments):
    return _run("ip", *arguments)


def _hardware_address(number):
    """Known beforehand, so that nobody has to ask for it: a question without an answer is no silence."""
    return f"02:50:55:52:00:{number:02x}"


def _set_network(handle):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(handle, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


class Switch:
    """Joins networks to this process's, where it has the address `address`. close() takes all away."""

    def __init__(self):
        self.networks = []
        self.name = f"sw{os.getpid()}-{next(_numbers)}"[:15]
        self.prefix = f"10.{random.randrange(200, 250)}.{random.randrange(1, 255)}"
        self.address = f"{self.prefix}.1"
        for program in ("ip", "bridge"):
            if shutil.which(program) is None:
                raise NetworksUnavailable(f"{program} is missing: deploy/install-deps --tests")
        try:
            _ip("link", "add", self.name, "address", _hardware_address(1), "type", "bridge")
            _ip("address", "add", f"{self.address}/24", "dev", self.name)
            _ip("link", "set", self.name, "up")
            # One port at least, so that its address answers.
            self.add()
        except NetworksUnavailable:
            self.close()
            raise

    def add(self):
        """Another network, joined."""
        network = Network(self, len(self.networks) + 2)
        self.networks.append(network)
        network.join()
        return network

    def close(self):
        for network in self.networks:
            network.close()
        subprocess.run(["ip", "link", "delete", self.name], capture_output=True)


class Network:
    """One network, with a loopback of its own. A socket made within `with network:` is in it; so is a
    program that command() runs."""

    def __init__(self, switch, number):
        self.switch, self.number = switch, number
        self.name = f"{switch.name}-{number}"
        self.port = f"p{os.getpid()}-{next(_numbers)}"[:15]
        self._outside = threading.local()

    def join(self):
        _ip("netns", "add", self.name)
        hardware = _hardware_address(self.number)
        _ip("link", "add", self.port, "type", "veth", "peer", "name", "up0", "address", hardware,
            "netns", self.name)
        _ip("link", "set", self.port, "master", self.switch.name, "up")
        address = f"{self.switch.prefix}.{self.number}"
        _ip("neighbor", "replace", address, "lladdr", hardware, "dev", self.switch.name)
        for words in (("address", "add", f"{address}/24", "dev", "up0"),
                      ("link", "set", "lo", "up"), ("link", "set", "up0", "up"),
                      ("neighbor", "replace", self.switch.address, "lladdr", _hardware_address(1),
                       "dev", "up0")):
            _ip("-n", self.name, *words)

    def cut(self):
        _run("bridge", "link", "set", "dev", self.port, "state", "0")

    def mend(self):
        _run("bridge", "link", "set", "dev", self.port, "state", "3")

    def command(self):
        return ["ip", "netns", "exec", self.name]

    def __enter__(self):
        self._outside.handle = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        inside = os.open(f"/run/netns/{self.name}", os.O_RDONLY)
        try:
            _set_network(inside)
        finally:
            os.close(inside)

    def __exit__(self, *failed):
        _set_network(self._outside.handle)
        os.close(self._outside.handle)

    def close(self):
        subprocess.run(["ip", "netns", "delete", self.name], capture_output=True)
        subprocess.run(["ip", "link", "delete", self.port], capture_output=True)
