"""/Me, with a token that stands for a user; on both engines."""

from processes import Purser
from wire import Wire

USER = "urn:ietf:params:scim:schemas:core:2.0:User"


def test_me_is_the_user_whom_a_token_names(start, log_address, tmp_path):
    purser = start(Purser(tmp_path / "run", log=log_address))
    created = purser.scim.post("/Users", {"schemas": [USER], "userName": "ada@example.com"})
    ada = created.json()["id"]
    nobody = purser.cli("token", "mint", "main", "--user", "eve@example.com", "--reason", "a test")
    assert nobody.returncode == 3, nobody.stderr
    minted = purser.cli("token", "mint", "main", "--user", "Ada@example.com", "--reason", "a test")
    assert minted.returncode == 0, minted.stderr
    assert [token["userId"] for token in purser.cli_json("token", "list", "main")["tokens"]] \
        == ["", ada]

    me = Wire(purser.scim_base, minted.stdout.strip())
    shown = me.get("/Me")
    assert shown.status == 200, shown.text
    assert shown.json()["id"] == ada
    assert shown.headers["location"] == shown.json()["meta"]["location"]
    assert shown.json()["meta"]["location"] == f"{purser.scim_base}/Users/{ada}"
    assert purser.scim.get("/Me").status == 501, "the identity provider's token names nobody"
    purser.restart()
    assert me.get("/Me").json()["userName"] == "ada@example.com"
    assert me.delete("/Me").status == 204
    assert me.get("/Me").status == 404
