"""A directory's changes as signed security event tokens (RFC 9967), by poll (RFC 8936)."""

import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor

from processes import Purser, binary
from receivers import AUDIENCE, PROV, Poller, configuration, kinds, position, public_keys
from waiting import wait_until
from wire import NoAnswer

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


def user(name, **more):
    return {"schemas": [USER], "userName": name, **more}


def create(purser, name, **more):
    answer = purser.scim.post("/Users", user(name, **more))
    assert answer.status == 201, answer.text
    return answer.json()


def patch(purser, resource, **operation):
    answer = purser.scim.patch(resource, {"schemas": [PATCH], "Operations": [operation]})
    assert answer.status in (200, 204), answer.text


def ready(poller):
    """Waits until the feed is open: nobody waits for it at the start."""
    wait_until(lambda: poller.ask(maxEvents=0, returnImmediately=True).status == 200, 30,
               lambda: poller.purser.tail())
    return poller


def test_a_receiver_has_every_change_once_and_goes_on_after_a_restart(
        start, tmp_path, log_address):
    feeds = configuration(tmp_path / "feeds.yaml", {"name": "warehouse", "detail": "full"},
                          {"name": "audit", "events": ["create", "deactivate"]})
    purser = start(Purser(tmp_path / "purser", apply=[feeds], log=log_address))
    receiver, audit = ready(Poller(purser)), ready(Poller(purser, "audit"))
    ada = create(purser, "ada@example.com", externalId="e1", title="Countess")
    path = f"/Users/{ada['id']}"
    patch(purser, path, op="replace", path="title", value="Dame")
    assert purser.scim.put(path, user("ada@example.com", active=False)).status == 200
    group = purser.scim.post("/Groups", {"schemas": [GROUP], "displayName": "Crew",
                                         "members": [{"value": ada["id"]}]}).json()
    assert purser.scim.delete(path).status == 204

    events = receiver.poll()
    assert [kinds(event) for event in events] == [
        {"create"}, {"patch"}, {"put", "deactivate"}, {"create"}, {"delete"}]
    created, patched, _, grouped, deleted = events
    assert created["sub_id"] == {"format": "scim", "uri": path, "externalId": "e1"}
    assert created["aud"] == [AUDIENCE]
    data = created["events"][PROV + "create:full"]["data"]
    assert (data["userName"], data["title"]) == ("ada@example.com", "Countess")
    assert patched["events"][PROV + "patch:full"]["data"]["Operations"] == [
        {"op": "replace", "path": "title", "value": "Dame"}]
    assert patched["events"][PROV + "patch:full"]["version"] == 'W/"2"'
    assert grouped["sub_id"]["uri"] == f"/Groups/{group['id']}"
    assert deleted["sub_id"]["uri"] == path

    told = audit.poll()
    assert [kinds(event) for event in told] == [{"create"}, {"deactivate"}, {"create"}]
    assert "ada@" not in str(told), "a notice holds no value"

    assert receiver.poll(acknowledge=False) == events, "nothing was acknowledged yet"
    assert receiver.poll() == []
    wait_until(lambda: purser.gauge("purser_feed_pending", feed="warehouse") == 0, 10,
               "the feed to be empty")
    # The next poll comes behind the record of what was acknowledged.
    bob = create(purser, "bob@example.com")
    wait_until(lambda: feed_of(purser)["position"] >= position(deleted), 10, "the place")
    purser.restart()
    ready(receiver)
    [event] = receiver.poll(returnImmediately=False)
    assert event["sub_id"]["uri"] == f"/Users/{bob['id']}"
    assert [kinds(event) for event in audit.poll(returnImmediately=False)] == [{"create"}]

    # From any position, by whoever holds a token.
    again = Poller(purser)
    assert [position(event) for event in again.poll("?from=beginning")] == [1, 2, 3, 4, 5, 6]
    assert [position(event) for event in Poller(purser).poll("?from=4")] == [4, 5, 6]
    assert Poller(purser).poll("?from=now") == []
    assert purser.scim.post("/Feeds/warehouse?from=soon", {}).status == 400
    assert purser.scim.post("/Feeds/nowhere", {}).status == 404


def feed_of(purser, name="warehouse"):
    listed = purser.scim.get("/Feeds").json()["feeds"]
    return next(feed for feed in listed if feed["name"] == name)


def test_nothing_is_missed_under_writers_and_kill_9(start, tmp_path, log_address):
    feeds = configuration(tmp_path / "feeds.yaml", {"name": "warehouse", "events": ["create"]})
    purser = start(Purser(tmp_path / "purser", apply=[feeds], log=log_address))
    receiver = ready(Poller(purser))
    made, ended = [], threading.Event()

    def write(worker):
        for n in range(10_000):
            if ended.is_set():
                return
            try:
                answer = purser.scim.post("/Users", user(f"u{worker}-{n}@example.com"))
            except NoAnswer:
                return
            if answer.status == 201:
                made.append(answer.json()["id"])

    for _ in range(3):
        ended.clear()
        before = len(receiver.got)
        with ThreadPoolExecutor(8) as pool:
            for worker in range(8):
                pool.submit(write, f"{before}-{worker}")
            while len(receiver.got) < before + 300:
                receiver.poll(maxEvents=50)
            purser.kill()
            ended.set()
        purser.start()
        ready(receiver)
    receiver.drain()
    events = sorted(receiver.got.values(), key=position)
    told = [event["sub_id"]["uri"].removeprefix("/Users/") for event in events]
    assert len(told) == len(set(told)), "one event, one jti"
    assert set(made) <= set(told), f"{len(set(made) - set(told))} were missed"
    assert [position(event) for event in events] == list(range(1, len(events) + 1))
    total = purser.scim.get("/Users?count=0").json()["totalResults"]
    assert len(told) == total


