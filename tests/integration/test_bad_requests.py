"""Bad input at the front door: what the caller sees, and that nothing changed."""

import json
import select
import socket
import time

import pytest

from people import Directory, Group, make_person
from processes import DEV_TOKEN, Purser
from scim_clients import ENTERPRISE, GROUP, PATCH, USER, EntraClient, quoted
from wire import Wire


@pytest.fixture(scope="module")
def entra(quiet_server):
    return EntraClient(quiet_server.scim, Directory())


@pytest.fixture(scope="module")
def ada(entra):
    return entra.create_user(make_person(1, prefix="ada"))


@pytest.fixture(scope="module")
def group(entra, ada):
    return entra.create_group(Group("g", "The group", {ada.key}, "ext-g"))


@pytest.fixture
def unchanged(quiet_server, ada, group):
    """The test that asks for it changes nothing: neither the log nor what can be read."""
    def look():
        users = quiet_server.scim.get("/Users?count=1000").json()
        groups = quiet_server.scim.get("/Groups?count=1000").json()
        positions = quiet_server.metrics().get("purser_log_position")
        return users, groups, positions
    before = look()
    yield
    assert look() == before


def assert_error(answer, status, scim_type=None):
    assert answer.status == status, f"{answer.status} {answer.text[:400]}"
    assert answer.headers["content-type"].startswith("application/scim+json")
    error = answer.json()
    assert error["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert error["status"] == str(status)
    if scim_type is not None:
        assert error.get("scimType") == scim_type, error
    assert error.get("detail")


def user(**more):
    return json.dumps({"schemas": [USER], "userName": "nobody@example.com", **more}).encode()


BAD_BODIES = {
    "empty": (b"", 400, "invalidSyntax"),
    "not JSON": (b"<xml/>", 400, "invalidSyntax"),
    "half an object": (user()[:-5], 400, "invalidSyntax"),
    "text behind the object": (user() + b"x", 400, "invalidSyntax"),
    "an array": (b"[]", 400, "invalidSyntax"),
    "a number": (b"7", 400, "invalidSyntax"),
    "NaN": (b'{"schemas": ["%s"], "userName": NaN}' % USER.encode(), 400, "invalidSyntax"),
    "100,000 brackets": (b"[" * 100_000, 400, "invalidSyntax"),
    "100,000 objects deep": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, 400, "invalidSyntax"),
    "a name twice": (b'{"schemas": ["%s"], "userName": "a", "userName": "b"}' % USER.encode(),
                     400, "invalidSyntax"),
    "a name in two cases": (user(username="another"), 400, None),
    "bytes that are not UTF-8": (user()[:-1] + b', "title": "\xff\xfe"}', 400, "invalidSyntax"),
    "half a surrogate": (user()[:-1] + b', "title": "\\ud800"}', 400, "invalidSyntax"),
    "no schemas": (b'{"userName": "nobody@example.com"}', 400, None),
    "no userName": (b'{"schemas": ["%s"]}' % USER.encode(), 400, "invalidValue"),
    "an empty userName": (user(userName=""), 400, "invalidValue"),
    "null for userName": (user(userName=None), 400, "invalidValue"),
    "a number for userName": (user(userName=7), 400, "invalidValue"),
    "an object for title": (user(title={"a": 1}), 400, "invalidValue"),
    "a word for active": (user(active="maybe"), 400, "invalidValue"),
    "a number for active": (user(active=1), 400, "invalidValue"),
    "a text for emails": (user(emails="a@example.com"), 400, "invalidValue"),
    "a text for name": (user(name="Ada"), 400, "invalidValue"),
    "a number for the password": (user(password=7), 400, "invalidValue"),
    "a text for the extension": (user(**{ENTERPRISE: "Sales"}), 400, "invalidValue"),
    "two primary e-mails": (user(emails=[{"value": "a@b.c", "primary": True},
                                         {"value": "b@b.c", "primary": True}]),
                            400, "invalidValue"),
}


@pytest.mark.parametrize("name", BAD_BODIES)
def test_a_bad_user_is_refused_and_not_created(quiet_server, unchanged, name):
    body, status, scim_type = BAD_BODIES[name]
    assert_error(quiet_server.scim.post("/Users", body), status, scim_type)


