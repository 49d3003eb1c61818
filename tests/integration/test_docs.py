"""The documentation: its commands run, and what it names is there.

In README.md and docs/*.md a block marked `sh` is run as it stands, file by file and in order, against
a Purser with the four applications (default ports are replaced by the test's). A block marked
`console` shows something and is not run, but its purser commands must exist. What must not be run
stands in NOT_RUN with the reason.
"""

import os
import re
import subprocess
import urllib.parse
from pathlib import Path

import pytest

import processes
from receivers import configuration
from waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
GUIDES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PAGES = [*GUIDES, *sorted((ROOT / "docs" / "adr").glob("*.md"))]

# The first line of a block -> why it is not run here.
NOT_RUN = {
    "deploy/quickstart": "builds and tests everything: tests/run and the quickstart's test do it",
    "build/release/purser sandbox": "stays up: the test starts it",
    "export RECNICE_URL=http://127.0.0.1:8090/recnice/scim RECNICE_TOKEN=recnice-token":
        "stays up: the test starts it",
}
# The part of a page that lists what is not there.
MISSING = "## What does not yet"

TOP_FOLDERS = ("broker", "cmake", "connectors", "deploy", "docs", "proto", "tests")
PATH = re.compile(rf"(?:{'|'.join(TOP_FOLDERS)})(?:/[\w.-]+)*/?")
FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CODE_SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")

ADA = {
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User",
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
    "userName": "ada.byron@example.com", "externalId": "a1", "active": True,
    "displayName": "Ada Byron", "title": "Engineer", "preferredLanguage": "en-GB",
    "name": {"givenName": "Ada", "familyName": "Byron"},
    "emails": [{"type": "work", "value": "ada.byron@example.com", "primary": True}],
    "phoneNumbers": [{"type": "work", "value": "+1 617 555 0100"}],
    "addresses": [{"type": "work", "streetAddress": "1 Main St", "locality": "Boston",
                   "region": "MA", "postalCode": "02101", "country": "US"}],
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
        "employeeNumber": "42", "department": "Sales", "costCenter": "c1", "division": "d1",
        "organization": "o1"},
}
# Recnice requires more of him, so there he is parked.
BOB = {
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
    "userName": "bob@example.com", "externalId": "b1", "active": True, "displayName": "Bob Stone",
    "name": {"givenName": "Bob", "familyName": "Stone"},
}


def name_of(page):
    return str(page.relative_to(ROOT))


def blocks(text, kind):
    return [body for found, body in FENCE.findall(text) if found == kind]


def is_run(block):
    return block.splitlines()[0] not in NOT_RUN


def without_fences(text):
    return FENCE.sub("", text)


def slug(heading):
    """The anchor that a heading gets."""
    kept = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return kept.replace(" ", "-")


@pytest.fixture
def installation(world):
    """Purser and the four applications, with Ada everywhere and Bob parked in Recnice."""
    made = world().start()
    for user in (ADA, BOB):
        answer = made.purser.scim.post("/Users", user)
        assert answer.status == 201, answer.text
    wait_until(lambda: made.purser.gauge("purser_parked_lanes", app="recnice") == 1, 30,
               "Bob parked in Recnice")
    return made


def run_block(block, installation, tmp_path):
    """Runs a block as a reader would, with `purser` on the PATH."""
    programs = tmp_path / "bin"
    programs.mkdir(exist_ok=True)
    if not (programs / "purser").exists():
        (programs / "purser").symlink_to(Path(processes.binary()).resolve())
    purser = installation.purser
    for default, port in ((8080, purser.http_port), (9090, purser.grpc_port),
                          (8090, installation.sandbox.port)):
        block = block.replace(f"127.0.0.1:{default}", f"127.0.0.1:{port}")
    environment = {**purser.env, "PATH": f"{programs}:{os.environ['PATH']}",
                   "PURSER_GRPC": f"127.0.0.1:{purser.grpc_port}",
                   "PURSER_TOKEN": processes.DEV_TOKEN}
    return subprocess.run(["bash", "-euo", "pipefail", "-c", block], cwd=ROOT, env=environment,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("page", [page for page in GUIDES if blocks(page.read_text(), "sh")],
                         ids=name_of)
def test_the_commands_of_a_page_run(page, installation, tmp_path):
    for block in filter(is_run, blocks(page.read_text(), "sh")):
        done = run_block(block, installation, tmp_path)
        assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"


def test_what_is_not_run_is_still_in_a_page():
    first_lines = {block.splitlines()[0] for page in GUIDES
                   for block in blocks(page.read_text(), "sh")}
    assert set(NOT_RUN) <= first_lines


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_of_a_page_leads_somewhere(page):
    broken = []
    for link in LINK.findall(without_fences(page.read_text())):
        if urllib.parse.urlsplit(link).scheme:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists():
            broken.append(link)
        elif anchor and anchor not in {slug(line.lstrip("#")) for line in
                                       target.read_text().splitlines() if line.startswith("#")}:
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_path_that_a_page_names_exists(page):
    text = page.read_text()
    named = {span for span in CODE_SPAN.findall(without_fences(text)) if PATH.fullmatch(span)}
    for block in blocks(text, "sh"):
        named |= {word for word in block.split() if "/" in word and PATH.fullmatch(word)}
    assert sorted(path for path in named if "/" in path and not (ROOT / path).exists()) == []


def test_every_name_in_the_architecture_is_in_the_code():
    sources = "\n".join(path.read_text(errors="replace") for folder in ("broker", "connectors",
                                                                       "proto")
                        for path in (ROOT / folder).rglob("*")
                        if path.suffix in (".h", ".cc", ".proto"))
    text = without_fences((ROOT / "docs/architecture.md").read_text())
    names = {span for span in CODE_SPAN.findall(text)
             if re.fullmatch(r"(?:\w+::)*[A-Z]\w*", span) and span not in ("PATCH",)}
    assert names, "the page names nothing"
    assert sorted(name for name in names if name.split("::")[-1] not in sources) == []


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "adr").glob("*.md")), ids=name_of)
def test_a_decision_has_its_number_its_parts_and_a_link_from_the_architecture(page):
    text = page.read_text()
    assert text.startswith(f"# {page.name[:4]}: ")
    parts = ["\nStatus: ", "\n## Context\n", "\n## Decision\n", "\n## Consequences\n"]
    assert [part for part in parts if part not in text] == []
    assert f"(adr/{page.name})" in (ROOT / "docs/architecture.md").read_text()


