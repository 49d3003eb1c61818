"""The tree is the architecture: a folder includes those above it, a library has one owner."""

from pathlib import Path

import layers
import pytest

ROOT = Path(__file__).resolve().parents[2]

CMAKE_LISTS = """
set(PURSER_BROKER
    broker/base
    broker/http
    broker/eventlog
    broker/projections)
set(PURSER_CONNECTORS
    connectors/api
    connectors/delivery
    connectors/sandbox)
"""


@pytest.fixture
def tree(tmp_path):
    """A tree of sources to plant an include in."""
    (tmp_path / "CMakeLists.txt").write_text(CMAKE_LISTS)

    def plant(path, *includes):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(f"#include {include}\n" for include in includes))
        return layers.violations(tmp_path)

    return plant


def test_every_include_in_the_tree_is_allowed():
    assert layers.violations(ROOT) == []


def test_the_tree_that_is_checked_is_not_empty():
    order = layers.folder_order((ROOT / "CMakeLists.txt").read_text())
    assert order.index("broker/base") < order.index("broker/http") < order.index("connectors/api")
    assert all((ROOT / folder).is_dir() for folder in ("broker/base", "broker/http"))


@pytest.mark.parametrize("path, include", [
    ("broker/http/a.cc", '"broker/base/b.h"'),
    ("broker/http/a.cc", '"broker/http/b.h"'),
    ("broker/http/a.cc", "<boost/asio.hpp>"),
    ("broker/eventlog/kafka/a.cc", '"broker/eventlog/b.h"'),
    ("broker/eventlog/a.cc", '"broker/eventlog/memory/b.h"'),
    ("broker/eventlog/kafka/a.cc", "<librdkafka/rdkafkacpp.h>"),
    ("connectors/delivery/a.cc", '"broker/projections/b.h"'),
    ("connectors/sandbox/a.cc", '"broker/http/b.h"'),
    ("broker/app/a.cc", '"connectors/delivery/b.h"'),
    ("broker/base/a.cc", '"nlohmann/json.hpp"'),
    ("broker/base/a.cc", "<vector>"),
])
def test_an_allowed_include_is_left_alone(tree, path, include):
    assert tree(path, include) == []


@pytest.mark.parametrize("path, include", [
    ("broker/base/a.h", '"broker/http/b.h"'),                  # one that comes later
    ("broker/http/a.cc", '"connectors/api/b.h"'),              # the other half
    ("broker/projections/sub/a.cc", '"connectors/api/b.h"'),
    ("broker/http/a.cc", '"broker/app/b.h"'),                  # the root
    ("connectors/api/a.cc", '"connectors/delivery/b.h"'),
    ("connectors/delivery/a.cc", '"broker/http/b.h"'),         # not for the worker
    ("broker/elsewhere/a.cc", '"broker/base/b.h"'),            # a folder nobody listed
    ("broker/http/a.cc", '"broker/elsewhere/b.h"'),
    ("broker/base/a.cc", "<boost/asio.hpp>"),                  # another folder's library
    ("broker/eventlog/a.cc", "<librdkafka/rdkafka.h>"),
    ("connectors/delivery/a.cc", "<curl/curl.h>"),
    ("broker/projections/a.cc", '"sqlite3.h"'),
    ("broker/http/a.cc", "<grpcpp/grpcpp.h>"),
])
def test_a_planted_violation_is_found(tree, path, include):
    found = tree(path, "<string>", include)
    assert len(found) == 1 and path in found[0]


def test_an_indented_include_counts(tree):
    assert len(tree("broker/base/a.h", '"broker/http/b.h"')) == 1
    assert layers.INCLUDE.findall('  #  include   "broker/http/b.h"  // x') == ["broker/http/b.h"]
