"""Which variables count, and what becomes of wrong ones."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hardencheck.inventory import Credentials, load, local_host
from hardencheck.model.host import Become, Host, Jump, Secret
from hardencheck.model.outcome import Platform
from tests.inventory.conftest import Write


def only(path: str, credentials: Credentials | None = None) -> Host:
    (host,) = load([path], credentials=credentials).hosts
    return host


def test_a_bare_name_is_reached_by_ssh_as_the_current_user() -> None:
    assert only("web1,") == Host(name="web1", address="web1", groups=("all", "ungrouped"))


def test_every_connection_variable_is_honoured(write: Write) -> None:
    path = write(
        {
            "hosts.yml": """
servers:
  hosts:
    web1:
      ansible_host: 10.0.0.1
      ansible_port: "2222"
      ansible_user: scan
      ansible_connection: ansible.builtin.ssh
      ansible_ssh_private_key_file: ~/keys/id
      ansible_password: pw
      ansible_become: "yes"
      ansible_become_method: ansible.builtin.sudo
      ansible_become_user: admin
      ansible_become_password: 123456
      ansible_ssh_common_args: -o ProxyJump=op@[2001:db8::1]:2200,b.example
      client: acme
      process_unit: collections
      site: 7
      owner: Ann
"""
        }
    )

    assert only(path) == Host(
        name="web1",
        address="10.0.0.1",
        port=2222,
        user="scan",
        key_file=os.path.expanduser("~/keys/id"),
        password=Secret("pw"),
        become=Become("admin", Secret("123456")),
        jumps=(Jump("2001:db8::1", 2200, "op"), Jump("b.example")),
        groups=("all", "servers"),
        client="acme",
        process_unit="collections",
        site="7",
        owner="Ann",
    )


def test_legacy_names_win_over_new_ones_as_in_ansible(write: Write) -> None:
    host = only(
        write(
            {
                "h.ini": "w ansible_host=new ansible_ssh_host=old ansible_port=1 ansible_ssh_port=2 ansible_user=a"
                " ansible_ssh_user=b ansible_password=c ansible_ssh_pass=d ansible_become=1 ansible_become_pass=e\n"
            }
        )
    )

    assert (host.address, host.port, host.user, host.password) == ("old", 2, "b", Secret("d"))
    assert host.become == Become("root", Secret("e"))


def test_asked_passwords_fill_in_where_the_inventory_is_silent(write: Write) -> None:
    path = write({"h.ini": "a ansible_become=true\nb ansible_become=on ansible_password=x ansible_become_pass=y\n"})
    asked = Credentials(ask_pass=Secret("login"), become_password=Secret("root"))

    a, b = load([path], credentials=asked).hosts

    assert (a.password, a.become) == (Secret("login"), Become("root", Secret("root")))
    assert (b.password, b.become) == (Secret("x"), Become("root", Secret("y")))


def test_a_windows_host_uses_winrm_over_tls(write: Write) -> None:
    host = only(write({"h.ini": "pc ansible_connection=winrm ansible_user=scan ansible_password=x ansible_become=no"}))

    assert (host.platform, host.connection, host.port) == (Platform.WINDOWS, "winrm", 5986)
    assert host.problem is None


@pytest.mark.parametrize("plugin", ["ssh", "smart", "paramiko", "paramiko_ssh", "ansible.builtin.ssh"])
def test_all_ssh_plugins_mean_ssh(write: Write, plugin: str) -> None:
    assert only(write({"h.ini": f"w ansible_connection={plugin}"})).connection == "ssh"


def test_ipv6_ranges_and_ports_in_names(write: Write) -> None:
    path = write({"h.ini": "[2001:db8::5]:2222\npc[08:10].example ansible_become=no\n2001:db8::6 ansible_host=[::1]\n"})
    hosts = load([path]).hosts

    assert [(host.name, host.address, host.port) for host in hosts] == [
        ("2001:db8::5", "2001:db8::5", 2222),
        ("pc08.example", "pc08.example", 22),
        ("pc09.example", "pc09.example", 22),
        ("pc10.example", "pc10.example", 22),
        ("2001:db8::6", "::1", 22),
    ]


def test_templates_read_other_variables_groups_and_hosts(write: Write) -> None:
    path = write(
        {
            "hosts.ini": "[web]\nweb1\n[bastion]\ngate gate_port=2200 short='{{ inventory_hostname }}'\n",
            "group_vars/all.yml": "site_port: 22022\ndomain: example.com\n",
            "group_vars/web.yml": """
