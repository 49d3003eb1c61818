"""Starting, stopping, being watched: what an operator's scripts rely on."""

import os
import shutil
import socket
import sqlite3
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import pytest

import processes
from people import Directory, make_people, make_person
from processes import Purser
from scim_clients import EntraClient
from waiting import wait_until
from wire import NoAnswer, Wire
from worlds import run_all


def stopped_with_users(start, folder, count=30):
    """A data folder with some users in it, its server stopped cleanly."""
    purser = start(Purser(folder))
    entra = EntraClient(purser.scim, Directory())
    run_all([lambda p=p: entra.create_user(p) for p in make_people(count, managers=False)], 8)
    assert purser.terminate() == 0
    return purser


def test_health_readiness_and_metrics_are_told(quiet_server):
    assert quiet_server.root.get("/healthz").status == 200
    assert quiet_server.root.get("/readyz").status == 200
    page = quiet_server.root.get("/metrics")
    assert page.status == 200 and page.headers["content-type"].startswith("text/plain")
    assert quiet_server.metrics()["purser_log_position"]


def test_a_new_log_needs_no_finalizing(start, tmp_path):
    node = start(Purser(tmp_path / "data"))
    status = node.cli_json("upgrade", "status")
    assert status["finalized"] == status["reader"] > 1
    told, = status["nodes"]
    assert told["id"] == (node.data / "node-id").read_text().strip()
    assert told["parts"] == ["broker", "connectors"]
    version = subprocess.run([processes.binary(), "--version"], capture_output=True, text=True)
    assert version.returncode == 0 and version.stdout.strip() == told["version"]
    before = node.gauge("purser_log_position", stream="control")
    assert node.cli("upgrade", "finalize", "--reason", "again").returncode == 0
    assert node.gauge("purser_log_position", stream="control") == before


def test_every_app_has_its_gauges(world):
    here = world().start()
    for name in ("purser_delivery_pending", "purser_delivery_oldest_pending_seconds",
                 "purser_parked_lanes", "purser_breaker_open"):
        apps = {labels.get("app") for labels, _ in here.purser.metrics().get(name, ())}
        assert apps >= {"recnice", "preciate", "alexishr", "replicon"}, name


def test_sigterm_answers_what_is_under_way_and_exits_0(start, tmp_path):
    purser = start(Purser(tmp_path))
    statuses = []

    def write(n):
        wire = Wire(purser.scim_base, purser.scim.token)
        entra = EntraClient(wire, Directory())
        for k in range(1000):
            try:
                person = make_person(k, prefix=f"drain{n}")
                statuses.append(wire.post("/Users", entra.user_document(person)).status)
            except NoAnswer:
                return

    threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(statuses) > 50, 20, "some writes")
    began = time.monotonic()
    assert purser.terminate() == 0
    assert time.monotonic() - began < 12
    for thread in threads:
        thread.join()
    assert set(statuses) <= {201, 503}
    acknowledged = statuses.count(201)
    purser.start()
    assert purser.scim.get("/Users?count=0").json()["totalResults"] >= acknowledged


def test_sigterm_with_an_app_that_stalls_is_done_within_the_drain_timeout(world):
    here = world(arguments=["--drain-timeout", "2s"]).start()
    here.sandbox.set_faults("recnice", [{"fault": {"kind": "stall", "delay_ms": 60000}}])
    here.entra.create_user(make_person(1))
    here.wait_equal(("preciate",), timeout=20)
    began = time.monotonic()
    assert here.purser.terminate() == 0
    assert time.monotonic() - began < 8
    here.sandbox.clear_faults("recnice")
    here.purser.start()
    here.wait_equal(timeout=40)


def test_a_restart_reads_the_tail_and_sends_nothing_again(world):
    here = world().start()
    people = make_people(50, managers=False)
    run_all([lambda p=p: here.entra.create_user(p) for p in people])
    here.wait_equal(timeout=30)
    quiet = {app: here.sandbox.stats(app)["by_operation"] for app in here.apps[:3]}
    for _ in range(2):
        here.purser.restart()
        here.entra.update_user(people[0], title="After a restart")
        here.wait_equal(timeout=20)
    for app in quiet:
        now = here.sandbox.stats(app)["by_operation"]
        assert now["CreateUser"] == quiet[app]["CreateUser"]
        assert now.get("PatchUser", 0) <= quiet[app].get("PatchUser", 0) + 1


def test_the_read_model_can_be_thrown_away(start, tmp_path):
    purser = stopped_with_users(start, tmp_path)
    shutil.rmtree(purser.data / "read")
    purser.start()
    assert purser.scim.get("/Users?count=0").json()["totalResults"] == 30


def test_a_second_server_on_the_same_folder_is_refused_and_the_first_goes_on(start, tmp_path):
    purser = start(Purser(tmp_path / "one"))
    second = Purser(tmp_path / "two")
    second.data = purser.data
    status, output = second.run_to_end()
    assert status > 0 and "in use" in output.lower() or "another" in output.lower(), output
    assert purser.scim.get("/Users").status == 200


