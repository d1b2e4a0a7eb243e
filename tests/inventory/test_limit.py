from __future__ import annotations

from collections.abc import Sequence

import pytest

from hardencheck.errors import InventoryError
from hardencheck.inventory import load
from tests.inventory.conftest import Write

HOSTS = "[web]\nweb1\nweb2\nweb3\n[db]\ndb1\nweb3\n[prod]\nweb1\nweb3\ndb1\n[empty]\n"


@pytest.mark.parametrize(
    ("limit", "names"),
    [
        (None, ["web1", "web2", "web3", "db1"]),
        ("all", ["web1", "web2", "web3", "db1"]),
        ("web:&prod:!db", ["web1"]),
        ("web,!web2", ["web1", "web3"]),
        ("!web", ["db1"]),
        ("w*3", ["web3"]),
        ("~(web|db)1", ["web1", "db1"]),
        ("web[0]", ["web1"]),
        ("web[-1]", ["web3"]),
        ("web[0:1]", ["web1", "web2"]),
        ("db1,empty", ["db1"]),
        ("@{path}/limit", ["web2", "db1"]),
    ],
)
def test_patterns_are_ansibles(write: Write, limit: str | None, names: Sequence[str]) -> None:
    path = write({"hosts.ini": HOSTS, "limit": "web2\ndb:!web3\ndb1\n".replace("db:!web3\n", "")})
    limit = limit and limit.format(path=path.removesuffix("/hosts.ini"))

    assert sorted(host.name for host in load([path], limit=limit).hosts) == sorted(names)


@pytest.mark.parametrize(
    ("limit", "said", "hint"),
    [
        ("wbe", "'wbe' matches no host and no group", "did you mean web"),
        ("web,db2", "'db2' matches no host and no group", "did you mean db"),
        ("all:!prdo", "'!prdo' matches no host and no group", "did you mean prod"),
        ("qqqqqq", "'qqqqqq' matches no host and no group", "groups are: all, db, empty, prod, ungrouped, web"),
        ("web:&empty", "leaves no hosts", "patterns are Ansible's"),
        ("empty", "leaves no hosts", "patterns are Ansible's"),
        ("web[9]", "No hosts matched the subscripted pattern", "patterns are Ansible's"),
        ("~(", "Invalid host list pattern", "patterns are Ansible's"),
        ("@/no/such/file", "Unable to find limit file", "@file"),
    ],
)
def test_a_pattern_that_selects_nothing_is_an_error(write: Write, limit: str, said: str, hint: str) -> None:
    with pytest.raises(InventoryError) as raised:
        load([write({"hosts.ini": HOSTS})], limit=limit)

    assert raised.value.exit_code == 78
    assert said in raised.value.message
    assert hint in str(raised.value.hint)


@pytest.mark.parametrize("limit", ["", " "])
def test_an_empty_pattern_is_not_the_whole_inventory(write: Write, limit: str) -> None:
    with pytest.raises(InventoryError, match="the pattern is empty"):
        load([write({"hosts.ini": HOSTS})], limit=limit)
