"""A disk that is full, and then has room again, under a running server: a file system of its own."""

import shutil
import subprocess

import pytest

from processes import Purser
from scim_clients import USER
from waiting import wait_until


pytestmark = pytest.mark.alone

@pytest.fixture
def small_disk(tmp_path):
    """A folder on a file system of 48 MiB; skipped where none may be mounted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", folder], capture_output=True)
    if not mounted or mounted.returncode != 0:
        pytest.skip("a file system cannot be mounted here")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def create(purser, name, **more):
    return purser.scim.post("/Users", {
        "schemas": [USER], "userName": name, "externalId": name, "displayName": "Ada Byron",
        "name": {"givenName": "Ada", "familyName": "Byron"},
        "emails": [{"value": name, "type": "work", "primary": True}], **more})


def fill(folder):
    """Takes all the room there is."""
    with open(folder / "ballast", "wb", buffering=0) as ballast:
        try:
            while True:
                ballast.write(bytes(1 << 16))
        except OSError:
            pass


def refused(purser, prefix):
    """The first refusal; what still fits is taken, and is much at a time."""
    for number in range(1000):
        answer = create(purser, f"{prefix}{number}@example.com", title="x" * 200_000)
        if answer.status != 201:
            return answer
    raise AssertionError("nothing was refused")


def names_in(world, app):
    return {user["userName"] for user in world.state(app)["users"]}


def test_reads_go_on_and_writes_resume_without_a_restart(world, small_disk, long_run):
    here = world()
    here.purser.data = small_disk / "data"
    here.start()
    purser = here.purser
    for turn in range(50 if long_run else 3):
        kept = create(purser, f"kept{turn}@example.com")
        assert kept.status == 201
        path = f"/Users/{kept.json()['id']}"
        assert purser.scim.get(path).status == 200
        fill(small_disk)
        answer = refused(purser, f"turn{turn}-")
        assert answer.status == 503 and answer.headers["retry-after"], answer.text
        assert purser.scim.get(path).json()["userName"] == f"kept{turn}@example.com"
        assert purser.scim.get("/Users?count=1").status == 200
        assert purser.status_of("/readyz") == 200
        (small_disk / "ballast").unlink()
        wait_until(lambda: create(purser, f"again{turn}@example.com").status in (201, 409), 5,
                   "writes to resume")
        wait_until(lambda: f"again{turn}@example.com" in names_in(here, "preciate"), 60,
                   purser.tail)
    assert purser.running()
    # Said when it begins and when it is over, not for each that is refused.
    turns = purser.log().count("the disk is full")
    assert 0 < turns <= 50 and purser.log().count("exchanges are dropped") <= turns
    verified = purser.cli("log", "verify")
    assert verified.returncode == 0, verified.stdout


def test_no_call_leaves_that_the_log_cannot_hold(world, small_disk):
    here = world()
    here.purser.data = small_disk / "data"
    here.start()
    purser = here.purser
    here.take_down("preciate")
    assert create(purser, "ada@example.com").status == 201
    wait_until(lambda: here.sandbox.calls("preciate"), 30, purser.tail)
    fill(small_disk)
    refused(purser, "more")
    here.bring_back("preciate")
    asked = len(here.sandbox.calls("preciate"))
    # It is asked how it is, and no more.
    wait_until(lambda: len(here.sandbox.calls("preciate")) > asked, 60, purser.tail)
    assert names_in(here, "preciate") == set()
    (small_disk / "ballast").unlink()
    wait_until(lambda: "ada@example.com" in names_in(here, "preciate"), 90, purser.tail)