class Commands:
    """What the program understands, by its own help."""

    def __init__(self, binary):
        self.binary = binary
        self.helps = {}

    def help(self, *words):
        if words not in self.helps:
            done = subprocess.run([self.binary, *words, "--help"], capture_output=True, text=True,
                                  timeout=30)
            self.helps[words] = done.stdout if done.returncode == 0 else None
        return self.helps[words]

    def subcommands(self, *words):
        said = (self.help(*words) or "").partition("Subcommands:")[2]
        return set(re.findall(r"^  ([a-z]+)", said, re.MULTILINE))

    def problem(self, line):
        """What is wrong with a command line of a page, or None."""
        words = line.split()
        path = []
        while words and self.subcommands(*path):
            if not re.fullmatch(r"[a-z]+", words[0]):
                return None  # names the program or a noun alone
            if words[0] not in self.subcommands(*path):
                return f"purser {line}: there is no {words[0]}"
            path.append(words.pop(0))
        options = {word.partition("=")[0] for word in words if re.match(r"--[a-z]", word)}
        unknown = sorted(option for option in options if option not in self.help(*path))
        return f"purser {line}: unknown {unknown}" if unknown else None


def command_lines(text):
    """The purser commands in a page's blocks and code spans, without `purser`."""
    lines = [re.sub(r"^\$ ", "", line) for kind in ("sh", "console")
             for block in blocks(text, kind) for line in block.splitlines()
             if kind == "sh" or line.startswith("$ ")]
    lines += CODE_SPAN.findall(without_fences(text))
    found = (re.match(r"(?:build/release/)?purser (.+)", line) for line in lines)
    return [match.group(1) for match in found if match]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_that_a_page_names_exists(page, binary):
    commands = Commands(binary)
    text = page.read_text()
    if MISSING in text:
        before, _, rest = text.partition(MISSING)
        text = before + "\n## " + rest.partition("\n## ")[2]
    assert [problem for line in command_lines(text) if (problem := commands.problem(line))] == []


def missing_part():
    return (ROOT / "README.md").read_text().partition(MISSING)[2].partition("\n## ")[0]


def test_what_the_readme_calls_missing_is_missing(binary):
    commands = Commands(binary)
    lines = command_lines(missing_part())
    assert lines, "the README names no missing command"
    assert [line for line in lines if commands.problem(line) is None] == []


def test_the_readme_and_discovery_agree_on_what_scim_offers(quiet_server):
    offered = quiet_server.scim.get("/ServiceProviderConfig").json()
    said = {"bulk": "no bulk", "sort": "no sorting"}
    assert {feature: text in " ".join(missing_part().split()).lower()
            for feature, text in said.items()} == {
                feature: not offered[feature]["supported"] for feature in said}


def metrics_in(page):
    return set(re.findall(r"\bpurser_[a-z_]+", (ROOT / page).read_text()))


def test_the_metrics_of_the_operating_guide_are_the_ones_that_are_served(installation, tmp_path):
    feeds = configuration(tmp_path / "feeds.yaml",
                          {"name": "siem", "push": {"url": "http://127.0.0.1:9/events"}})
    assert installation.purser.cli("apply", "-f", feeds).returncode == 0
    wait_until(lambda: "purser_feed_pending" in installation.purser.metrics(), 10, "the feed")
    named = metrics_in("docs/operating.md")
    served = set(installation.purser.metrics())
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in served}
    assert named - served - families == set(), "named, but not served"
    assert families - named == set(), "served, but not in the guide"
    assert metrics_in("deploy/prometheus/alerts.yaml") - named == set(), "not in the guide"


def test_the_configuration_in_the_guide_is_accepted(installation, tmp_path):
    examples = blocks((ROOT / "docs/configuration.md").read_text(), "yaml")
    assert examples
    for number, example in enumerate(examples):
        file = tmp_path / f"example{number}.yaml"
        file.write_text(example)
        done = installation.purser.cli("diff", "-f", file)
        assert done.returncode == 0, f"{example}\n{done.stderr}"
