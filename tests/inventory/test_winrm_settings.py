"""The variables of Ansible's winrm and psrp plugins, and what is refused before anybody connects."""

from __future__ import annotations

import os

import pytest

from hardencheck.inventory import Credentials, load
from hardencheck.model.host import Host, Secret, WinRm, WinRmLogin
from hardencheck.model.outcome import Platform
from tests.inventory.conftest import Write


def only(write: Write, line: str, plugin: str = "winrm") -> Host:
    (host,) = load([write({"h.ini": f"pc ansible_connection={plugin} {line}\n"})]).hosts
    assert (host.platform, host.connection) == (Platform.WINDOWS, "winrm")
    return host


@pytest.mark.parametrize("plugin", ["winrm", "psrp", "ansible.builtin.winrm", "ansible.builtin.psrp"])
def test_the_defaults_are_https_and_the_best_login_there_is(write: Write, plugin: str) -> None:
    host = only(write, "", plugin)

    assert (host.port, host.winrm, host.problem) == (5986, WinRm(), None)
    assert host.winrm == WinRm("https", "/wsman", WinRmLogin.NEGOTIATE, None, None, None, False, None)


def test_every_winrm_variable_is_honoured(write: Write) -> None:
    path = write(
        {
            "hosts.yml": """
all:
  hosts:
    pc:
      ansible_connection: winrm
      ansible_host: pc.lab.example
      ansible_port: 6000
      ansible_user: audit@LAB.EXAMPLE
      ansible_password: pw
      ansible_winrm_scheme: https
      ansible_winrm_path: custom/wsman
      ansible_winrm_transport: [kerberos, ntlm]
      ansible_winrm_server_cert_validation: validate
      ansible_winrm_ca_trust_path: ~/ca.pem
      ansible_winrm_message_encryption: always
      ansible_winrm_kerberos_hostname_override: pc1.lab.example
"""
        }
    )
    (host,) = load([path]).hosts

    assert (host.address, host.port, host.user, host.password) == (
        "pc.lab.example",
        6000,
        "audit@LAB.EXAMPLE",
        Secret("pw"),
    )
    assert host.winrm == WinRm(
        path="/custom/wsman",
        login=WinRmLogin.KERBEROS,
        ca=os.path.expanduser("~/ca.pem"),
        seal=True,
        kerberos_name="pc1.lab.example",
    )


def test_every_psrp_variable_is_honoured(write: Write) -> None:
    host = only(
        write,
        "ansible_psrp_host=pc.lab.example ansible_psrp_port=6000 ansible_psrp_user=a ansible_password=p"
        " ansible_psrp_protocol=https ansible_psrp_path=x ansible_psrp_auth=ntlm ansible_psrp_ca_cert=/ca.pem"
        " ansible_psrp_message_encryption=always ansible_psrp_negotiate_hostname_override=h",
        "psrp",
    )

    assert (host.address, host.port, host.user, host.password) == ("pc.lab.example", 6000, "a", Secret("p"))
    assert host.winrm == WinRm("https", "/x", WinRmLogin.NTLM, "/ca.pem", None, None, True, "h")


@pytest.mark.parametrize(
    ("line", "plugin", "port", "scheme"),
    [
        ("", "winrm", 5986, "https"),
        ("ansible_port=5985", "winrm", 5985, "http"),
        ("ansible_winrm_port=5985", "winrm", 5985, "http"),
        ("ansible_port=5985 ansible_winrm_scheme=https", "winrm", 5985, "https"),
        ("ansible_winrm_scheme=http", "winrm", 5985, "http"),
        ("ansible_port=443", "winrm", 443, "https"),
        ("ansible_psrp_protocol=http", "psrp", 5985, "http"),
        ("ansible_psrp_port=5985", "psrp", 5985, "http"),
    ],
)
def test_port_and_scheme_follow_each_other(write: Write, line: str, plugin: str, port: int, scheme: str) -> None:
    host = only(write, line, plugin)

    assert host.winrm is not None
    assert (host.port, host.winrm.scheme) == (port, scheme)


@pytest.mark.parametrize(
    ("line", "login"),
    [
        ("ansible_winrm_transport=ntlm", WinRmLogin.NTLM),
        ("ansible_winrm_transport=kerberos", WinRmLogin.KERBEROS),
        ("ansible_winrm_transport=basic,ntlm", WinRmLogin.NTLM),
        ('ansible_winrm_transport=\'["ntlm", "basic"]\'', WinRmLogin.NTLM),
        ("ansible_winrm_transport=''", WinRmLogin.NEGOTIATE),
        ("ansible_winrm_transport=certificate ansible_winrm_cert_pem=/c ansible_winrm_cert_key_pem=/k", "certificate"),
        ("ansible_winrm_transport=ssl ansible_winrm_cert_pem=/c ansible_winrm_cert_key_pem=/k", "certificate"),
        ("ansible_winrm_cert_pem=/c ansible_winrm_cert_key_pem=/k", "certificate"),
    ],
)
def test_the_way_to_log_in(write: Write, line: str, login: str) -> None:
    host = only(write, line)

    assert host.problem is None
    assert host.winrm is not None
    assert host.winrm.login == login
    if login == "certificate":
        assert (host.winrm.certificate, host.winrm.certificate_key) == ("/c", "/k")