def patch_of(*operations):
    return {"schemas": [PATCH], "Operations": list(operations)}


BAD_PATCHES = {
    "no Operations": ({"schemas": [PATCH]}, 400, None),
    "Operations that are no list": ({"schemas": [PATCH], "Operations": {}}, 400, None),
    "no op": (patch_of({"path": "title", "value": "x"}), 400, None),
    "an op that is none": (patch_of({"op": "increment", "path": "title"}), 400, None),
    "an unknown path": (patch_of({"op": "replace", "path": "shoeSize", "value": 43}), 400,
                        "invalidPath"),
    "an unknown sub-attribute": (patch_of({"op": "replace", "path": "name.shoe", "value": "x"}),
                                 400, "invalidPath"),
    "half a path": (patch_of({"op": "replace", "path": "emails[type eq", "value": "x"}), 400,
                    "invalidPath"),
    "a path of 100,000 brackets": (patch_of({"op": "replace", "path": "emails[" + "(" * 100_000,
                                             "value": "x"}), 400, "invalidPath"),
    "remove without a path": (patch_of({"op": "remove"}), 400, "noTarget"),
    "replace where the filter finds nothing": (
        patch_of({"op": "replace", "path": 'emails[type eq "moon"].value', "value": "x"}), 400,
        "noTarget"),
    "the id": (patch_of({"op": "replace", "path": "id", "value": "x"}), 400, "mutability"),
    "meta": (patch_of({"op": "replace", "path": "meta.created", "value": "x"}), 400,
             "mutability"),
    "groups of a user": (patch_of({"op": "add", "path": "groups", "value": [{"value": "x"}]}),
                         400, "mutability"),
    "userName removed": (patch_of({"op": "remove", "path": "userName"}), 400, None),
    "a wrong type": (patch_of({"op": "replace", "path": "active", "value": "maybe"}), 400,
                     "invalidValue"),
    "a good operation before a bad one": (
        patch_of({"op": "replace", "path": "title", "value": "half done"},
                 {"op": "replace", "path": "shoeSize", "value": 43}), 400, "invalidPath"),
}


@pytest.mark.parametrize("name", BAD_PATCHES)
def test_a_bad_patch_is_refused_whole(quiet_server, ada, unchanged, name):
    body, status, scim_type = BAD_PATCHES[name]
    assert_error(quiet_server.scim.patch(f"/Users/{ada.id}", body), status, scim_type)


def test_a_member_that_is_not_there_is_refused(quiet_server, group, unchanged):
    body = patch_of({"op": "add", "path": "members", "value": [{"value": "nobody"}]})
    assert_error(quiet_server.scim.patch(f"/Groups/{group.id}", body), 400)


def test_a_group_in_itself_is_refused(quiet_server, group, unchanged):
    body = patch_of({"op": "add", "path": "members", "value": [{"value": group.id}]})
    assert_error(quiet_server.scim.patch(f"/Groups/{group.id}", body), 400)


def test_a_group_without_a_name_is_refused(quiet_server, unchanged):
    assert_error(quiet_server.scim.post("/Groups", {"schemas": [GROUP]}), 400, "invalidValue")


@pytest.mark.parametrize("text", [
    "userName", "userName eq", 'userName is "x"', 'userName eq "x', '(userName eq "x"',
    'userName eq "x")', 'userName eq "x" and', 'not userName', "active gt true",
    'userName eq {"a": 1}', "(" * 5000, "not (" * 200 + 'userName eq "x"' + ")" * 200,
    " or ".join(["a eq 1"] * 600), 'emails[type eq "work"',
], ids=lambda text: text[:24])
def test_a_bad_filter_is_refused(quiet_server, unchanged, text):
    assert_error(quiet_server.scim.get(f"/Users?filter={quoted(text)}"), 400, "invalidFilter")


@pytest.mark.parametrize("query", ["attributes=userName&excludedAttributes=title",
                                   "startIndex=abc", "count=many"])
def test_bad_parameters_are_refused(quiet_server, unchanged, query):
    assert_error(quiet_server.scim.get(f"/Users?{query}"), 400)


