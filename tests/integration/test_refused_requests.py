"""Why is Bob not in Purser at all? The requests that were refused, asked for on both engines."""

from processes import DEV_TOKEN, Purser
from waiting import wait_until
from wire import Wire

USER = "urn:ietf:params:scim:schemas:core:2.0:User"


def test_who_was_refused_is_found_by_name_client_and_reason(start, tmp_path, log_address):
    purser = start(Purser(tmp_path / "purser", log=log_address))
    taken = {"schemas": [USER], "userName": "bob@example.com", "title": "Treasurer"}
    assert purser.scim.post("/Users", taken).status == 201

    def kept():
        purser.scim.post("/Users", {**taken, "externalId": "b2"})
        return purser.cli_json("request", "list", "--user", "BOB@example.com").get("requests")

    # The stream is opened beside the directory, and nobody waits for it.
    refused = wait_until(kept, 30, "the refused request in the list")
    assert {(one["httpStatus"], one["reason"]) for one in refused} == {(409, "uniqueness")}
    assert refused[0]["userName"] == "bob@example.com" and refused[0]["externalId"] == "b2"
    assert "Treasurer" not in str(refused)
    assert DEV_TOKEN not in str(refused)

    assert Wire(purser.scim_base, "wrong").post("/Users", taken).status == 401
    wait_until(lambda: purser.cli_json("request", "list", "--reason", "401").get("requests"), 30,
               "the request with a wrong token")
    assert purser.cli_json("request", "list", "--user", "nobody@example.com") in (
        {}, {"nextPageToken": "", "requests": []})