def test_the_last_name_of_a_setting_wins_as_in_ansible(write: Write) -> None:
    host = only(
        write,
        "ansible_host=a ansible_winrm_host=b ansible_user=a ansible_winrm_user=b ansible_password=a"
        " ansible_winrm_pass=b ansible_winrm_password=c ansible_port=1 ansible_winrm_port=2",
    )

    assert (host.address, host.user, host.password, host.port) == ("b", "b", Secret("c"), 2)


def test_a_ticket_that_somebody_else_got(write: Write) -> None:
    host = only(
        write,
        "ansible_user=a@B ansible_password=x ansible_winrm_transport=kerberos ansible_winrm_kinit_mode=manual",
    )

    assert host.password is None


def test_the_asked_password_is_for_windows_too(write: Write) -> None:
    path = write({"h.ini": "pc ansible_connection=winrm\n"})
    (host,) = load([path], credentials=Credentials(ask_pass=Secret("typed"))).hosts

    assert host.password == Secret("typed")


def test_ipv6(write: Write) -> None:
    assert only(write, "ansible_host=[2001:db8::7]").address == "2001:db8::7"


def test_become_is_told_to_mean_nothing(write: Write) -> None:
    inventory = load([write({"h.ini": "pc ansible_connection=winrm ansible_become=yes\n"})])

    assert inventory.warnings == ("ansible_become is ignored for Windows: the account itself needs rights (host pc)",)
    assert inventory.hosts[0].become is None


@pytest.mark.parametrize(
    ("line", "plugin", "words"),
    [
        ("ansible_winrm_server_cert_validation=ignore", "winrm", "put the CA into ansible_winrm_ca_trust_path"),
        ("ansible_psrp_cert_validation=ignore", "psrp", "put the CA into ansible_psrp_cert_trust_path"),
        ("ansible_winrm_transport=basic", "winrm", "Basic shows every host the password itself"),
        ("ansible_winrm_transport=plaintext", "winrm", "use kerberos or ntlm"),
        ("ansible_winrm_transport=ssl", "winrm", "use kerberos or ntlm"),
        ("ansible_winrm_transport=credssp", "winrm", "CredSSP hands every host the password"),
        ("ansible_psrp_auth=basic", "psrp", "Basic shows"),
        ("ansible_psrp_auth=credssp", "psrp", "CredSSP hands"),
        ("ansible_winrm_transport=magic", "winrm", "'magic' is not supported: use kerberos, ntlm or certificate"),
        ("ansible_winrm_transport=certificate", "winrm", "set ansible_winrm_cert_pem and ansible_winrm_cert_key_pem"),
        ("ansible_port=5985 ansible_winrm_message_encryption=never", "winrm", "nothing is sent over plain HTTP"),
        ("ansible_port=5985 ansible_winrm_cert_pem=/c ansible_winrm_cert_key_pem=/k", "winrm", "plain HTTP"),
        ("ansible_winrm_scheme=ftp", "winrm", "is 'ftp', expected http or https"),
        ("ansible_winrm_server_cert_validation=maybe", "winrm", "expected validate or ignore"),
        ("ansible_winrm_path='/ws man'", "winrm", "expected a path such as /wsman"),
        ("ansible_winrm_path='@evil.example/'", "winrm", "expected a path such as /wsman"),
        ("ansible_winrm_proxy=http://p:3128", "winrm", "connects to the host itself"),
        ("ansible_psrp_proxy=http://p:3128", "psrp", "connects to the host itself"),
        ("ansible_psrp_configuration_name=jea", "psrp", "the checks need the whole shell"),
        ("ansible_port=70000", "winrm", "expected a number from 1 to 65535"),
        ("ansible_host='a b'", "winrm", "is not a host name or an IP address"),
    ],
)
def test_what_is_refused_before_anybody_connects(write: Write, line: str, plugin: str, words: str) -> None:
    host = only(write, f"ansible_user=u ansible_password=hush-hush {line}", plugin)

    assert host.problem is not None
    assert words in host.problem
    assert "hush-hush" not in host.problem


def test_ignored_validation_means_nothing_over_http(write: Write) -> None:
    assert only(write, "ansible_port=5985 ansible_winrm_server_cert_validation=ignore").problem is None
