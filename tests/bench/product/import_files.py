#!/usr/bin/env python3
"""Imports USERS users and a hundredth as many groups, and prints seconds and memory.

tests/bench/product/import_files.py [USERS]   (100,000; needs GNU time)
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))

from processes import DEV_TOKEN, Purser, binary  # noqa: E402
from scim_clients import ENTERPRISE, GROUP, USER  # noqa: E402


def user(i, count):
    """Every second one has a manager somewhere in the file, the others one above."""
    manager = (i * 7 + 1) % count if i % 2 else i // 10
    return {"schemas": [USER, ENTERPRISE], "id": str(i), "externalId": f"e{i}",
            "userName": f"user{i}@example.com", "displayName": f"User {i}", "active": True,
            "name": {"givenName": f"Given{i}", "familyName": "Family"},
            "emails": [{"type": "work", "value": f"user{i}@example.com", "primary": True}],
            ENTERPRISE: {"department": f"d{i % 50}", "manager": {"value": str(manager)}}}


def group(i, count):
    return {"schemas": [GROUP], "id": f"g{i}", "displayName": f"group {i}",
            "members": [{"value": str((i * 100 + k * 3) % count)} for k in range(100)]}


def write_lines(path, resources):
    with open(path, "w") as file:
        file.writelines(json.dumps(one) + "\n" for one in resources)
    return path


def run(purser, what, *arguments):
    begun = time.monotonic()
    done = subprocess.run(
        ["/usr/bin/time", "-f", "%M", binary(), "import", *arguments], text=True,
        capture_output=True, env={**purser.env, "PURSER_GRPC": f"127.0.0.1:{purser.grpc_port}",
                                  "PURSER_TOKEN": DEV_TOKEN})
    memory = int(done.stderr.split()[-1]) // 1024
    print(f"{what}: {time.monotonic() - begun:.1f} s, {memory} MiB; {done.stdout.strip()[:120]}")


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as folder:
        files = [write_lines(f"{folder}/users.jsonl", (user(i, count) for i in range(count))),
                 write_lines(f"{folder}/groups.jsonl",
                             (group(i, count) for i in range(count // 100)))]
        purser = Purser(Path(folder) / "purser")
        try:
            purser.start()
            run(purser, "dry run", *files, "--dry-run")
            run(purser, "import", *files)
            run(purser, "again", *files)
        finally:
            purser.kill()


if __name__ == "__main__":
    main()
