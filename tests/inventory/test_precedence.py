"""hardencheck's merge of variables equals Ansible's own, which is slower."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.vars.manager import VariableManager

from hardencheck.inventory import load
from hardencheck.inventory.display import listening
from hardencheck.inventory.host_variables import HostVariables
from hardencheck.inventory.sources import Loader, Sources
from tests.inventory.conftest import Write

TRICKY = {
    "one/hosts": """
lonely who=one_inline
[web]
web[1:3] ansible_port=22
web2 who=web2_inline
[db]
db1
web3
[zeta]
web1
[alpha]
web1
[prod:children]
web
db
[top:children]
prod
alpha
[all:vars]
who=all_ini
level=all_ini
[web:vars]
who=web_ini
level=web_ini
only_ini=yes
[db:vars]
who=db_ini
ansible_group_priority=10
[alpha:vars]
rank=alpha
[zeta:vars]
rank=zeta
[prod:vars]
rank=prod
who=prod_ini
""",
    "one/group_vars/all.yml": "who: all_file\nlevel: all_file\nthere: {a: 1, b: 2}\n",
    "one/group_vars/prod/a.yml": "who: prod_a\nthere: {a: 3}\n",
    "one/group_vars/prod/b.yml": "who: prod_b\n",
    "one/group_vars/web.json": '{"who": "web_file", "port": 1}',
    "one/group_vars/ungrouped": "level: ungrouped_file\n",
    "one/host_vars/web3.yml": "who: web3_file\n",
    "one/host_vars/web1/main.yml": "who: web1_file\nrank2: '{{ rank }}'\n",
    "two/more.yml": """
all:
  vars: {level: all_two}
  children:
    db:
      hosts: {db2: {who: db2_inline}, web1: {level: web1_two}}
      vars: {who: db_two}
""",
    "two/group_vars/db.yml": "who: db_two_file\n",
    "two/group_vars/all.yml": "who: all_two_file\nlevel: two\n",
    "two/host_vars/web1.yml": "who: web1_two_file\n",
}
MAGIC = {"groups", "hostvars", "omit", "playbook_dir", "vars", "environment"}


def ansible_and_own(paths: list[str]) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    with listening() as heard:
        loader = Loader(heard)
        sources = Sources(loader, paths, heard)
        own = HostVariables(sources, loader)
        plain_loader = DataLoader()
        plain_loader.set_basedir("/nonexistent")
        manager = VariableManager(loader=plain_loader, inventory=sources)
        return {
            host.name: (manager.get_vars(host=host, include_hostvars=False), own.get_vars(host))
            for host in sources.get_hosts()
        }


@pytest.mark.parametrize("order", [["one/hosts", "two"], ["two", "one"], ["one"], ["two/more.yml"]])
def test_variables_equal_those_of_ansibles_variable_manager(write: Write, order: list[str]) -> None:
    root = write(TRICKY).removesuffix("one/hosts")
    compared = ansible_and_own([root + path for path in order])

    assert len(compared) >= 2
    for name, (ansible, own) in compared.items():
        assert {key: ansible[key] for key in own} == own, name
        beyond = set(ansible) - set(own)
        assert {key for key in beyond if not key.startswith("ansible_")} <= MAGIC, name


def test_groups_run_from_the_most_general_to_the_most_specific(write: Write) -> None:
    hosts = {host.name: host for host in load([write(TRICKY)]).hosts}

    assert hosts["web1"].groups == ("all", "top", "zeta", "alpha", "prod", "web")
    assert hosts["web3"].groups == ("all", "top", "prod", "web", "db")  # db has the higher ansible_group_priority
    assert hosts["lonely"].groups == ("all", "ungrouped")


def test_all_groups_are_listed_also_beyond_the_limit(write: Write) -> None:
    inventory = load([write(TRICKY)], limit="db1")

    assert [host.name for host in inventory.hosts] == ["db1"]
    assert inventory.groups["web"] == ("web1", "web2", "web3")
    assert inventory.groups["prod"] == ("web1", "web2", "web3", "db1")