@pytest.mark.parametrize("headers", [
    {"Authorization": ""}, {"Authorization": "Bearer"}, {"Authorization": "Bearer wrong"},
    {"Authorization": f"Bearer {DEV_TOKEN}x"}, {"Authorization": f"Bearer {DEV_TOKEN[:-1]}"},
    {"Authorization": f"Basic {DEV_TOKEN}"}, {"Authorization": DEV_TOKEN},
    {"Authorization": f"Bearer {DEV_TOKEN} more"},
])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_without_the_right_token_nothing_is_shown_or_done(quiet_server, ada, unchanged, method,
                                                          headers):
    path = f"/Users/{ada.id}" if method != "POST" else "/Users"
    body = user() if method == "POST" else None
    answer = quiet_server.scim.request(method, path, body, headers)
    assert_error(answer, 401)
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert ada.id not in answer.text


def test_the_bearer_scheme_is_taken_in_any_case(quiet_server):
    answer = quiet_server.scim.get("/Users", headers={"Authorization": f"bEARER {DEV_TOKEN}"})
    assert answer.status == 200


def test_a_body_of_another_kind_is_refused(quiet_server, unchanged):
    answer = quiet_server.scim.post("/Users", user(), headers={"Content-Type": "text/xml"})
    assert_error(answer, 415)


def test_what_is_not_there_is_404_in_scim_form(quiet_server, unchanged):
    for path in ("/Users/nobody", "/Groups/nobody", "/Printers", "/Schemas/urn:none"):
        assert_error(quiet_server.scim.get(path), 404)
    assert_error(quiet_server.scim.delete("/Users/nobody"), 404)
    assert_error(quiet_server.scim.put("/Users/nobody", user()), 404)


def test_a_method_that_is_not_offered_is_405_with_what_is(quiet_server, unchanged):
    answer = quiet_server.scim.delete("/Users")
    assert_error(answer, 405)
    assert "GET" in answer.headers["allow"]
    assert_error(quiet_server.scim.post("/ServiceProviderConfig", user()), 405)


def test_a_name_that_is_taken_is_409_in_any_case(quiet_server, ada, unchanged):
    taken = json.loads(user(userName=ada.user_name.upper()))
    assert_error(quiet_server.scim.post("/Users", taken), 409, "uniqueness")


def test_a_version_that_is_not_the_newest_is_412(quiet_server, ada, unchanged):
    body = patch_of({"op": "replace", "path": "title", "value": "x"})
    answer = quiet_server.scim.patch(f"/Users/{ada.id}", body, headers={"If-Match": 'W/"nine"'})
    assert_error(answer, 412)


def test_a_body_over_the_limit_is_413_at_once(quiet_server, unchanged):
    """Told by its head alone: nothing of the body needs to be sent."""
    head = (f"POST /scim/v2/Users HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {DEV_TOKEN}\r\n"
            "Content-Type: application/scim+json\r\nContent-Length: 99999999999\r\n\r\n")
    assert raw(quiet_server, head.encode()).startswith(b"HTTP/1.1 413")


def test_an_attribute_over_the_limit_is_refused(quiet_server, unchanged):
    answer = quiet_server.scim.post("/Users", user(title="x" * 2_000_000))
    assert answer.status in (400, 413), answer.text


def test_headers_over_the_limit_are_431(quiet_server, unchanged):
    head = b"GET /scim/v2/Users HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * 100_000 + b"\r\n\r\n"
    assert raw(quiet_server, head).startswith(b"HTTP/1.1 431")


@pytest.mark.parametrize("bytes_sent", [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # the first bytes of TLS
    b"GET / HTTP/9.9\r\n\r\n", b"\r\n\r\n\r\n\r\n", b"GET\r\n\r\n", b"\0" * 1000,
    b"POST /scim/v2/Users HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    b"POST /scim/v2/Users HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /scim/v2/Users HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"GET /scim/v2/Users?filter=%00 HTTP/1.1\r\nHost: x\r\n\r\n",
], ids=lambda sent: repr(sent[-30:]))
def test_bytes_that_are_no_request_are_refused(quiet_server, unchanged, bytes_sent):
    answer = raw(quiet_server, bytes_sent)
    assert answer == b"" or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 501")), answer[:100]


