"""Who may include whom: the rules of the tree, checked on any tree of sources."""

import re
from pathlib import Path

# Of the broker, the connectors' side sees these; the sandbox, which listens, also http.
SEEN_BY_CONNECTORS = {
    "broker/base", "broker/sqlite", "broker/crypto", "broker/domain", "broker/mapping",
    "broker/config", "broker/events", "broker/eventlog", "broker/cluster", "broker/projections",
}
SEEN_BY = {"connectors/sandbox": SEEN_BY_CONNECTORS | {"broker/http"}}

# The one folder that builds the whole program.
ROOT = "broker/app"

# How a third-party library's headers begin, and the folders that may include them.
OWNERS = {
    "librdkafka/": ("broker/eventlog/kafka",),
    "sqlite3.h": ("broker/sqlite",),
    "openssl/": ("broker/crypto", "broker/http"),
    "boost/": ("broker/http",),
    "curl/": ("connectors/http",),
    "re2/": ("broker/mapping",),
    "yaml-cpp/": ("broker/config",),
    "CLI/": ("broker/cli", "broker/app"),
    "spdlog/": ("broker/base",),
    "unicode/": ("broker/domain", "broker/mapping"),
    "grpcpp/": ("broker/admin", "broker/cli", "broker/app"),
    "grpc/": ("broker/admin", "broker/cli", "broker/app"),
}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*[<"]([^">]+)[">]', re.MULTILINE)


def folder_order(cmake_lists):
    """The folders of the top-level CMakeLists.txt, in build order."""
    order = []
    for name in ("PURSER_BROKER", "PURSER_CONNECTORS"):
        listed = re.search(rf"set\({name}\s+([^)]*)\)", cmake_lists)
        if listed is None:
            raise ValueError(f"CMakeLists.txt sets no {name}")
        order += listed.group(1).split()
    return order


def is_within(path, folder):
    return path == folder or path.startswith(folder + "/")


def folder_of(path, order):
    """The listed folder that `path` lies in, or None: broker/eventlog for broker/eventlog/kafka/x.h."""
    return next((folder for folder in [*order, ROOT] if is_within(path, folder)), None)


def layer_violation(path, included, order):
    """Why the file `path` may not include `included`, a file of ours; None where it may."""
    here, there = folder_of(path, order), folder_of(included, order)
    if here is None:
        return f"{path} lies in no folder of the top-level CMakeLists.txt"
    if there is None:
        return f"{path} includes {included}, which lies in no listed folder"
    if here in (ROOT, there):
        return None
    if there == ROOT or order.index(there) > order.index(here):
        return f"{path} includes {included}, which comes after it"
    if here.startswith("broker/") and there.startswith("connectors/"):
        return f"{path} includes {included}: the broker never includes the connectors"
    seen = SEEN_BY.get(here, SEEN_BY_CONNECTORS)
    if here.startswith("connectors/") and there.startswith("broker/") and there not in seen:
        return f"{path} includes {included}, which the connectors' side does not see"
    return None


def owner_violation(path, included):
    """Why `path` may not include the third-party header `included`; None where it may."""
    for prefix, owners in OWNERS.items():
        if not included.startswith(prefix):
            continue
        if not any(is_within(path, owner) for owner in owners):
            return f"{path} includes {included}, which belongs to {' and '.join(owners)}"
    return None


def violations(root):
    """Every forbidden include of the sources under `root`, as a list of sentences."""
    root = Path(root)
    order = folder_order((root / "CMakeLists.txt").read_text())
    found = []
    for source in sorted([*root.glob("broker/**/*"), *root.glob("connectors/**/*")]):
        if source.suffix not in (".h", ".cc"):
            continue
        path = source.relative_to(root).as_posix()
        for included in INCLUDE.findall(source.read_text()):
            if included.startswith(("broker/", "connectors/")):
                problem = layer_violation(path, included, order)
            else:
                problem = owner_violation(path, included)
            if problem:
                found.append(problem)
    return found