def test_a_taken_port_is_named(start, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        purser = Purser(tmp_path)
        purser.http_port = taken.getsockname()[1]
        status, output = purser.run_to_end()
    assert status > 0 and str(purser.http_port) in output


def test_a_folder_that_is_a_file_is_refused(binary, tmp_path):
    purser = Purser(tmp_path / "run")
    purser.data = tmp_path / "file"
    purser.data.write_text("not a folder")
    status, output = purser.run_to_end()
    assert status > 0 and str(purser.data) in output


@pytest.fixture
def foreign_folder(start):
    """A data folder with users in it that the user of stranger() may not enter; and stranger(),
    which runs a command as that user: nobody where the tests are root's, else their own."""
    root = os.geteuid() == 0
    # Not below pytest's own folder, which nobody else may enter whoever owns what lies in it.
    parent = Path(tempfile.mkdtemp())
    parent.chmod(0o755)
    purser = stopped_with_users(start, parent, 3)
    purser.data.chmod(0o700 if root else 0)

    def stranger(command):
        as_nobody = {"user": 65534, "group": 65534, "extra_groups": []} if root else {}
        return subprocess.run(command, env=purser.env, cwd="/", stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60, **as_nobody)
    if stranger(["test", "-x", processes.binary()]).returncode != 0:
        pytest.skip("the program lies where the user nobody may not run it")
    yield purser, stranger
    purser.data.chmod(0o700)
    shutil.rmtree(parent)


@pytest.mark.parametrize("what", ["serve", "verify", "digest", "rebuild"])
def test_a_folder_of_another_user_is_refused_with_the_remedy(foreign_folder, what):
    purser, stranger = foreign_folder
    command = {"serve": purser.command(),
               "verify": [processes.binary(), "log", "verify", "--data", str(purser.data)],
               "digest": [processes.binary(), "model", "digest", "--data", str(purser.data)],
               "rebuild": [processes.binary(), "model", "rebuild", "--data", str(purser.data)]}[what]
    refused = stranger(command)
    assert refused.returncode == 4, refused
    assert str(purser.data) in refused.stderr
    assert "Permission denied" in refused.stderr
    assert "user that purser runs as" in refused.stderr
    purser.data.chmod(0o700)
    purser.start()
    assert purser.scim.get("/Users?count=0").json()["totalResults"] == 3


def test_configuration_of_another_user_is_named_at_the_start(foreign_folder, tmp_path):
    purser, stranger = foreign_folder
    own = Path(tempfile.mkdtemp())
    own.chmod(0o777)
    config = purser.data / "apps"  # In the folder that the other may not enter.
    purser.data = own
    refused = stranger([*purser.command(), "--apply", str(config)])
    assert refused.returncode == 1, refused
    assert str(config) in refused.stderr and "Permission denied" in refused.stderr
    purser.data = config.parent
    shutil.rmtree(own)


def test_a_log_that_is_no_database_is_refused_and_left_alone(start, tmp_path):
    purser = stopped_with_users(start, tmp_path)
    for extra in purser.data.glob("log.db-*"):
        extra.unlink()
    (purser.data / "log.db").write_bytes(b"this is no log" * 1000)
    status, output = purser.run_to_end()
    assert status > 0 and "log.db" in output, output
    assert (purser.data / "log.db").read_bytes() == b"this is no log" * 1000


def test_a_folder_of_a_newer_format_is_refused_and_left_alone(start, tmp_path):
    purser = stopped_with_users(start, tmp_path)
    with sqlite3.connect(purser.data / "log.db") as database:
        version = database.execute("PRAGMA user_version").fetchone()[0]
        database.execute(f"PRAGMA user_version = {version + 1000}")
    database.close()
    before = (purser.data / "log.db").read_bytes()
    status, output = purser.run_to_end()
    assert status > 0 and "newer" in output, output
    assert (purser.data / "log.db").read_bytes() == before


def test_verify_agrees_on_a_live_server_and_offline(start, tmp_path):
    purser = start(Purser(tmp_path))
    EntraClient(purser.scim, Directory()).create_user(make_person(1))
    assert purser.cli("log", "verify").returncode == 0
    assert purser.terminate() == 0
    offline = purser.cli("log", "verify", "--data", purser.data)
    assert offline.returncode == 0, offline.stdout + offline.stderr


def flip_a_byte_of_a_record(data):
    """Changes one byte inside the payload of a directory's fifth record; its stream's name."""
    database = sqlite3.connect(data / "log.db")
    tables = [row[0] for row in database.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table'")]
    for table in tables:
        columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
        for rowid, *values in database.execute(f"SELECT rowid, * FROM {table}").fetchall():
            for column, value in zip(columns, values):
                if isinstance(value, bytes) and b"user00005@example.com" in value:
                    flipped = value.replace(b"user00005@example.com", b"user00006@example.com")
                    database.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?",
                                     (flipped, rowid))
                    database.commit()
                    database.close()
                    return
    raise AssertionError(f"no record of user00005 in {tables}")


def test_a_flipped_byte_is_named_offline_and_by_a_running_server(start, tmp_path):
    purser = stopped_with_users(start, tmp_path)
    flip_a_byte_of_a_record(purser.data)
    offline = purser.cli("log", "verify", "--data", purser.data)
    assert offline.returncode == 1, offline.stdout + offline.stderr
    named = purser.cli("log", "verify", "--data", purser.data, "-o", "json")
    assert '"firstBad"' in named.stdout and "directory/" in named.stdout, named.stdout
    purser.launch(purser.command(), purser.env)
    wait_until(lambda: purser.status_of("/healthz") == 200 or not purser.running(), 30, "a start")
    if purser.running():
        live = purser.cli("log", "verify")
        assert live.returncode == 1, live.stdout + live.stderr


def test_an_unclean_stop_loses_nothing(start, tmp_path):
    purser = start(Purser(tmp_path))
    entra = EntraClient(purser.scim, Directory())
    for person in make_people(20, managers=False):
        entra.create_user(person)
    purser.kill()
    purser.start()
    assert purser.scim.get("/Users?count=0").json()["totalResults"] == 20
    assert purser.cli("log", "verify").returncode == 0
