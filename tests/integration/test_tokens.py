"""A start as in production: TLS, and tokens that operators mint, rotate and revoke."""

import http.client
import json
import os
import ssl
import subprocess

import pytest

from processes import Purser
from waiting import wait_until

ADMIN = "admin-secret-of-the-tests"
DIRECTORY = "directories:\n- name: staff\n"


def self_signed(folder):
    """(certificate, key): PEM files for 127.0.0.1."""
    folder.mkdir(parents=True, exist_ok=True)
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-days", "1", "-subj", "/CN=127.0.0.1",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
                   check=True, stdin=subprocess.DEVNULL, capture_output=True)
    return certificate, key


class SecurePurser(Purser):
    """`purser serve` without --dev; the commands are an admin's."""

    def __init__(self, folder, admin=ADMIN):
        super().__init__(folder)
        self.certificate, self.key = self_signed(folder)
        self.trust = ssl.create_default_context(cafile=self.certificate)
        self.env = {**os.environ, "PURSER_CA": str(self.certificate)}
        for variable in ("PURSER_ADMIN_TOKEN", "PURSER_DEV_TOKEN"):
            self.env.pop(variable, None)
        if admin:
            self.env["PURSER_ADMIN_TOKEN"] = admin
        self.admin = admin

    def command(self):
        command = super().command()
        command.remove("--dev")
        return command + ["--tls-cert", str(self.certificate), "--tls-key", str(self.key)]

    def cli(self, *arguments, token=None, **more):
        return super().cli(*arguments, env={"PURSER_TOKEN": token or self.admin}, **more)

    def ask(self, method, path, token=None, body=None):
        """(status, body) by TLS; status 0 without an answer."""
        connection = http.client.HTTPSConnection("127.0.0.1", self.http_port, timeout=10,
                                                 context=self.trust)
        headers = {"Content-Type": "application/scim+json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        try:
            connection.request(method, path, body and json.dumps(body), headers)
            response = connection.getresponse()
            return response.status, json.loads(response.read() or b"null")
        except (OSError, ValueError):
            return 0, None
        finally:
            connection.close()

    def status_of(self, path):
        connection = http.client.HTTPSConnection("127.0.0.1", self.http_port, timeout=10,
                                                 context=self.trust)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except OSError:
            return 0
        finally:
            connection.close()

    def users(self, token, directory="staff"):
        """The status of a list of users with this token."""
        return self.ask("GET", f"/directories/{directory}/scim/v2/Users", token)[0]

    def create_user(self, name, token, directory="staff"):
        user = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": name}
        return self.ask("POST", f"/directories/{directory}/scim/v2/Users", token, user)[0]

    def mint(self, *arguments, token=None):
        """{"secret": .., "token": {"id": ..}} of a new token."""
        done = self.cli("token", "mint", *arguments, "--reason", "a test", "-o", "json",
                        token=token)
        assert done.returncode == 0, f"{arguments}: {done.returncode} {done.stderr}"
        return json.loads(done.stdout)

    def revoke(self, *arguments):
        return self.cli("token", "revoke", *arguments, "--reason", "a test")

    def put_directory(self, folder):
        path = folder / "directory.yaml"
        path.write_text(DIRECTORY)
        done = self.cli("apply", "-f", path, "--reason", "a test")
        assert done.returncode == 0, done.stderr
        return self


@pytest.fixture
def purser(start, tmp_path):
    return start(SecurePurser(tmp_path / "secure")).put_directory(tmp_path)


def test_a_minted_token_writes_its_directory_and_a_rotation_has_two(purser):
    done = purser.cli("token", "mint", "staff", "--reason", "the IdP")
    assert done.returncode == 0, done.stderr
    first = done.stdout.strip()
    assert done.stdout == first + "\n" and len(first) == 43, "the secret stands alone"
    assert first not in done.stderr and "once" in done.stderr
    wait_until(lambda: purser.users(first) == 200, 10, lambda: purser.tail())
    assert purser.create_user("ada@example.com", first) == 201
    assert purser.create_user("eve@example.com", "no-token") == 401

    second = purser.mint("staff")
    assert purser.create_user("bob@example.com", second["secret"]) == 201
    assert purser.users(first) == 200, "both are live in a rotation"

    third = purser.cli("token", "mint", "staff", "--reason", "one too many")
    assert third.returncode == 4, f"{third.returncode} {third.stderr}"
    assert third.stdout == ""

    listed = purser.cli_json("token", "list", "staff")["tokens"]
    assert [token["role"] for token in listed] == ["scim", "scim"]
    assert "sha256" not in listed[0] and "secret" not in listed[0]
    assert purser.revoke("staff", listed[0]["id"]).returncode == 0
    assert purser.users(first) == 401, "a revoked token is refused from the answer on"
    assert purser.users(second["secret"]) == 200
    assert purser.revoke("staff", listed[0]["id"]).returncode == 3

    for secret in (first, second["secret"], ADMIN):
        assert secret not in purser.log()


def test_tokens_outlive_a_restart_and_the_revoked_stay_revoked(purser):
    kept, revoked = purser.mint("staff"), purser.mint("staff")
    assert purser.revoke("staff", revoked["token"]["id"]).returncode == 0
    purser.restart()
    assert purser.users(kept["secret"]) == 200
    assert purser.users(revoked["secret"]) == 401
    for file in purser.data.rglob("*"):
        if file.is_file():
            assert kept["secret"].encode() not in file.read_bytes(), f"the secret is in {file}"


def test_a_directorys_token_opens_nothing_else(purser, tmp_path):
    secret = purser.mint("staff")["secret"]
    (tmp_path / "other.yaml").write_text("directories:\n- name: guests\n")
    assert purser.cli("apply", "-f", tmp_path / "other.yaml").returncode == 0
    guests = purser.mint("guests")["secret"]
    wait_until(lambda: purser.users(guests, "guests") == 200, 10, lambda: purser.tail())
    assert purser.users(secret, "guests") == 401
    assert purser.cli("app", "list", token=secret).returncode == 1
    assert purser.users(ADMIN) == 401


def test_roles_and_the_last_admin(purser):
    viewer = purser.mint("--admin")["secret"]
    assert purser.cli("app", "list", token=viewer).returncode == 0
    for refused in (["mint", "staff"], ["mint", "--admin", "--role", "admin"]):
        done = purser.cli("token", *refused, "--reason", "no", token=viewer)
        assert done.returncode == 1 and "admin" in done.stderr, done.stderr
        assert done.stdout == ""
    assert purser.cli("token", "list", "staff", token=viewer).returncode == 1

    tokens = purser.cli_json("token", "list", "--admin")["tokens"]
    first = next(token["id"] for token in tokens if token["role"] == "admin")
    assert purser.revoke("--admin", first).returncode == 4, "nobody could mint any more"
    second = purser.mint("--admin", "--role", "admin", "--expires", "90d")
    assert purser.revoke("--admin", first).returncode == 0
    assert purser.cli("app", "list").returncode == 1
    assert purser.cli("app", "list", token=second["secret"]).returncode == 0
    assert purser.cli("token", "mint", "nowhere", "--reason", "x",
                      token=second["secret"]).returncode == 3


def test_a_start_without_an_admins_token_writes_one_for_its_owner(start, tmp_path):
    purser = SecurePurser(tmp_path / "secure", admin=None)
    start(purser)
    path = purser.data / "admin-token"
    assert path.stat().st_mode & 0o777 == 0o600
    purser.admin = path.read_text().strip()
    purser.put_directory(tmp_path)
    secret = purser.mint("staff")["secret"]
    wait_until(lambda: purser.users(secret) == 200, 10, lambda: purser.tail())
    purser.restart()
    assert len(purser.cli_json("token", "list", "--admin")["tokens"]) == 1