ansible_host: "{{ inventory_hostname }}.{{ domain }}"
ansible_port: "{{ site_port }}"
ansible_become: "{{ 1 == 1 }}"
ansible_user: "{{ lookup('pipe', 'echo from-pipe') }}"
ansible_ssh_common_args: "-J {{ groups['bastion'][0] }}:{{ hostvars['gate'].gate_port }}"
owner: "{{ hostvars.gate.short }}"
""",
        }
    )

    web, _ = load([path]).hosts

    assert (web.address, web.port, web.user) == ("web1.example.com", 22022, "from-pipe")
    assert (web.become, web.jumps, web.owner) == (Become(), (Jump("gate", 2200),), "gate")


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("ansible_port='{{ site_port }}'", "variable ansible_port cannot be resolved: 'site_port' is undefined"),
        ("ansible_host='{{ a.b.c }}'", "variable ansible_host cannot be resolved: 'a' is undefined"),
        ("client='{{ nobody }}'", "variable client cannot be resolved: 'nobody' is undefined"),
        ("ansible_user='{{ 1 / 0 }}'", "variable ansible_user cannot be resolved: Ansible cannot evaluate"),
        ("ansible_user='{{ x'", "variable ansible_user cannot be resolved: Ansible cannot evaluate"),
        ("ansible_port=70000", "variable ansible_port is '70000', expected a number from 1 to 65535"),
        ("ansible_port=ssh", "variable ansible_port is 'ssh', expected a number"),
        ("ansible_become=maybe", "variable ansible_become is 'maybe', expected yes or no"),
        ("ansible_become=yes ansible_become_method=su", "ansible_become_method 'su' is not supported; use sudo"),
        ("ansible_connection=docker", "ansible_connection 'docker' is not supported; use ssh, winrm or local"),
        ("ansible_host='a b'", "'a b' is not a host name or an IP address"),
        ("ansible_host=-oProxyCommand=x", "is not a host name or an IP address"),
        ("ansible_host='[1, 2]'", "variable ansible_host is not text"),
        ("ansible_user='\"a\\x1b[2Jb\"'", "variable ansible_user holds control characters"),
        ("ansible_ssh_common_args='-o ProxyCommand=\"nc %h %p\"'", "ProxyCommand is not supported; use -o ProxyJump"),
    ],
)
def test_an_unusable_variable_is_the_hosts_problem_and_no_others(write: Write, line: str, sentence: str) -> None:
    bad, good = load([write({"h.ini": f"bad {line}\ngood\n"})]).hosts

    assert bad.problem is not None
    assert sentence in bad.problem
    assert (bad.name, bad.groups) == ("bad", ("all", "ungrouped"))
    assert good.problem is None


def test_a_structure_called_site_is_left_out_with_one_warning(write: Write) -> None:
    path = write({"hosts.ini": "a\nb\n", "group_vars/all.yml": "site: {name: x}\n"})
    inventory = load([path])

    assert [host.site for host in inventory.hosts] == [None, None]
    assert inventory.warnings == ("variable site is not text and is left out (host a and 1 more)",)


def test_implicit_and_explicit_localhost(write: Write) -> None:
    assert local_host() == Host(name="localhost", address="localhost", connection="local")
    assert only("localhost,").connection == "ssh"  # as in Ansible, a named localhost has no settings of its own
    assert only(write({"h.ini": "localhost ansible_connection=local"})).connection == "local"


def test_the_same_name_twice_is_one_host(write: Write) -> None:
    path = write({"h.ini": "[a]\nweb1 client=acme\n[b]\nweb1 owner=Ann\n"})
    host = only(path)

    assert (host.client, host.owner, host.groups) == ("acme", "Ann", ("all", "a", "b"))


def test_values_are_plain_python_objects(write: Write) -> None:
    host = only(write({"h.ini": "w ansible_host=h ansible_user=u client=c ansible_port=23 ansible_password=p"}))

    assert [type(value) for value in (host.name, host.address, host.user, host.client)] == [str] * 4
    assert type(host.port) is int
    assert host.password is not None
    assert type(host.password.reveal()) is str


def test_the_shipped_example_is_valid() -> None:
    example = Path(__file__).parents[2] / "inventory.example.ini"
    inventory = load([str(example)])

    assert inventory.warnings == ()
    assert {host.problem for host in inventory.hosts} == {None}
    assert {"agents", "servers", "callcentre"} <= set(inventory.groups)
    hosts = {host.name: host for host in inventory.hosts}
    desk, till = hosts["desk-001"], hosts["till-001.floor2.example.net"]
    assert (till.platform, till.connection, till.port) == (Platform.WINDOWS, "winrm", 5986)
    assert (desk.client, desk.process_unit, desk.site) == ("acme", "collections", "manila-1")
    assert desk.become == Become()
    assert desk.jumps == (Jump("gate.example.net", 22, "hardencheck"),)
    assert all(host.owner for host in inventory.hosts)


def test_one_machine_under_several_names_is_told(write: Write) -> None:
    inventory = load(
        [
            write(
                {
                    "hosts.ini": "db1 ansible_host=10.0.0.1\ndb2 ansible_host=10.0.0.1\n"
                    "nat1 ansible_host=10.0.0.9 ansible_port=2201\nnat2 ansible_host=10.0.0.9 ansible_port=2202\n"
                    "far1 ansible_host=192.168.0.1 ansible_ssh_common_args='-J east'\n"
                    "far2 ansible_host=192.168.0.1 ansible_ssh_common_args='-J west'\n"
                    "here1 ansible_connection=local\nhere2 ansible_connection=local\n"
                }
            )
        ]
    )
    assert [warning.split(";")[0] for warning in inventory.warnings] == [
        "2 hosts (db1, db2) are one and the same: 10.0.0.1 port 22",
        "2 hosts (here1, here2) are one and the same: this machine",
    ]
