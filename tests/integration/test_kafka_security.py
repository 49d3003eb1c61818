"""The log on Kafka by TLS, with client certificates, and with each login, on a real broker."""

import re
import subprocess
from pathlib import Path

import pytest

from kafka import KafkaCluster, KafkaUnavailable
from processes import ROOT, Purser, binary
from waiting import wait_until

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
WRONG = "wrong-password-4711"


def secure_broker(folder, version):
    cluster = KafkaCluster(folder / "kafka", secure=True, version=version)
    try:
        cluster.start()
    except KafkaUnavailable as missing:
        pytest.skip(f"Kafka cannot be had: {missing}")
    yield cluster
    cluster.stop(kill=True)


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    yield from secure_broker(tmp_path_factory.mktemp("secure"), "4.3.1")


@pytest.fixture(scope="module")
def older_broker(tmp_path_factory):
    yield from secure_broker(tmp_path_factory.mktemp("older"), "3.9.2")


def tls(broker, **more):
    return {"ca_file": broker.folder / "security/ca.pem", **more}


def certificate(broker):
    return {"certificate_file": broker.folder / "security/client.pem",
            "key": f"${{file:{broker.folder}/security/client.key}}",
            "key_password": f"${{file:{broker.folder}/security/password}}"}


def login(mechanism):
    return {"mechanism": mechanism, "username": "purser", "password": "${env:KAFKA_PASSWORD}"}


def write_file(path, **parts):
    """{"tls": {"ca_file": ...}} as YAML."""
    lines = []
    for part, keys in parts.items():
        lines += [f"{part}:", *(f"  {key}: {value}" for key, value in keys.items())]
    Path(path).write_text("\n".join(lines) + "\n")
    return path


def password_of(broker):
    return (broker.folder / "security/password").read_text().strip()


def secured(broker, folder, log, password=None, **parts):
    """A Purser that is told of `parts`, its secrets in its environment."""
    folder.mkdir(parents=True, exist_ok=True)
    file = write_file(folder / "kafka.yaml", **parts)
    return Purser(folder, log=log, arguments=["--kafka-security", str(file)],
                  env={"KAFKA_PASSWORD": password or password_of(broker)})


# The listener, and what a client must be told to use it.
WAYS = {
    "tls": ("tls", lambda broker: {"tls": tls(broker)}),
    "client-certificate": ("mtls", lambda broker: {"tls": tls(broker, **certificate(broker))}),
    "plain": ("sasl_tls", lambda broker: {"tls": tls(broker), "sasl": login("plain")}),
    "plain-on-loopback": ("sasl_clear", lambda broker: {"sasl": login("plain")}),
}
# Of brokers before Kafka 4, which librdkafka's SCRAM does not fit.
SCRAM = {
    "scram-256": ("sasl_tls", lambda broker: {"tls": tls(broker), "sasl": login("scram_sha_256")}),
    "scram-512": ("sasl_tls", lambda broker: {"tls": tls(broker), "sasl": login("scram_sha_512")}),
    "scram-in-clear": ("sasl_clear", lambda broker: {"sasl": login("scram_sha_512")}),
}


def create(server, name):
    return server.scim.post("/Users", {"schemas": [USER], "userName": name}).status


def show_no_secret(server, broker):
    key = (broker.folder / "security/client.key").read_text().splitlines()[1]
    shown = server.log() + server.root.get("/metrics").text
    shown += Path(f"/proc/{server.process.pid}/cmdline").read_text()
    assert [secret for secret in (password_of(broker), key) if secret in shown] == []


def serve_and_restart(start, broker, tmp_path, way, listener, parts):
    log = broker.log_url(way, listener)
    server = start(secured(broker, tmp_path / "purser", log, **parts(broker)))
    assert create(server, "ada@example.com") == 201
    server.restart()
    assert create(server, "ada@example.com") == 409
    show_no_secret(server, broker)
    verified = subprocess.run(
        [binary(), "log", "verify", "--log", log, *server.arguments], env=server.env,
        capture_output=True, text=True, timeout=60)
    assert verified.returncode == 0, verified.stderr
    assert re.search(r"directory/\S+ +main +\d+ +ok", verified.stdout), verified.stdout


@pytest.mark.parametrize("way", WAYS)
def test_a_log_behind_security_serves_and_survives_a_restart(start, broker, tmp_path, way):
    serve_and_restart(start, broker, tmp_path, way, *WAYS[way])


@pytest.mark.parametrize("way", SCRAM)
def test_a_log_behind_scram_serves_and_survives_a_restart(start, older_broker, tmp_path, way):
    serve_and_restart(start, older_broker, tmp_path, way, *SCRAM[way])


def test_the_example_of_the_operating_guide_is_one(start, broker, tmp_path):
    text = (ROOT / "docs/operating.md").read_text()
    example, = re.findall(r"^```yaml\n(tls:.*?)^```$", text, re.MULTILINE | re.DOTALL)
    file = tmp_path / "kafka.yaml"
    file.write_text(example.replace("/etc/purser/kafka/", f"{broker.folder}/security/"))
    server = start(Purser(tmp_path / "purser", log=broker.log_url("guide", "sasl_tls"),
                          arguments=["--kafka-security", str(file)],
                          env={"KAFKA_PASSWORD": password_of(broker)}))
    assert create(server, "ada@example.com") == 201


