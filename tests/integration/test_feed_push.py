"""A directory's changes pushed to a receiver as signed security event tokens (RFC 8935)."""

import json
import subprocess

import pytest

from processes import Purser
from receivers import PushReceiver, configuration, position
from waiting import wait_until

USER = "urn:ietf:params:scim:schemas:core:2.0:User"


@pytest.fixture
def receiver():
    made = PushReceiver()
    yield made
    made.close()


def create(purser, name):
    answer = purser.scim.post("/Users", {"schemas": [USER], "userName": name})
    assert answer.status == 201, answer.text
    return answer.json()["id"]


def pushing(start, tmp_path, url, **more):
    feed = {"name": "warehouse", "push": {"url": url, "token": "${env:WAREHOUSE_TOKEN}"}}
    feeds = configuration(tmp_path / "feeds.yaml", feed)
    return start(Purser(tmp_path / "purser", apply=[feeds],
                        env={"WAREHOUSE_TOKEN": "warehouse-secret"}, **more))


def test_events_are_pushed_in_order_and_a_restart_repeats_little(
        start, tmp_path, log_address, receiver):
    purser = pushing(start, tmp_path, receiver.url, log=log_address)
    ids = [create(purser, f"u{n}@example.com") for n in range(30)]
    wait_until(lambda: len(receiver.requests) == 30, 30, lambda: purser.tail())
    told = [event["sub_id"]["uri"] for event in receiver.events(purser)]
    assert told == [f"/Users/{id}" for id in ids]
    headers, _ = receiver.requests[0]
    assert headers["Content-Type"] == "application/secevent+jwt"
    assert headers["Authorization"] == "Bearer warehouse-secret"
    assert "warehouse-secret" not in purser.log()

    wait_until(lambda: purser.gauge("purser_feed_pending", feed="warehouse") == 0, 10, "all sent")
    purser.kill()
    purser.start()
    ids += [create(purser, f"v{n}@example.com") for n in range(5)]
    wait_until(lambda: {e["sub_id"]["uri"] for e in receiver.events(purser)}
               == {f"/Users/{id}" for id in ids}, 30, lambda: purser.tail())
    # What was answered shortly before the kill may come again; and order holds after it.
    after = [position(event) for event in receiver.events(purser)[30:]]
    assert after == sorted(after)
    assert purser.scim.post("/Feeds/warehouse", {}).status == 409


def test_a_receiver_that_is_away_gets_everything_later_and_a_bad_event_is_skipped_and_shown(
        start, tmp_path, receiver):
    refusal = json.dumps({"err": "invalid_request", "description": "never"}).encode()
    receiver.answer = lambda body: (503, {"Retry-After": "1"}, b"")
    purser = pushing(start, tmp_path, receiver.url)
    ids = [create(purser, f"u{n}@example.com") for n in range(3)]
    wait_until(lambda: purser.gauge("purser_feed_failing", feed="warehouse") == 1, 20, "failing")
    assert purser.gauge("purser_feed_pending", feed="warehouse") == 3
    [feed] = purser.scim.get("/Feeds").json()["feeds"]
    assert feed["failing"] == "HTTP 503" and feed["delivery"] == "push"

    first = receiver.requests[0][1]
    payload = first.split(".")[1]

    def answer(body):
        return (400, {}, refusal) if body.split(".")[1] == payload else (202, {}, b"")

    receiver.answer = answer
    wait_until(lambda: purser.gauge("purser_feed_pending", feed="warehouse") == 0, 30, "the rest")
    wait_until(lambda: purser.gauge("purser_feed_refused", feed="warehouse") == 1, 10, "the refusal")
    assert purser.gauge("purser_feed_failing", feed="warehouse") == 0
    told = [event["sub_id"]["uri"] for event in receiver.events(purser)]
    assert told[-2:] == [f"/Users/{id}" for id in ids[1:]]
    [feed] = purser.scim.get("/Feeds").json()["feeds"]
    assert "invalid_request: never" in feed["lastRefused"]


def test_of_two_nodes_one_pushes(start, kafka, tmp_path, receiver):
    key = tmp_path / "key.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-out", key], check=True, capture_output=True)
    feeds = configuration(tmp_path / "feeds.yaml",
                          {"name": "warehouse", "push": {"url": receiver.url}}, key=key)
    log = kafka.log_url("two-pushers")
    one = start(Purser(tmp_path / "one", apply=[feeds], log=log))
    create(one, "first@example.com")
    wait_until(lambda: len(receiver.requests) == 1, 30, lambda: one.tail())
    other = start(Purser(tmp_path / "other", log=log))
    create(other, "second@example.com")
    wait_until(lambda: len(receiver.events(other)) >= 2, 30, lambda: other.tail())
    before = len(receiver.requests)
    ids = [create(node, f"u{n}-{node.http_port}@example.com")
           for n in range(10) for node in (one, other)]
    wait_until(lambda: len(receiver.requests) >= before + len(ids), 30, lambda: other.tail())
    wanted = {f"/Users/{id}" for id in ids}
    wait_until(lambda: wanted <= {event["sub_id"]["uri"] for event in receiver.events(one)}, 30,
               "every event")
    # What was under way when the other took over may come twice; not all of it, by both.
    assert len(receiver.requests) - before < len(ids) + 10

    # Whichever of them pushes: when one is killed the other does, and when that is stopped too.
    def pushed(user):
        return f"/Users/{user}" in {e["sub_id"]["uri"] for e in receiver.events(one)}

    other.kill()
    late = create(one, "late@example.com")
    wait_until(lambda: pushed(late), 15, lambda: one.tail())
    other.start()
    wait_until(lambda: other.gauge("purser_live_nodes") == 2, 20, "each other")
    later = create(one, "later@example.com")
    wait_until(lambda: pushed(later), 15, lambda: other.tail())
    one.kill()
    last = create(other, "last@example.com")
    wait_until(lambda: f"/Users/{last}" in {e["sub_id"]["uri"] for e in receiver.events(other)}, 15,
               lambda: other.tail())
    other.terminate()


def test_no_redirect_is_followed(start, tmp_path, receiver):
    elsewhere = PushReceiver()
    receiver.answer = lambda body: (307, {"Location": elsewhere.url}, b"")
    purser = pushing(start, tmp_path, receiver.url)
    create(purser, "ada@example.com")
    wait_until(lambda: len(receiver.requests) >= 2, 20, "another try")
    assert elsewhere.requests == []
    elsewhere.close()