def test_a_poll_waits_for_the_next_event(start, tmp_path):
    feeds = configuration(tmp_path / "feeds.yaml", {"name": "warehouse"})
    purser = start(Purser(tmp_path / "purser", apply=[feeds]))
    receiver = ready(Poller(purser))
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(receiver.poll, returnImmediately=False)
        ada = create(purser, "ada@example.com")
        [event] = waiting.result(15)
        assert event["sub_id"]["uri"] == f"/Users/{ada['id']}"


def test_what_a_receiver_refuses_is_counted_and_comes_no_more(start, tmp_path):
    feeds = configuration(tmp_path / "feeds.yaml", {"name": "warehouse"})
    purser = start(Purser(tmp_path / "purser", apply=[feeds]))
    receiver = ready(Poller(purser))
    create(purser, "ada@example.com")
    [event] = receiver.poll(returnImmediately=False)
    refused = {event["jti"]: {"err": "invalid_request", "description": "no such warehouse"}}
    assert receiver.poll(acknowledge=False, setErrs=refused) == []
    wait_until(lambda: purser.gauge("purser_feed_refused", feed="warehouse") == 1, 10, "the count")
    assert event["jti"] in feed_of(purser)["lastRefused"]
    purser.restart()
    ready(receiver)
    assert receiver.poll(acknowledge=False) == []
    assert purser.gauge("purser_feed_refused", feed="warehouse") == 1
    purser.terminate()
    models = subprocess.run([binary(), "model", "digest", "--data", str(purser.data)],
                            capture_output=True, text=True)
    assert models.returncode == 0 and "feeds-" in models.stdout, models.stderr
    checked = subprocess.run([binary(), "log", "verify", "--data", str(purser.data)],
                             capture_output=True, text=True)
    assert checked.returncode == 0 and "feeds/" in checked.stdout, checked.stdout


def test_a_feeds_token_reads_events_and_nothing_else(start, tmp_path):
    feeds = configuration(tmp_path / "feeds.yaml", {"name": "warehouse"})
    purser = start(Purser(tmp_path / "purser", apply=[feeds]))
    ready(Poller(purser))
    create(purser, "ada@example.com")
    minted = purser.cli("token", "mint", "main", "--role", "feed", "--reason", "the warehouse")
    assert minted.returncode == 0, minted.stderr
    secret = minted.stdout.strip()
    receiver = Poller(purser, token=secret)
    assert [kinds(event) for event in receiver.poll(returnImmediately=False)] == [{"create"}]
    headers = {"Authorization": f"Bearer {secret}"}
    assert purser.scim.post("/Users", user("eve@example.com"), headers=headers).status == 403
    assert purser.scim.get("/Users", headers=headers).status == 403
    assert purser.scim.get("/ServiceProviderConfig", headers=headers).status == 403
    assert purser.scim.post("/Feeds/warehouse", {}, headers={"Authorization": "Bearer no"}
                            ).status == 401
    assert secret not in purser.log()


def test_the_service_provider_config_tells_what_there_is(start, tmp_path):
    purser = start(Purser(tmp_path / "purser"))
    assert "securityEvents" not in purser.scim.get("/ServiceProviderConfig").json()
    assert purser.scim.get("/Feeds").status == 404
    assert purser.root.get("/.well-known/jwks.json").status == 404
    feeds = configuration(tmp_path / "feeds.yaml",
                          {"name": "warehouse", "events": ["create", "delete"]})
    assert purser.cli("apply", "-f", feeds).returncode == 0
    assert purser.scim.get("/ServiceProviderConfig").json()["securityEvents"] == {
        "asyncRequest": "request", "eventUris": [PROV + "create:notice", PROV + "delete"]}
    ready(Poller(purser))


def test_a_key_of_ones_own_signs_and_a_rotation_publishes_both(start, tmp_path):
    key = tmp_path / "rsa.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048",
                    "-out", key], check=True, capture_output=True)
    feeds = configuration(tmp_path / "feeds.yaml", {"name": "warehouse"}, key=key)
    purser = start(Purser(tmp_path / "purser", apply=[feeds]))
    receiver = ready(Poller(purser))
    create(purser, "ada@example.com")
    assert [kinds(event) for event in receiver.poll(returnImmediately=False)] == [{"create"}]
    assert [key.algorithm_name for key in public_keys(purser.root).values()] == ["RS256"]

    feeds.write_text(feeds.read_text().replace(
        "signing_key:", f"second_signing_key: ${{file:{purser.data}/dev-signing-key}}\n"
        "    signing_key:"))
    assert purser.cli("apply", "-f", feeds).returncode == 0
    wait_until(lambda: len(public_keys(purser.root)) == 2, 10, "both keys")
    assert "PRIVATE" not in purser.log() and "PRIVATE" not in str(
        purser.root.get("/.well-known/jwks.json").text)


def test_a_configuration_that_cannot_be_is_refused(start, tmp_path):
    purser = start(Purser(tmp_path / "purser"))
    feeds = tmp_path / "feeds.yaml"
    feeds.write_text("directories:\n- name: main\n  security_events:\n    signing_key: abc\n"
                     "    feeds:\n    - name: warehouse\n      events: [crate]\n      from: soon\n"
                     "    - name: warehouse\n      audience: [x]\n      push:\n"
                     "        url: http://example.com/\n")
    done = purser.cli("apply", "-f", feeds)
    assert done.returncode != 0
    for said in ("by reference", "public_url", 'did you mean "create"', "two feeds warehouse",
                 "from", "audience", "loopback"):
        assert said in done.stderr, f"{said}: {done.stderr}"
    assert "abc" not in done.stderr