def test_what_does_not_fit_is_named_and_nothing_is_served(broker, tmp_path):
    tls_log = broker.log_url("refused", "tls")
    sasl_log = broker.log_url("refused", "sasl_tls")
    elsewhere = write_file(tmp_path / "other.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                    "-subj", "/CN=another", "-keyout", tmp_path / "other.key", "-out", elsewhere],
                   check=True, capture_output=True)
    wrong = {
        # The right password: librdkafka before 2.6.1 gets it refused by Kafka 4.
        "scram": (secured(broker, tmp_path / "g", sasl_log, tls=tls(broker),
                          sasl=login("scram_sha_512")), "librdkafka before 2.6.1"),
        "password": (secured(broker, tmp_path / "b", sasl_log, password=WRONG,
                                   tls=tls(broker), sasl=login("plain")), "sasl.password"),
        "authority": (secured(broker, tmp_path / "c", tls_log, tls={"ca_file": elsewhere}),
                      "no authority of tls.ca_file vouches for it"),
        # The certificate is of localhost.
        "host": (secured(broker, tmp_path / "d", tls_log.replace("localhost", "127.0.0.1"),
                         tls=tls(broker)), "does not name the host that was asked"),
        "no certificate": (secured(broker, tmp_path / "e", broker.log_url("refused", "mtls"),
                                   tls=tls(broker)), "tls.certificate_file"),
        "no security": (Purser(tmp_path / "f", log=tls_log), "--kafka-security"),
    }
    for server, _ in wrong.values():
        server.launch(server.command(), server.env)
    for what, (server, named) in wrong.items():
        assert server.process.wait(60) == 1, f"{what}: {server.tail()}"
        assert named in server.log(), f"{what}: {server.tail()}"
        assert WRONG not in server.log()


def test_a_host_that_the_certificate_does_not_name_is_taken_when_asked_to(start, broker, tmp_path):
    # What the bootstrap address leads to is at localhost again; the first contact is not.
    log = broker.log_url("any-host", "tls").replace("localhost", "127.0.0.1")
    server = start(secured(broker, tmp_path / "purser", log,
                           tls=tls(broker, verify_host_name="false")))
    assert create(server, "ada@example.com") == 201


def test_a_password_changed_at_the_brokers_alone_is_503_until_it_fits_again(start, broker,
                                                                            tmp_path):
    server = start(secured(broker, tmp_path / "purser", broker.log_url("changed", "sasl_tls"),
                           tls=tls(broker), sasl=login("plain")))
    assert create(server, "ada@example.com") == 201
    known = password_of(broker)
    file = broker.folder / "security/password"
    broker.stop()
    file.write_text("another-password-4711\n")
    try:
        broker.start()
        answer = server.scim.post("/Users", {"schemas": [USER], "userName": "bob@example.com"})
        assert (answer.status, "retry-after" in answer.headers) == (503, True)
        wait_until(lambda: "sasl.password" in server.log(), 30, "the log to name the setting")
        assert server.status_of("/readyz") == 200  # as after any loss of the log
        show_no_secret(server, broker)
    finally:
        broker.stop()
        file.write_text(f"{known}\n")
        broker.start()
    assert known not in server.log()
    # The create that was answered 503 may have taken effect meanwhile.
    wait_until(lambda: create(server, "bob@example.com") in (201, 409), 60, "writes to go on")


@pytest.mark.parametrize("text, named", [
    ("tls: {cafile: /etc/ca.pem}", 'kafka.yaml:1:7: unknown key "cafile" in tls; did you mean'),
    ("sasl:\n  mechanism: plain\n  username: u\n  password: hunter2", "sasl.password: "),
    ("tls: {ca_file: /nowhere/ca.pem}", "tls.ca_file: cannot read /nowhere/ca.pem"),
    ("tls: {}\nsasl: {mechanism: plain, username: u, password: '${env:NOT_SET}'}",
     "sasl.password: ${env:NOT_SET} is not set"),
])
def test_a_file_that_is_wrong_is_refused_at_once(binary, tmp_path, text, named):
    (tmp_path / "kafka.yaml").write_text(text)
    server = Purser(tmp_path, log="kafka://kafka.example.com:9093",
                    arguments=["--kafka-security", str(tmp_path / "kafka.yaml")])
    status, output = server.run_to_end(timeout=20)
    assert status != 0
    assert named in output
    assert "hunter2" not in output


def test_security_without_a_log_on_kafka_is_refused(binary, tmp_path):
    file = write_file(tmp_path / "kafka.yaml", tls={"ca_file": "/etc/ca.pem"})
    status, output = Purser(tmp_path, arguments=["--kafka-security", str(file)]).run_to_end()
    assert status != 0
    assert "give --log too" in output
