"""Configuration that is wrong: named with its place, at the start and by `purser apply`; nothing of
it comes into force."""

import os

import pytest

from people import make_person
from processes import FOUR, FOUR_APPS, SECRETS, Purser
from waiting import wait_until

APP = """
apps:
  - name: one
    template: preciate
    url: http://127.0.0.1:9/scim
    credentials: {bearer_token: {secret: "${env:PRECIATE_TOKEN}"}}
"""


WRONG = {
    "an unknown key": (APP + "    colour: blue\n", ["colour", "7"]),
    "a mistyped key, with what was meant": (APP.replace("template:", "tempalte:"),
                                            ["tempalte", "template"]),
    "an unknown attribute in a mapping": (
        APP + "    users: {rows: [{target: title, source: shoeSize}]}\n", ["shoeSize"]),
    "an unknown function": (
        APP + "    users: {rows: [{target: title, expression: 'Frobnicate([title])'}]}\n",
        ["Frobnicate"]),
    "an unknown template": (APP.replace("preciate", "nonesuch", 1), ["nonesuch"]),
    "an unknown connector": (APP.replace("template: preciate", "connector: telepathy"),
                             ["telepathy"]),
    "an unknown directory": (APP + "    directory: elsewhere\n",
                             ["wrong.yaml:7:5", "elsewhere", "main"]),
    "two apps of one name": (APP + APP.replace("\napps:\n", ""), ["one"]),
    "a secret in clear": (APP.replace("${env:PRECIATE_TOKEN}", "s3cret-in-clear"), ["secret"]),
    "a state that is none": (APP + "    state: jogging\n", ["state"]),
    "no YAML at all": ("{[", []),
    "plain http to somewhere else": (APP.replace("http://127.0.0.1:9", "http://example.com"),
                                     ["http"]),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_start_with_wrong_configuration_is_refused_with_its_place(binary, tmp_path, name):
    text, words = WRONG[name]
    file = tmp_path / "wrong.yaml"
    file.write_text(text)
    status, output = Purser(tmp_path / "run", apply=[file]).run_to_end()
    assert status not in (0, None) and status > 0, output
    assert "wrong.yaml:" in output or "app one" in output
    assert "s3cret-in-clear" not in output
    for word in words:
        assert word in output, output


@pytest.mark.parametrize("name", WRONG)
def test_wrong_configuration_applied_to_a_running_purser_changes_nothing(quiet_server, tmp_path,
                                                                         name):
    text, words = WRONG[name]
    file = tmp_path / "wrong.yaml"
    file.write_text(text)
    before = quiet_server.cli("app", "list", "-o", "json").stdout
    refused = quiet_server.cli("apply", "-f", file)
    assert refused.returncode == 1, refused.stdout + refused.stderr
    for word in words:
        assert word in refused.stderr, refused.stderr
    assert quiet_server.cli("app", "list", "-o", "json").stdout == before
    assert quiet_server.status_of("/readyz") == 200


def test_a_good_app_beside_a_bad_one_is_not_applied_either(quiet_server, tmp_path):
    file = tmp_path / "mixed.yaml"
    file.write_text(APP + "  - name: two\n    template: nonesuch\n")
    assert quiet_server.cli("apply", "-f", file).returncode == 1
    assert quiet_server.cli_json("app", "list")["apps"] == []


def test_a_missing_secret_is_named_and_stops_its_own_app_alone(world):
    here = world()
    missing = {"recnice": "RECNICE_URL", "preciate": "PRECIATE_TOKEN",
               "replicon": "REPLICON_PASSWORD"}
    for variable in missing.values():
        del here.purser.env[variable]
    here.start()
    person = here.entra.create_user(make_person(1))
    here.wait_equal(["alexishr"], timeout=20)
    for app, variable in missing.items():
        wait_until(lambda: variable in here.purser.cli("app", "status", app).stdout, 20,
                   f"{variable} in the status of {app}")
        assert here.sandbox.state(app)["users"] == []
        status = here.purser.cli_json("app", "status", app)
        assert status["notConfigured"] and not status.get("credentialsRefused"), status
        explained = here.purser.cli("user", "explain", person.id, "--app", app).stdout
        assert f"${{env:{variable}}} is not set" in explained, explained
        assert "start purser again" in explained, explained
        assert "refuses" not in explained, explained
    # With what was missing it heals; a secret that is wrong is told as that.
    here.purser.env.update(here.sandbox.environment(), PRECIATE_TOKEN="a-wrong-one")
    here.purser.restart()
    here.wait_equal(["recnice", "replicon"], timeout=30)
    wait_until(lambda: here.purser.cli_json("app", "status", "preciate").get("credentialsRefused"),
               20, "the refused token")
    assert not here.purser.cli_json("app", "status", "preciate").get("notConfigured")
    for name, value in SECRETS.items():
        if name.endswith(("TOKEN", "PASSWORD")):
            assert value not in here.purser.log()


def test_a_file_that_is_not_there_is_named(binary, tmp_path):
    status, output = Purser(tmp_path, apply=[tmp_path / "none.yaml"]).run_to_end()
    assert status > 0 and "none.yaml" in output


def test_the_sample_is_applied_whole_and_twice_is_once(world):
    here = world().start()
    listed = here.purser.cli_json("app", "list")["apps"]
    assert sorted(app["name"] for app in listed) == sorted(FOUR)
    assert {app["state"] for app in listed} == {"running"}
    again = here.purser.cli_json("apply", "-f", FOUR_APPS)
    assert {item["action"] for item in again["items"]} == {"unchanged"}


@pytest.mark.parametrize("arguments, status", [
    (["serve"], 2), (["serve", "--no-such-flag"], 2), (["fly"], 2), ([], 2),
    (["replay", "start", "recnice", "--from", "yesterday-ish", "--reason", "x"], 2),
    (["replay", "start", "recnice", "--from", "2026-01-01T00:00:00Z"], 2),
    (["app", "status", "nobody"], 3), (["user", "explain", "nobody@example.com"], 3),
    (["user", "timeline", "nobody"], 3), (["app", "list"], 0), (["parked", "list"], 0),
])
def test_commands_end_with_the_status_that_scripts_rely_on(quiet_server, arguments, status):
    done = quiet_server.cli(*arguments)
    assert done.returncode == status, done.stdout + done.stderr


def test_a_server_out_of_reach_and_a_wrong_token_are_failures(quiet_server):
    assert quiet_server.cli("app", "list", env={"PURSER_GRPC": "127.0.0.1:1"}).returncode == 1
    wrong = quiet_server.cli("app", "list", env={"PURSER_TOKEN": "wrong"})
    assert wrong.returncode == 1 and "wrong" not in wrong.stderr.replace("wrong token", "")


def test_a_dev_server_listens_on_loopback_alone(binary, tmp_path):
    purser = Purser(tmp_path)
    command = [part.replace("127.0.0.1", "0.0.0.0") for part in purser.command()]
    purser.command = lambda: command
    status, output = purser.run_to_end()
    assert status > 0 and "loopback" in output


def test_a_token_is_made_up_and_kept_for_its_owner_where_none_is_given(start, tmp_path):
    purser = Purser(tmp_path)
    del purser.env["PURSER_DEV_TOKEN"]
    start(purser)
    file = purser.data / "dev-token"
    assert oct(os.stat(file).st_mode & 0o777) == "0o600"
    purser.scim.token = file.read_text().strip()
    assert purser.scim.get("/Users").status == 200