@pytest.mark.alone
def test_slow_clients_hold_up_nobody_and_are_cut_off(quiet_server, unchanged):
    slow = []
    for n in range(200):
        connection = socket.create_connection(("127.0.0.1", quiet_server.http_port), timeout=20)
        connection.sendall(b"GET /scim/v2/Users HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        slow.append(connection)
    began = time.monotonic()
    for _ in range(50):
        assert quiet_server.scim.get("/Users?count=1").status == 200
    assert time.monotonic() - began < 5
    # A head must be whole within 10 s of its first byte.
    answer = slow[0].recv(4096)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 408")
    for connection in slow:
        connection.close()


def test_a_body_that_never_comes_creates_nothing(quiet_server, unchanged):
    head = (f"POST /scim/v2/Users HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {DEV_TOKEN}\r\n"
            "Content-Type: application/scim+json\r\nContent-Length: 500\r\n\r\n{\"schemas\":")
    connection = socket.create_connection(("127.0.0.1", quiet_server.http_port), timeout=20)
    connection.sendall(head.encode())
    connection.close()
    assert quiet_server.scim.get("/Users?count=1").status == 200


POST_HEAD = (f"POST /scim/v2/Users HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {DEV_TOKEN}\r\n"
             "Content-Type: application/scim+json\r\nContent-Length: 500\r\n\r\n").encode()
GET_HEAD = b"GET /scim/v2/Users HTTP/1.1\r\nHost: x\r\nX-Slow: "


@pytest.fixture(scope="module")
def strict_server(binary, tmp_path_factory):
    """As every server, but that a client has seconds where it has minutes by default."""
    server = Purser(tmp_path_factory.mktemp("strict"), arguments=[
        "--header-timeout", "2s", "--body-timeout", "1s", "--body-total-timeout", "3s"])
    try:
        yield server.start()
    finally:
        server.kill()


@pytest.mark.alone
@pytest.mark.parametrize("sent, drip, limit", [
    (GET_HEAD, b"", 2), (GET_HEAD, b"x", 2), (b"", b"G", 2), (POST_HEAD, b"", 1),
    (POST_HEAD + b'{"schemas":', b"", 1), (POST_HEAD, b" ", 3),
], ids=["half a head", "a head that drips", "a request line that drips", "no body", "half a body",
        "a body that drips"])
def test_a_slow_client_is_cut_off_at_its_limit_while_others_are_served(strict_server, sent, drip,
                                                                       limit):
    positions = strict_server.metrics()["purser_log_position"]
    with socket.create_connection(("127.0.0.1", strict_server.http_port)) as slow:
        slow.sendall(sent or drip)
        began = time.monotonic()
        # Each turn waits for the server's word a little, and drips one byte more.
        while not select.select([slow], [], [], 0.1)[0]:
            assert time.monotonic() - began < limit + 5, "the slow client is still connected"
            slow.sendall(drip)
            asked = time.monotonic()
            assert strict_server.scim.get("/Users?count=1").status == 200
            assert time.monotonic() - asked < 1
        took = time.monotonic() - began
        slow.settimeout(5)
        answer = slow.recv(4096)
        assert answer.startswith(b"HTTP/1.1 408"), answer
        assert b"connection: close" in answer.lower()
        while slow.recv(4096):
            pass
    assert limit - 0.5 < took < limit + 2, f"cut off after {took} s"
    assert strict_server.metrics()["purser_log_position"] == positions


@pytest.mark.parametrize("duration", ["0s", "-1s", "soon", ""])
def test_a_limit_that_is_no_time_is_refused(binary, tmp_path, duration):
    server = Purser(tmp_path, arguments=[f"--header-timeout={duration}"])
    status, output = server.run_to_end()
    assert status == 2 and "--header-timeout" in output, output


def test_many_searches_that_are_dear_leave_the_server_answering(quiet_server, unchanged):
    dear = " or ".join(f'emails.value co "x{n}"' for n in range(100))
    for _ in range(20):
        assert quiet_server.scim.get(f"/Users?filter={quoted(dear)}").status in (200, 400)
    assert Wire(quiet_server.base).get("/healthz").status == 200


def raw(server, sent):
    """What comes back on a connection of its own."""
    with socket.create_connection(("127.0.0.1", server.http_port), timeout=20) as connection:
        connection.sendall(sent)
        try:
            connection.shutdown(socket.SHUT_WR)
            return connection.recv(65536)
        except OSError:
            return b""
